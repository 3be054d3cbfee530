//! Which connection it is, when it is lost, and when it is not needed any more: `pb_connect URL`

use serde_json::Value;
use tidewire_client::Client;
use tidewire_client::realtime::State;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;
    client.realtime().on_disconnect(handle_disconnect);

    let posts = client.collection("posts").subscribe::<Value>("*").callback(|_| {}).await?;
    // the client hears PB_CONNECT by itself, and keeps the id that the server has given it
    let mut state = client.realtime().state();
    if let State::Connected { client_id } = &*state.borrow() {
        println!("Connected as {client_id}. Press Enter to leave.");
    }
    BufReader::new(stdin()).read_line(&mut String::new()).await?;

    posts.unsubscribe();
    state.wait_for(|state| *state == State::Idle).await?;
    Ok(())
}

fn handle_disconnect(active_topics: &[String]) {
    if active_topics.is_empty() {
        println!("No active subscriptions; connection closed.");
    } else {
        println!("Connection lost, waiting for auto-reconnect…");
    }
}
