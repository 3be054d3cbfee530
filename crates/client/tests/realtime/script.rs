//! A server that says what a test wants it to say.

use serde_json::Value as Json;
use tidewire_client::Client;
use tidewire_client::realtime::Backoff;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

pub struct Script {
    pub client: Client,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// What a client wants.
enum Call {
    Stream(TcpStream),
    Post(Post),
}

/// A stream of events that is open.
pub struct Open(TcpStream);

/// The topics of a stream, to be answered.
pub struct Post {
    pub topics: Vec<String>,
    pub client_id: String,
    answer: oneshot::Sender<String>,
}

impl Script {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        client.realtime().set_backoff(Backoff {
            base: std::time::Duration::from_millis(5),
            cap: std::time::Duration::from_millis(50),
        });
        let (told, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, told.clone()));
            }
        });
        Self { client, calls }
    }

    /// The next stream, greeted.
    pub async fn stream(&mut self, id: &str) -> Open {
        match self.calls.recv().await.unwrap() {
            Call::Stream(stream) => {
                let mut open = Open(stream);
                open.say(&format!("id:{id}\nevent:PB_CONNECT\ndata:{{\"clientId\":\"{id}\"}}\n\n")).await;
                open
            }
            Call::Post(post) => panic!("a request for {:?}, and no stream", post.topics),
        }
    }

    pub async fn post(&mut self) -> Post {
        match self.calls.recv().await.unwrap() {
            Call::Post(post) => post,
            Call::Stream(_) => panic!("a stream, and no request"),
        }
    }
}

impl Open {
    pub async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }
}

impl Post {
    /// Takes the topics; with a cursor as Tidewire does.
    pub fn accept(self, cursor: Option<&str>) {
        let cursor = cursor.map(|cursor| format!("Tidewire-Cursor: {cursor}\r\n")).unwrap_or_default();
        self.answer.send(format!("HTTP/1.1 204 No Content\r\nConnection: close\r\n{cursor}\r\n")).unwrap();
    }

    pub fn refuse(self, status: u16, message: &str) {
        let body = serde_json::json!({ "status": status, "message": message, "data": {} }).to_string();
        let head =
            format!("HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        self.answer.send(head + &body).unwrap();
    }
}

async fn serve(mut stream: TcpStream, told: mpsc::UnboundedSender<Call>) {
    let mut text = String::new();
    let (head, length) = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if text.len() >= end + 4 + length.unwrap_or(0) || count == 0 {
                break (head, end + 4);
            }
        } else if count == 0 {
            return;
        }
    };
    if head.starts_with("get") {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // the test may have ended
        let _ = told.send(Call::Stream(stream));
        return;
    }
    let body: Json = serde_json::from_str(&text[length..]).unwrap();
    let topics = body["subscriptions"].as_array().unwrap().iter().map(|topic| topic.as_str().unwrap().into());
    let (answer, answered) = oneshot::channel();
    let post =
        Post { topics: topics.collect(), client_id: body["clientId"].as_str().unwrap().into(), answer };
    // the test may have ended
    let _ = told.send(Call::Post(post));
    if let Ok(answer) = answered.await {
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}
