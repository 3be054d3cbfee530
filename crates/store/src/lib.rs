//! The only writer. Commits records and their changes in one transaction, groups concurrent writes, and hands changes
//! over in commit order.

mod account;
mod change_log;
mod checkpoint;
mod database;
mod definition;
mod demand;
mod desk;
mod distance;
mod document;
mod error;
mod image;
mod index;
mod judge;
mod kept;
mod key;
mod layout;
mod lock;
mod message;
mod published;
mod reader;
mod retention;
mod row;
mod schema;
mod setting;
mod short;
mod snapshot;
mod stand_in;
mod state;
mod store;
mod touched;
mod tx;
mod undo;
mod wait;
mod writer;

pub use account::Account;
pub use database::Durability;
pub use error::StoreError;
pub use key::{ApiKey, KeyKind};
pub use message::Posted;
pub use retention::Retention;
pub use snapshot::Snapshot;
pub use store::{Checkpoints, Committed, Options, Store};
pub use tx::{Nesting, Tx};
pub use wait::block_on;
