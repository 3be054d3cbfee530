//! A client's end of a stream.

use crate::server::MARK;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Nothing takes so long; a test that waits for it has failed.
const FOREVER: Duration = Duration::from_secs(30);

pub struct Stream {
    pub id: String,
    /// the answer's head
    pub head: String,
    reader: BufReader<TcpStream>,
    /// events of the last chunk
    rest: VecDeque<Event>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// "" if the frame has none
    pub id: String,
    pub topic: String,
    pub data: Json,
    /// the whole frame
    pub raw: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    Event(Event),
    Comment,
    End,
}

impl Event {
    pub fn action(&self) -> &str {
        self.data["action"].as_str().unwrap_or("?")
    }

    pub fn record(&self) -> &Json {
        &self.data["record"]
    }

    /// "action title", as tables write it.
    pub fn short(&self) -> String {
        match self.record()["title"].as_str() {
            Some(title) => format!("{} {title}", self.action()),
            None => self.action().to_owned(),
        }
    }
}

impl Stream {
    pub async fn open(address: SocketAddr, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /api/realtime HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened = Self {
            id: String::new(),
            head: String::new(),
            reader: BufReader::new(stream),
            rest: VecDeque::new(),
        };
        while !opened.head.ends_with("\r\n\r\n") {
            opened.reader.read_line(&mut opened.head).await.unwrap();
        }
        let greeting = opened.event().await;
        assert_eq!(greeting.topic, "PB_CONNECT");
        opened.id = greeting.id;
        opened
    }

    pub fn socket(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }

    pub async fn chunk(&mut self) -> Chunk {
        tokio::time::timeout(FOREVER, self.read_chunk()).await.expect("a chunk in time")
    }

    /// The next event, whatever comments come before it.
    pub async fn event(&mut self) -> Event {
        loop {
            match self.chunk().await {
                Chunk::Event(event) => return event,
                Chunk::Comment => {}
                Chunk::End => panic!("the stream has ended"),
            }
        }
    }

    /// All events before the next mark. That nobody can replay marks is of no interest.
    pub async fn until_mark(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await;
            if event.topic == MARK {
                return events;
            }
            if event.data["topic"] != MARK {
                events.push(event);
            }
        }
    }

    /// The same, as tables write them.
    pub async fn short_until_mark(&mut self) -> String {
        let events = self.until_mark().await;
        events.iter().map(Event::short).collect::<Vec<_>>().join(", ")
    }

    /// A chunk is one frame, or several of a snapshot.
    async fn read_chunk(&mut self) -> Chunk {
        if let Some(event) = self.rest.pop_front() {
            return Chunk::Event(event);
        }
        let mut size = String::new();
        self.reader.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap_or_else(|_| panic!("{size:?}"));
        let mut bytes = vec![0; size + 2];
        self.reader.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(size);
        let raw = String::from_utf8(bytes).unwrap();
        match raw.as_str() {
            "" => Chunk::End,
            ":\n\n" => Chunk::Comment,
            _ => {
                assert!(raw.is_ascii() && raw.ends_with("\n\n"), "{raw:?}");
                self.rest = raw.split_inclusive("\n\n").map(|event| parse(event.to_owned())).collect();
                self.rest.pop_front().map_or(Chunk::End, Chunk::Event)
            }
        }
    }
}

fn parse(raw: String) -> Event {
    let mut event = Event { id: String::new(), topic: String::new(), data: Json::Null, raw: raw.clone() };
    for line in raw.trim_end().lines() {
        match line.split_once(':') {
            Some(("id", value)) => event.id = value.to_owned(),
            Some(("event", value)) => event.topic = value.to_owned(),
            Some(("data", value)) => event.data = serde_json::from_str(value).unwrap(),
            _ => panic!("{raw:?}"),
        }
    }
    event
}
