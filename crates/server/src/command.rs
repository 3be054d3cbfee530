//! What `superuser`, `account`, `key`, `publish` and `token` do to an open store.

use crate::{account, key, publish, superuser};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tidewire_store::Store;

/// One command, as it is typed and as it travels to a running server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    SuperuserUpsert {
        email: String,
        password: String,
    },
    SuperuserCreate {
        email: String,
        password: String,
    },
    SuperuserDelete {
        email: String,
    },
    SuperuserToken {
        email: String,
        seconds: i64,
    },
    /// of one account, by id, slug or code, or of all
    Rooms {
        account: Option<String>,
    },
    AccountCreate {
        slug: String,
        name: String,
        api_key: Option<String>,
    },
    KeyCreate {
        account: String,
        publishable: bool,
        collections: Vec<String>,
        label: String,
        key: Option<String>,
    },
    KeyList {
        account: String,
    },
    KeyRevoke {
        id: String,
    },
    Publish {
        topic: String,
        data: Json,
        /// id, slug or code; none: the tenant of PocketBase's clients
        #[serde(default)]
        account: Option<String>,
    },
}

/// Why a message cannot be published without a server.
pub const NO_SERVER: &str = "no server runs on this data folder: nobody would hear the message";

/// Why there are no rooms without one.
pub const NO_ROOMS: &str = "no server runs on this data folder: there are no rooms";

/// What is printed, or why the command failed.
pub type Outcome = Result<String, String>;

/// Carries out what needs the store alone. Blocks.
pub fn run(store: &Store, command: &Command) -> Outcome {
    match command {
        Command::SuperuserUpsert { email, password } => superuser::upsert(store, email, password),
        Command::SuperuserCreate { email, password } => superuser::create(store, email, password),
        Command::SuperuserDelete { email } => superuser::delete(store, email),
        Command::SuperuserToken { email, seconds } => superuser::token(store, email, *seconds),
        Command::Rooms { .. } => Err(NO_ROOMS.to_owned()),
        Command::AccountCreate { slug, name, api_key } => {
            account::create(store, slug, name, api_key.as_deref())
        }
        Command::KeyCreate { account, publishable, collections, label, key } => {
            key::create(store, account, *publishable, collections, label, key.as_deref())
        }
        Command::KeyList { account } => key::list(store, account),
        Command::KeyRevoke { id } => key::revoke(store, id),
        Command::Publish { topic, data, account } => publish::run(store, account.as_deref(), topic, data),
    }
}
