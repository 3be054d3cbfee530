//! User code around writes: before-hooks inside of the transaction, hooks ahead of it, after-hooks that follow the log, and
//! what all of them can do with records.

mod act;
mod after;
mod ahead;
pub(crate) mod before;
mod cursors;
mod follower;
mod hands;
mod image;
mod occasion;
mod retry;

pub use after::{Follower, Followers};
pub use ahead::{Ahead, ahead};
pub use hands::StoreHands;
pub use retry::Retry;
