//! A server in this process with the collections of the examples. Writes are its own: rules do not hold for them.

use serde_json::{Map, Value as Json, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tidewire::{Event, Server, Tidewire};
use tidewire_model::TenantId;
use tidewire_records::RecordError;

const PASSWORD: &str = "a-long-password";

/// A collection that nobody may subscribe to, the status and what is said to who tries.
type Closed = Arc<Mutex<Option<(String, u16, String)>>>;

pub struct World {
    folder: TempDir,
    server: Option<Server>,
    address: SocketAddr,
    closed: Closed,
}

impl World {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut world = Self { folder, server: None, address, closed: Closed::default() };
        world.run().await;
        let made = world.server().store().write(|tx| {
            let definitions: Vec<Map<String, Json>> =
                serde_json::from_str(include_str!("../../collections.json")).unwrap();
            tidewire_records::collections::import(tx, &TenantId::default(), &definitions, false)
        });
        made.await.map_err(|error: RecordError| error.to_string()).unwrap();
        world
    }

    async fn run(&mut self) {
        while self.server.is_none() {
            let closed = self.closed.clone();
            let builder = Tidewire::builder().dir(self.folder.path()).http(self.address);
            let builder = builder.stop_on_error(true).on(Event::RealtimeSubscribe, move |moment| {
                let collection = moment.field("collection").and_then(Json::as_str).unwrap_or_default();
                match &*closed.lock().unwrap() {
                    Some((name, status, message)) if name == collection => moment.abort(*status, message),
                    _ => Ok(()),
                }
            });
            match builder.build().start().await {
                Ok(server) => self.server = Some(server),
                // the last handles on the old store may still be going
                Err(error) => assert!(format!("{error:#}").contains("in use"), "{error:#}"),
            }
        }
        self.address = self.server().address();
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Does what a line of a run says.
    pub async fn act(&mut self, verb: &str, rest: &str) {
        let words = |count| rest.splitn(count, ' ').collect::<Vec<_>>();
        let json =
            |text: &str| serde_json::from_str::<Json>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        match (verb, &*words(2), &*words(3)) {
            ("create", [collection, data], _) => self.create(collection, json(data)).await,
            ("user", [id, name], _) => self.user(id, name).await,
            ("update", _, [collection, id, data]) => {
                self.server().records(collection).update(id, json(data)).await.unwrap();
            }
            ("delete", [collection, id], _) => {
                self.server().records(collection).delete(id).await.unwrap();
            }
            ("publish", [topic, data], _) => self.server().publish(topic, json(data)).await.unwrap(),
            ("close", _, [collection, status, message]) => {
                let refusal = ((*collection).to_owned(), status.parse().unwrap(), (*message).to_owned());
                *self.closed.lock().unwrap() = Some(refusal);
            }
            ("restart", ..) => {
                self.server.take().unwrap().stop().await;
                self.run().await;
            }
            _ => panic!("nobody knows how to {verb} {rest}"),
        }
    }

    async fn create(&self, collection: &str, data: Json) {
        self.server().records(collection).create(data).await.unwrap();
    }

    /// Who signs in as NAME@example.com.
    async fn user(&self, id: &str, name: &str) {
        let email = format!("{}@example.com", name.to_lowercase());
        let data = json!({
            "id": id, "name": name, "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD,
        });
        self.create("users", data).await;
    }
}
