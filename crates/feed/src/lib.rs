//! The hot path: change in, bytes out. Knows no HTTP, no SQL, no dialect, no JSON.
//!
//! One thread, the hub, owns all state. It takes commits and commands from one queue, decides and encodes once per class
//! of equal subscriptions, and pushes shared bytes into the outbox of each connection. When that is much for one change,
//! other threads share it, and the next change waits until it is done.

mod answers;
mod basis;
mod bucket;
mod catch_up;
mod class;
mod classes;
mod client;
mod connection;
mod crew;
mod cursor;
mod event;
mod fan_out;
mod feed;
mod frames;
mod hub;
mod identities;
mod inbox;
mod index;
mod interest;
mod judging;
mod known;
mod log;
mod membership;
mod outbox;
mod pages;
mod projections;
mod replay;
mod ring;
mod rooms;
mod rows;
mod segments;
mod shards;
mod slot;
mod slow;
mod stats;
mod topic;
mod touched;
mod turns;
mod waste;
mod weigh;

pub use class::ClassSpec;
pub use connection::{Answer, Connection, ConnectionId, Standing};
pub use cursor::{CursorError, Cursors};
pub use event::{Encoder, Event, Told};
pub use feed::{Feed, Options};
pub use interest::{Ending, Interest, OnRevoked, ResetReason, Start, Subscription};
pub use log::{Answered, Asked, Log, Lookup};
pub use rooms::{
    Channel, Herald, Join, JoinError, Limits as RoomLimits, Make, Participant, RoomInfo, Speech, View,
};
pub use stats::Stats;
pub use topic::Topic;
pub use weigh::Weight;
