//! A local cache of published posts that events keep in step with the server: `tips URL`
//!
//! The filter spares the server and the network what nobody here wants, and `expand` brings the author with each event. The
//! snapshot and what follows it have neither gap nor overlap, so nothing is loaded apart.

use serde::Deserialize;
use std::collections::BTreeMap;
use tidewire_client::Client;
use tidewire_client::realtime::{Action, Event};

/// Of a post that left only the id is told, so all else has a default.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Post {
    id: String,
    title: String,
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

/// Posts by their ids.
#[derive(Default)]
struct Cache {
    posts: BTreeMap<String, Post>,
    is_complete: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;

    let mut events = client
        .collection("posts")
        .subscribe::<Post>("*")
        .filter("status = 'published'")
        .expand("author")
        .snapshot()
        // also tells when an update takes a post out of the filter
        .leave()
        .await?;
    let mut cache = Cache::default();
    while let Some(event) = events.next().await {
        cache.take(event?);
        if cache.is_complete {
            cache.show();
        }
    }
    Ok(())
}

impl Cache {
    fn take(&mut self, event: Event<Post>) {
        match event {
            Event::Record { action: Action::Delete | Action::Leave, record, .. } => {
                self.posts.remove(&record.id);
            }
            Event::Record { record, .. } => {
                self.posts.insert(record.id.clone(), record);
            }
            Event::Live { .. } => self.is_complete = true,
            // what was missed is too long ago: a new snapshot follows
            Event::Reset { .. } => *self = Self::default(),
            _ => {}
        }
    }

    fn show(&self) {
        let author =
            |post: &Post| post.expand.author.as_ref().map_or("nobody", |author| &author.name).to_owned();
        let lines: Vec<String> =
            self.posts.values().map(|post| format!("{} by {}", post.title, author(post))).collect();
        println!("[{}]", lines.join(", "));
    }
}
