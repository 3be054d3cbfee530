//! A server for a test, with nothing in it but a superuser: Tidewire in this process, or the real PocketBase if
//! `TIDEWIRE_POCKETBASE` names its binary.

mod pocketbase;
mod tidewire;

use serde_json::{Value as Json, json};
use tidewire_client::Client;

pub const ROOT: &str = "root@example.com";
pub const PASSWORD: &str = "a-long-password";

pub struct Place {
    pub url: String,
    /// signed in as the superuser
    pub admin: Client,
    pub server: Server,
}

pub enum Server {
    Tidewire(Box<tidewire::Server>),
    PocketBase(pocketbase::Server),
}

/// Makes two tests of each function that takes a place: against Tidewire, and against PocketBase.
#[macro_export]
macro_rules! against_both {
    ($($name:ident),+ $(,)?) => {
        mod tidewire {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::common::Place::tidewire().await).await;
            })+
        }
        mod pocketbase {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(place) = $crate::common::Place::pocketbase().await {
                    super::$name(place).await;
                }
            })+
        }
    };
}

impl Place {
    pub async fn tidewire() -> Self {
        let server = tidewire::Server::start().await;
        Self::of(server.url(), Server::Tidewire(Box::new(server))).await
    }

    /// None, and a line on stderr, if no binary is named.
    pub async fn pocketbase() -> Option<Self> {
        let server = pocketbase::Server::start().await?;
        Some(Self::of(server.url.clone(), Server::PocketBase(server)).await)
    }

    async fn of(url: String, server: Server) -> Self {
        let admin = Client::new(&url).unwrap();
        admin.collection("_superusers").auth_with_password(ROOT, PASSWORD).await.unwrap();
        Self { url, admin, server }
    }

    pub fn is_tidewire(&self) -> bool {
        matches!(self.server, Server::Tidewire(_))
    }

    /// A client that nobody has signed in.
    pub fn client(&self) -> Client {
        Client::new(&self.url).unwrap()
    }

    /// A base collection that everybody may read and write, with these fields; `more` is laid over it.
    pub async fn collection(&self, name: &str, fields: Json, more: Json) {
        let mut body = json!({
            "name": name, "type": "base", "fields": fields,
            "listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": "",
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.admin.send("POST", "api/collections").json(&body).read().await.unwrap();
    }

    /// Public posts with a required title and a number.
    pub async fn posts(&self) {
        let fields = json!([
            { "name": "title", "type": "text", "required": true },
            { "name": "n", "type": "number" },
        ]);
        self.collection("posts", fields, json!({})).await;
    }

    /// A user with the password of all; its id.
    pub async fn user(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD });
        let made: Json = self.admin.collection("users").create(&body).await.unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Changes the settings of a collection or, with an empty name, of the server.
    pub async fn settings(&self, collection: &str, change: Json) {
        let path = if collection.is_empty() {
            "api/settings".into()
        } else {
            format!("api/collections/{collection}")
        };
        self.admin.send("PATCH", &path).json(&change).read().await.unwrap();
    }

    /// Stops the server and starts it anew on the same folder and address.
    pub async fn restart(&mut self) {
        self.stop().await;
        match &mut self.server {
            Server::Tidewire(server) => server.run().await,
            Server::PocketBase(server) => server.run().await,
        }
    }

    pub async fn stop(&mut self) {
        match &mut self.server {
            Server::Tidewire(server) => server.stop().await,
            Server::PocketBase(server) => server.stop(),
        }
    }
}
