//! Who has a stream open.

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use tidewire_connection::events::{Goodbye, Visit};
use tidewire_feed::Connection;
use tidewire_model::{Seq, id};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Client ids cannot be guessed: whoever knows one may set the subscriptions.
const ID_LENGTH: usize = 40;

/// Closed streams that are remembered; the oldest goes first.
const DEPARTED: usize = 4096;

/// Open streams by client id.
#[derive(Default)]
pub struct Clients {
    by_id: RwLock<HashMap<Box<str>, Arc<Client>>>,
    departed: Mutex<Departed>,
}

/// Topics by their texts, with the names of their subscriptions where those are others.
pub type Topics = HashMap<Box<str>, Option<Box<str>>>;

/// Where closed streams began.
#[derive(Default)]
struct Departed {
    began: HashMap<Box<str>, Seq>,
    order: VecDeque<Box<str>>,
}

/// What is known of a stream when it is opened.
pub struct Greeting {
    pub id: Box<str>,
    pub connection: Connection,
    pub visit: Visit,
    pub began: Seq,
    pub address: IpAddr,
    pub last_event_id: Option<Box<str>>,
}

/// One open stream.
pub struct Client {
    pub id: Box<str>,
    pub connection: Connection,
    pub visit: Visit,
    /// the last position when the stream was opened: a client that heard nothing but its greeting goes on from there
    pub began: Seq,
    /// where the stream was opened from
    pub address: IpAddr,
    /// the position that the stream was opened with
    pub last_event_id: Option<Box<str>>,
    pub opened: Instant,
    /// one request at a time sets subscriptions, in the order in which they came: a slow snapshot must not be
    /// overtaken, and two strangers must not both find a guest
    pub turn: Semaphore,
    topics: Mutex<Topics>,
}

impl Clients {
    /// A client id that nobody has.
    pub fn new_id() -> Box<str> {
        id::secret(ID_LENGTH).into()
    }

    pub fn open(&self, greeting: Greeting) -> Arc<Client> {
        let Greeting { id, connection, visit, began, address, last_event_id } = greeting;
        let client = Arc::new(Client {
            id,
            connection,
            visit,
            began,
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
        let goodbye = Goodbye::of_stream(client.connection.ending());
        client.connection.close();
        client.visit.leave(goodbye);
        self.departed.lock().remember(client);
    }

    /// Where the stream of this id began, if it is open or was closed not long ago.
    pub fn began(&self, id: &str) -> Option<Seq> {
        if let Some(client) = self.by_id.read().get(id) {
            return Some(client.began);
        }
        self.departed.lock().began.get(id).copied()
    }

    pub fn count(&self) -> usize {
        self.by_id.read().len()
    }
}

impl Departed {
    fn remember(&mut self, client: &Client) {
        if self.order.len() == DEPARTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.began.remove(&oldest);
        }
        self.order.push_back(client.id.clone());
        self.began.insert(client.id.clone(), client.began);
    }
}

impl Client {
    /// The subscription's name of a topic, if it is among those that were set last: it goes on as it is.
    pub fn topic(&self, text: &str) -> Option<Box<str>> {
        let topics = self.topics.lock();
        topics.get_key_value(text).map(|(text, name)| name.as_ref().unwrap_or(text).clone())
    }

    pub fn set_topics(&self, topics: Topics) {
        *self.topics.lock() = topics;
    }
}
