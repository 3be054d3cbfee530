//! Two collections in one loop: `real_time_dashboard URL`

use serde::Deserialize;
use tidewire_client::Client;
use tidewire_client::realtime::{Action, Event, Subscription};

#[derive(Deserialize)]
struct Post {
    title: String,
    #[serde(default)]
    expand: Expand,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    post_id: String,
    #[serde(default)]
    expand: Expand,
}

#[derive(Default, Deserialize)]
struct Expand {
    #[serde(alias = "author")]
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    name: String,
}

struct Dashboard {
    posts: Subscription<Post>,
    comments: Subscription<Comment>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;
    let mut dashboard = setup_dashboard(&client).await?;
    println!("The dashboard is up.");
    loop {
        tokio::select! {
            Some(event) = dashboard.posts.next() => on_post(&event?),
            Some(event) = dashboard.comments.next() => on_comment(&event?),
            else => return Ok(()),
        }
    }
}

/// Both share one connection.
async fn setup_dashboard(client: &Client) -> anyhow::Result<Dashboard> {
    let posts = client.collection("posts").subscribe("*").filter("status = 'published'").expand("author");
    let comments = client.collection("comments").subscribe("*").expand("user");
    Ok(Dashboard { posts: posts.await?, comments: comments.await? })
}

fn on_post(event: &Event<Post>) {
    match event {
        Event::Record { action: Action::Create, record, .. } => add_post_to_feed(record),
        Event::Record { action: Action::Update, record, .. } => update_post_in_feed(record),
        _ => {}
    }
}

fn on_comment(event: &Event<Comment>) {
    if let Event::Record { record, .. } = event {
        update_comments_count(&record.post_id, record.expand.name());
    }
}

fn add_post_to_feed(post: &Post) {
    println!("New post: {} by {}", post.title, post.expand.name());
}

fn update_post_in_feed(post: &Post) {
    println!("Post updated: {}", post.title);
}

fn update_comments_count(post_id: &str, user: &str) {
    println!("Comments updated for post: {post_id} by {user}");
}

impl Expand {
    fn name(&self) -> &str {
        self.user.as_ref().map_or("nobody", |user| &user.name)
    }
}
