//! What may go wrong, and how one tells it apart: `error_handling URL COLLECTION`

use serde::Deserialize;
use serde_json::Value;
use tidewire_client::realtime::Event;
use tidewire_client::{Client, Error};

#[derive(Deserialize)]
struct Post {
    title: String,
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(collection)) = (words.next(), words.next()) else {
        eprintln!("usage: error_handling URL COLLECTION");
        return;
    };
    match listen(url, &collection).await {
        Ok(()) => {}
        Err(Error::Response { status: 403, .. }) => println!("Permission denied"),
        Err(Error::Response { status: 404, .. }) => println!("Collection not found"),
        Err(Error::Response { status, message, .. }) => println!("Subscription error: {message} ({status})"),
        // the server is not there: `subscribe(…).patient()` would wait for it
        Err(error) if error.is_temporary() => println!("Try again later: {error}"),
        Err(error) => println!("Unexpected error: {error}"),
    }
}

async fn listen(url: String, collection: &str) -> Result<(), Error> {
    let posts = Client::new(url)?.collection(collection);
    let first = posts.get_list::<Value>(1, 20).await?;
    let mut events = posts.subscribe::<Post>("*").await?;
    println!("Listening. There are {} so far.", first.total_items);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Record { action, record, .. }) => println!("Event: {action} {}", record.title),
            Ok(_) => {}
            // an event that cannot be read does not end the subscription
            Err(Error::Decode { reason, .. }) => println!("Not a post: {reason}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
