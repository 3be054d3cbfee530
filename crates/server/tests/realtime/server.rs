//! A server in this process, on a folder of its own.

use crate::stream::Stream;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use tempfile::TempDir;
use tidewire_server::command::{Command, Outcome};
use tidewire_server::config::Config;
use tidewire_server::control;
use tidewire_server::serve::Running;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

pub const PASSWORD: &str = "a-long-password";
/// The topic that `mark` publishes to.
pub const MARK: &str = "mark";

pub struct Server {
    running: Option<Running>,
    pub config: Config,
    /// of a superuser
    pub token: String,
    folder: TempDir,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), folder.path());
        // several, and always; `FEED_SHARDS=1 cargo test -p tidewire-server` for another number
        config.realtime.shards = option_env!("FEED_SHARDS").map_or(3, |shards| shards.parse().unwrap());
        config.realtime.much = 1;
        change(&mut config);
        let mut server = Self { running: None, config, token: String::new(), folder };
        server.run().await;
        let (email, password) = ("root@example.com".to_owned(), PASSWORD.to_owned());
        server.command(Command::SuperuserUpsert { email, password }).await.unwrap();
        server.token = server.sign_in("_superusers", "root@example.com").await;
        server
    }

    async fn run(&mut self) {
        // the last handles on the old store may still be going
        while self.running.is_none() {
            match Running::start(self.config.clone()).await {
                Ok(running) => self.running = Some(running),
                Err(error) => assert!(format!("{error:#}").contains("in use"), "{error:#}"),
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// After [`Server::stop`].
    pub async fn restart_stopped(&mut self) {
        self.run().await;
    }

    /// As the command line does it.
    pub async fn command(&self, command: Command) -> Outcome {
        let folder = self.folder.path().to_owned();
        tokio::task::spawn_blocking(move || control::ask(&folder, &command)).await.unwrap().unwrap().unwrap()
    }

    pub async fn sign_in(&self, collection: &str, email: &str) -> String {
        let path = format!("/api/collections/{collection}/auth-with-password");
        let answer = self.post(&path, "", json!({ "identity": email, "password": PASSWORD })).await;
        answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
    }

    /// A user and a token of it.
    pub async fn user(&self, name: &str) -> (String, String) {
        let email = format!("{name}@example.com");
        let body = json!({ "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD, "name": name });
        let record = self.create("users", body).await;
        (record["id"].as_str().unwrap().to_owned(), self.sign_in("users", &email).await)
    }

    /// A public base collection with text fields of these names, and with what `more` adds or replaces.
    pub async fn collection(&self, name: &str, fields: &[&str], more: Json) -> String {
        let mut fields: Vec<Json> =
            fields.iter().map(|field| json!({ "name": field, "type": "text" })).collect();
        fields.extend(more["fields"].as_array().cloned().unwrap_or_default());
        let mut body = json!({
            "name": name, "type": "base", "listRule": "", "viewRule": "", "createRule": "", "updateRule": "",
            "deleteRule": "",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body["fields"] = json!(fields);
        let answer = self.post("/api/collections", &self.token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn create(&self, collection: &str, body: Json) -> Json {
        let answer = self.post(&format!("/api/collections/{collection}/records"), &self.token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn update(&self, collection: &str, id: &str, body: Json) -> Json {
        let path = format!("/api/collections/{collection}/records/{id}");
        let answer = self.request("PATCH", &path, &self.token, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn delete(&self, collection: &str, id: &str) {
        let path = format!("/api/collections/{collection}/records/{id}");
        let answer = self.request("DELETE", &path, &self.token, String::new()).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }

    pub async fn publish(&self, topic: &str, data: Json) {
        let body = json!({ "topic": topic, "data": data });
        let answer = self.post("/api/pubsub/publish", &self.token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Whoever is subscribed to `MARK` has been told all that came before once it hears this.
    pub async fn mark(&self) {
        self.publish(MARK, Json::Null).await;
    }

    /// Opens a stream and reads its greeting.
    pub async fn connect(&self) -> Stream {
        Stream::open(self.address(), "").await
    }

    pub async fn connect_after(&self, last_event_id: &str) -> Stream {
        Stream::open(self.address(), &format!("Last-Event-ID: {last_event_id}\r\n")).await
    }

    /// Sets the topics, and `MARK` with them.
    pub async fn subscribe(&self, stream: &Stream, token: &str, topics: &[&str]) -> Answer {
        let topics: Vec<&str> = topics.iter().copied().chain([MARK]).collect();
        let body = json!({ "clientId": stream.id, "subscriptions": topics });
        self.post("/api/realtime", token, body).await
    }

    /// A stream with these topics.
    pub async fn listen(&self, token: &str, topics: &[&str]) -> Stream {
        let stream = self.connect().await;
        let answer = self.subscribe(&stream, token, topics).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
        stream
    }

    pub async fn post(&self, path: &str, token: &str, body: Json) -> Answer {
        self.request("POST", path, token, body.to_string()).await
    }

    pub async fn request(&self, method: &str, path: &str, token: &str, body: String) -> Answer {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        exchange(stream, method, path, &[&format!("Authorization: {token}")], &body).await
    }

    pub async fn get_with(&self, path: &str, headers: &[&str]) -> Answer {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        exchange(stream, "GET", path, headers, "").await
    }

    pub async fn post_with(&self, path: &str, headers: &[&str], body: Json) -> Answer {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        exchange(stream, "POST", path, headers, &body.to_string()).await
    }

    /// The same from another address of this machine.
    pub async fn request_from(&self, address: &str, method: &str, path: &str, body: Json) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(self.address()).await.unwrap();
        exchange(stream, method, path, &[], &body.to_string()).await
    }
}

async fn exchange(mut stream: TcpStream, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
