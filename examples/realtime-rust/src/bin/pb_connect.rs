//! Which connection it is, when it is lost, and when it is not needed any more: `pb_connect URL`

use serde_json::Value;
use tidewire_client::Client;
use tidewire_client::realtime::State;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::sync::watch;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;
    client.realtime().on_disconnect(handle_disconnect);
    let posts = client.collection("posts").subscribe::<Value>("*").callback(|_| {}).await?;

    println!("Press Enter to leave.");
    let (mut input, mut line) = (BufReader::new(stdin()), String::new());
    tokio::select! {
        read = input.read_line(&mut line) => drop(read?),
        () = show_connections(client.realtime().state()) => {}
    }

    posts.unsubscribe();
    client.realtime().state().wait_for(|state| *state == State::Idle).await?;
    Ok(())
}

/// The client hears `PB_CONNECT` by itself, and keeps the id that the server has given it.
async fn show_connections(mut state: watch::Receiver<State>) {
    loop {
        if let State::Connected { client_id } = &*state.borrow_and_update() {
            println!("Connected as {client_id}.");
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

fn handle_disconnect(active_topics: &[String]) {
    if active_topics.is_empty() {
        println!("No active subscriptions; connection closed.");
    } else {
        println!("Connection lost, waiting for auto-reconnect…");
    }
}
