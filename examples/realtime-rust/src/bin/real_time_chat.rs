//! The messages of one room of a chat: `real_time_chat URL ROOM_ID`

use serde::Deserialize;
use serde_json::json;
use tidewire_client::realtime::{Action, Event, Listener};
use tidewire_client::{Client, Error, filter};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[derive(Deserialize)]
struct Message {
    id: String,
    content: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(room_id)) = (words.next(), words.next()) else {
        anyhow::bail!("usage: real_time_chat URL ROOM_ID");
    };
    let client = Client::new(url)?;

    let chat = setup_chat_room(&client, &room_id).await?;
    println!("You are in {room_id}. Press Enter to leave.");
    BufReader::new(stdin()).read_line(&mut String::new()).await?;

    chat.unsubscribe();
    println!("You have left.");
    Ok(())
}

/// Subscribes to the messages of a room; the server sends those of no other.
async fn setup_chat_room(client: &Client, room_id: &str) -> Result<Listener, Error> {
    let filter = filter("roomId = {:room}", &[("room", json!(room_id))])?;
    client.collection("messages").subscribe("*").filter(filter).callback(on_message).await
}

fn on_message(event: Result<Event<Message>, Error>) {
    match event {
        Ok(Event::Record { action: Action::Create, record, .. }) => display_message(&record),
        Ok(Event::Record { action: Action::Delete, record, .. }) => remove_message(&record.id),
        Ok(_) => {}
        Err(error) => eprintln!("{error}"),
    }
}

fn display_message(message: &Message) {
    println!("New message: {}", message.content);
}

fn remove_message(message_id: &str) {
    println!("Message deleted: {message_id}");
}
