//! SnackBase's collections and records over REST, and the same records through PocketBase's API.

#![allow(clippy::unwrap_used)]

mod scenarios;
mod world;
