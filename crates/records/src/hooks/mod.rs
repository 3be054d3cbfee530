//! User code around writes: before-hooks inside of the transaction, after-hooks that follow the log, and what both can do
//! with records.

mod act;
mod after;
pub(crate) mod before;
mod cursors;
mod follower;
mod hands;
mod image;
mod occasion;
mod retry;

pub use after::{Follower, Followers};
pub use hands::StoreHands;
pub use retry::Retry;
