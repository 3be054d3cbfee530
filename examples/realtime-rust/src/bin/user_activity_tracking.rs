//! Changes of the posts of whoever signs in: `user_activity_tracking URL EMAIL PASSWORD`

use serde::Deserialize;
use serde_json::json;
use tidewire_client::realtime::{Action, Event};
use tidewire_client::{Client, filter};

#[derive(Deserialize)]
struct Post {
    title: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, email, password] = &words[..] else {
        anyhow::bail!("usage: user_activity_tracking URL EMAIL PASSWORD");
    };
    let client = Client::new(url)?;
    client.collection("users").auth_with_password(email, password).await?;
    let user = client.auth().auth().record;
    let Some(user_id) = user["id"].as_str() else { anyhow::bail!("a user without an id") };
    track_user_activity(&client, user_id).await
}

/// The server sends changes of the user's own posts only.
async fn track_user_activity(client: &Client, user_id: &str) -> anyhow::Result<()> {
    let own = filter("author = {:user}", &[("user", json!(user_id))])?;
    let mut posts = client.collection("posts").subscribe::<Post>("*").filter(own).await?;
    println!("Tracking {user_id}.");
    while let Some(event) = posts.next().await {
        let Event::Record { action, record, .. } = event? else { continue };
        println!("Your post {action}: {}", record.title);
        if action == Action::Update {
            show_notification("Post updated");
        }
    }
    Ok(())
}

fn show_notification(message: &str) {
    println!("Notification: {message}");
}
