//! Users listen to all posts, guests to public ones: `conditional_subscriptions URL [EMAIL PASSWORD]`

use serde::Deserialize;
use tidewire_client::realtime::{Action, Event, Subscription};
use tidewire_client::{Client, Error};

#[derive(Deserialize)]
struct Post {
    title: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let (url, user) = match &words[..] {
        [_, url] => (url, None),
        [_, url, email, password] => (url, Some((email, password))),
        _ => anyhow::bail!("usage: conditional_subscriptions URL [EMAIL PASSWORD]"),
    };
    let client = Client::new(url)?;
    if let Some((email, password)) = user {
        client.collection("users").auth_with_password(email, password).await?;
    }
    let mut posts = setup_conditional_subscriptions(&client).await?;
    while let Some(event) = posts.next().await {
        if let Event::Record { action, record, .. } = event? {
            handler(action, &record);
        }
    }
    Ok(())
}

/// What is subscribed to follows from who asks.
async fn setup_conditional_subscriptions(client: &Client) -> Result<Subscription<Post>, Error> {
    let posts = client.collection("posts").subscribe("*");
    let (who, filter) = if client.auth().is_valid() {
        // authenticated user: private posts too
        ("user", "@request.auth.id != ''")
    } else {
        // guest user: only public posts
        ("guest", "public = true")
    };
    let posts = posts.filter(filter).await?;
    println!("Listening as a {who}.");
    Ok(posts)
}

fn handler(action: Action, post: &Post) {
    println!("Post {action}: {}", post.title);
}
