//! A server with a project, written to through PocketBase's dialect.

use crate::server::{Answer, Server};
use crate::socket::Socket;
use serde_json::{Value as Json, json};
use tidewire_server::command::Command;
use tidewire_server::config::Config;

pub struct World {
    pub server: Server,
    pub key: String,
    pub project: String,
}

/// A project of its own.
pub struct Project {
    pub key: String,
    pub id: String,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let server = Server::start_with(change).await;
        let Project { key, id } = project(&server, "acme").await;
        Self { server, key, project: id }
    }

    pub async fn another_project(&self) -> Project {
        project(&self.server, "other").await
    }

    pub async fn open(&self, path: &str) -> Socket {
        Socket::open(self.server.address(), path).await
    }

    /// A socket whose first frame is `first` with the project's key, and the answer to it.
    pub async fn enter(&self, path: &str, first: Json) -> (Socket, Json) {
        self.enter_as(&self.key, path, first).await
    }

    pub async fn enter_as(&self, key: &str, path: &str, mut first: Json) -> (Socket, Json) {
        let mut socket = self.open(path).await;
        first["api_key"] = json!(key);
        socket.send(&first.to_string()).await;
        let answer = socket.json().await;
        (socket, answer)
    }

    /// A superuser's request in the project.
    pub async fn request(&self, method: &str, path: &str, body: Json) -> Answer {
        self.request_as(&self.server.token, method, path, body).await
    }

    pub async fn create(&self, collection: &str, body: Json) -> String {
        let answer = self.request("POST", &format!("/api/collections/{collection}/records"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn update(&self, collection: &str, id: &str, body: Json) {
        let answer =
            self.request("PATCH", &format!("/api/collections/{collection}/records/{id}"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    pub async fn delete(&self, collection: &str, id: &str) {
        let path = format!("/api/collections/{collection}/records/{id}");
        let answer = self.request("DELETE", &path, Json::Null).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }

    /// A publishable key of an account, good for these collections or for all.
    pub async fn key(&self, account: &str, collections: &[&str]) -> String {
        let key = format!("publishable-key-{account}-{}", collections.join("-"));
        let command = Command::KeyCreate {
            account: account.to_owned(),
            publishable: true,
            collections: collections.iter().map(|name| (*name).to_owned()).collect(),
            label: String::new(),
            key: Some(key.clone()),
        };
        self.server.command(command).await.unwrap();
        key
    }

    /// Ends the keys that list just these collections.
    pub async fn revoke_keys(&self, collections: &[&str]) {
        let keys = self.server.command(Command::KeyList { account: "acme".to_owned() }).await.unwrap();
        for line in keys.lines() {
            let key: Json = serde_json::from_str(line).unwrap();
            if key["collections"] == json!(collections) {
                let id = key["id"].as_str().unwrap().to_owned();
                self.server.command(Command::KeyRevoke { id }).await.unwrap();
            }
        }
    }

    /// A request of CocoBase's REST with the project's secret key.
    pub async fn call(&self, method: &str, path: &str, body: &Json) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.server.request(method, path, &format!("\r\nX-API-Key: {}", self.key), body).await
    }

    async fn request_as(&self, token: &str, method: &str, path: &str, body: Json) -> Answer {
        let token = format!("{token}\r\nX-Account-ID: acme");
        self.server.request(method, path, &token, body.to_string()).await
    }

    pub async fn rooms(&self, key: &str) -> Answer {
        let token = format!("\r\nX-API-Key: {key}");
        self.server.request("GET", "/realtime/rooms", &token, String::new()).await
    }
}

async fn project(server: &Server, slug: &str) -> Project {
    let key = format!("{slug}-key-0123456789");
    let command =
        Command::AccountCreate { slug: slug.to_owned(), name: String::new(), api_key: Some(key.clone()) };
    let line: Json = serde_json::from_str(&server.command(command).await.unwrap()).unwrap();
    Project { key, id: line["id"].as_str().unwrap().to_owned() }
}
