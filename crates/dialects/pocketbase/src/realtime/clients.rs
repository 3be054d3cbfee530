//! Who has a stream open.

use hashbrown::{HashMap, HashSet};
use parking_lot::{Mutex, RwLock};
use std::net::IpAddr;
use std::sync::Arc;
use tidewire_feed::Connection;
use tidewire_model::id;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Client ids cannot be guessed: whoever knows one may set the subscriptions.
const ID_LENGTH: usize = 40;

/// Open streams by client id.
#[derive(Default)]
pub struct Clients {
    by_id: RwLock<HashMap<Box<str>, Arc<Client>>>,
}

/// One open stream.
pub struct Client {
    pub id: Box<str>,
    pub connection: Connection,
    /// where the stream was opened from
    pub address: IpAddr,
    /// the position that the stream was opened with
    pub last_event_id: Option<Box<str>>,
    pub opened: Instant,
    /// one request at a time sets subscriptions, in the order in which they came: a slow snapshot must not be
    /// overtaken, and two strangers must not both find a guest
    pub turn: Semaphore,
    topics: Mutex<HashSet<Box<str>>>,
}

impl Clients {
    pub fn open(
        &self,
        connection: Connection,
        address: IpAddr,
        last_event_id: Option<Box<str>>,
    ) -> Arc<Client> {
        let client = Arc::new(Client {
            id: id::secret(ID_LENGTH).into(),
            connection,
            address,
            last_event_id,
            opened: Instant::now(),
            turn: Semaphore::new(1),
            topics: Mutex::default(),
        });
        self.by_id.write().insert(client.id.clone(), client.clone());
        client
    }

    pub fn find(&self, id: &str) -> Option<Arc<Client>> {
        self.by_id.read().get(id).cloned()
    }

    pub fn close(&self, client: &Client) {
        self.by_id.write().remove(&client.id);
        client.connection.close();
    }

    pub fn count(&self) -> usize {
        self.by_id.read().len()
    }
}

impl Client {
    /// True if the topic is among those that were set last: it goes on as it is.
    pub fn has_topic(&self, text: &str) -> bool {
        self.topics.lock().contains(text)
    }

    pub fn set_topics(&self, topics: HashSet<Box<str>>) {
        *self.topics.lock() = topics;
    }
}
