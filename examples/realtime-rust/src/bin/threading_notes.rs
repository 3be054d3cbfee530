//! Callbacks that share state: `threading_notes URL`
//!
//! Each callback runs on a task of its own, perhaps on two threads at once: what they share needs a lock. A stream that is read in
//! one task needs none, see `real_time_dashboard`.

use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tidewire_client::realtime::Event;
use tidewire_client::{Client, Error};

#[derive(Default)]
struct Counts {
    posts: u64,
    comments: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;
    let counts = Arc::new(Mutex::new(Counts::default()));

    let shared = counts.clone();
    let on_post = move |event| count(event, &shared, |counts| counts.posts += 1);
    let _posts = client.collection("posts").subscribe::<Value>("*").callback(on_post).await?;

    let on_comment = move |event| count(event, &counts, |counts| counts.comments += 1);
    let _comments = client.collection("comments").subscribe::<Value>("*").callback(on_comment).await?;

    println!("Counting changes.");
    // the connection is kept, and made anew when it is lost, as long as anybody listens
    std::future::pending().await
}

fn count(event: Result<Event<Value>, Error>, counts: &Mutex<Counts>, add: impl FnOnce(&mut Counts)) {
    match event {
        Ok(Event::Record { .. }) => {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut counts);
            println!("posts: {}, comments: {}", counts.posts, counts.comments);
        }
        Ok(_) => {}
        Err(error) => eprintln!("{error}"),
    }
}
