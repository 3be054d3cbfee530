//! All subscriptions are given up when the program is told to end: `cleanup_on_exit URL`

use serde_json::Value;
use tidewire_client::realtime::{Event, Listener, State};
use tidewire_client::{Client, Error};
use tokio::signal::unix::{SignalKind, signal};

/// Keeps subscriptions until its end.
struct RealtimeSubscription {
    client: Client,
    subscriptions: Vec<Listener>,
}

impl RealtimeSubscription {
    fn new(client: Client) -> Self {
        Self { client, subscriptions: Vec::new() }
    }

    /// Subscribes to a topic and keeps the listener.
    async fn subscribe(
        &mut self,
        collection_name: &str,
        topic: &str,
        handler: impl FnMut(Result<Event<Value>, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let listener = self.client.collection(collection_name).subscribe(topic).callback(handler).await?;
        self.subscriptions.push(listener);
        Ok(())
    }

    /// Dropping a listener unsubscribes it and cannot fail, so dropping this does the same; here we also wait until the
    /// connection is closed.
    async fn cleanup(self) -> anyhow::Result<()> {
        println!("Unsubscribing from {}.", self.subscriptions.len());
        drop(self.subscriptions);
        self.client.realtime().state().wait_for(|state| *state == State::Idle).await?;
        println!("The connection is closed.");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    // from here on, neither Ctrl-C nor a service manager ends the program without its clean-up
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);

    let mut rt = RealtimeSubscription::new(Client::new(url)?);
    rt.subscribe("posts", "*", on_post).await?;
    rt.subscribe("comments", "*", on_post).await?;
    println!("Listening. Press Ctrl-C to leave.");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    rt.cleanup().await
}

fn on_post(event: Result<Event<Value>, Error>) {
    match event {
        Ok(Event::Record { action, record, .. }) => println!("Changed: {action} {}", record["id"]),
        Ok(_) => {}
        Err(error) => eprintln!("{error}"),
    }
}
