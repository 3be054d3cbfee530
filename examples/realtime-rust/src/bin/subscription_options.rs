//! A filter with a value in its place, expanded relations, and a header for rules: `subscription_options URL`

use serde::Deserialize;
use serde_json::json;
use tidewire_client::realtime::{Action, Event};
use tidewire_client::{Client, filter};

#[derive(Deserialize)]
struct Post {
    title: String,
    #[serde(default)]
    expand: Expand,
}

#[derive(Default, Deserialize)]
struct Expand {
    author: Option<User>,
}

#[derive(Deserialize)]
struct User {
    name: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;

    let mut posts = client
        .collection("posts")
        .subscribe::<Post>("*")
        .filter(filter("status = {:status}", &[("status", json!("published"))])?)
        .expand("author")
        // rules read it as @request.headers.x_app_instance
        .header("X-App-Instance", "cli")
        .await?;
    println!("Listening to published posts.");

    while let Some(event) = posts.next().await {
        if let Event::Record { action, record, .. } = event? {
            on_post_update(action, &record);
        }
    }
    Ok(())
}

fn on_post_update(action: Action, post: &Post) {
    let author = post.expand.author.as_ref().map_or("nobody", |author| &author.name);
    println!("{action} {} by {author}", post.title);
}
