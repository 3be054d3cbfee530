//! Listens to all posts until one is made, then to that one until it is deleted: `basic_usage URL`

use serde::Deserialize;
use tidewire_client::Client;
use tidewire_client::realtime::{Action, Event};

#[derive(Deserialize)]
struct Post {
    id: String,
    title: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let posts = Client::new(url)?.collection("posts");

    // every change of every post; whatever is committed from here on is told
    let mut all = posts.subscribe::<Post>("*").await?;
    println!("Listening to all posts.");
    let mut made = None;
    while let Some(event) = all.next().await {
        if let Event::Record { action, record, .. } = event? {
            on_post_update(action, &record);
            if action == Action::Create {
                made = Some(record);
                break;
            }
        }
    }

    // later: whoever drops a subscription unsubscribes
    drop(all);

    let Some(Post { id, title }) = made else { return Ok(()) };
    let mut one = posts.subscribe::<Post>(&id).await?;
    println!("Listening to {title:?} alone.");
    while let Some(event) = one.next().await {
        if let Event::Record { action, record, .. } = event? {
            on_post_update(action, &record);
            if action == Action::Delete {
                break;
            }
        }
    }
    Ok(())
}

fn on_post_update(action: Action, post: &Post) {
    println!("{action} {}", post.title);
}
