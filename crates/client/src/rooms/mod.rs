//! Rooms and broadcast: what members of a project say to each other, over CocoBase's sockets.
//!
//! Each room that was joined has a socket of its own. When it breaks, the client joins again, after waits that grow and differ by
//! chance. Where the server keeps a history (`TIDEWIRE_ROOM_HISTORY`), what was said meanwhile follows, once and in order:
//! [`RoomEvent::Resumed`]; where it does not, or no longer has all of it, [`RoomEvent::Gap`] says so.

mod credential;
mod event;
mod frame;
mod info;
mod join;
mod place;
mod project;
mod queue;
mod refusal;
mod room;
mod socket;
mod speaker;
mod state;
mod task;

pub use event::{Member, Message, RoomEvent};
pub use info::RoomInfo;
pub use join::Join;
pub use project::Project;
pub use refusal::Refusal;
pub use room::Room;
pub use speaker::Speaker;
pub use state::RoomState;
