//! How the connection stands, for a line in the UI: `connection_monitoring URL`

use serde::Deserialize;
use tidewire_client::realtime::{Event, GREETING};
use tidewire_client::{Client, Error};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Greeting {
    client_id: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;

    // monitor connection state
    client.realtime().on_disconnect(handle_disconnect);
    // monitor connection establishment: PB_CONNECT, the first event of each connection
    let greetings = client.realtime().subscribe(GREETING).callback(on_connect).await?;

    BufReader::new(stdin()).read_line(&mut String::new()).await?;
    greetings.unsubscribe();
    let mut state = client.realtime().state();
    state.wait_for(|state| *state == tidewire_client::realtime::State::Idle).await?;
    Ok(())
}

fn handle_disconnect(active_topics: &[String]) {
    if active_topics.is_empty() {
        println!("No active subscriptions; connection closed.");
    } else {
        println!("Connection lost, attempting to reconnect...");
        show_connection_status("Reconnecting...");
    }
}

fn on_connect(event: Result<Event<Greeting>, Error>) {
    if let Ok(Event::Message { data, .. }) = event {
        println!("Connected to realtime: {}", data.client_id);
        show_connection_status("Connected");
    }
}

fn show_connection_status(status: &str) {
    println!("Connection status: {status}");
}
