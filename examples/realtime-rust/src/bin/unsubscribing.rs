//! One listener, all of a topic, all below a prefix, and all there are: `unsubscribing URL RECORD_ID`

use serde_json::Value;
use tidewire_client::Client;
use tidewire_client::realtime::{State, Subscription};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(record_id)) = (words.next(), words.next()) else {
        anyhow::bail!("usage: unsubscribing URL RECORD_ID");
    };
    let client = Client::new(url)?;
    let (posts, realtime) = (client.collection("posts"), client.realtime());

    let first = posts.subscribe::<Value>("*").await?;
    let mut second = posts.subscribe::<Value>("*").await?;
    let record = posts.subscribe::<Value>(&record_id).await?;
    let jobs = realtime.subscribe::<Value>("jobs/finished").await?;

    // this listener only
    drop(first);
    println!("Make a post.");
    if let Some(event) = second.next().await {
        println!("The second listener heard {:?}.", event?.record().map(|post| &post["title"]));
    }

    // every listener of that topic
    posts.unsubscribe(&record_id);
    ended("the record", record).await;

    // every listener of the collection
    realtime.unsubscribe_by_prefix("posts/");
    ended("the collection", second).await;

    // every topic
    realtime.unsubscribe_all();
    ended("jobs", jobs).await;

    realtime.state().wait_for(|state| *state == State::Idle).await?;
    println!("The connection is closed.");
    Ok(())
}

/// A stream that was unsubscribed ends after what it has heard before.
async fn ended(name: &str, mut subscription: Subscription<Value>) {
    while subscription.next().await.is_some() {}
    println!("Nobody listens to {name} any more.");
}
