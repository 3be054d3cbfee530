//! Files in a folder, and what comes of them.

#![allow(clippy::unwrap_used)]

mod answers;
mod calls;
mod crons;
mod fetch;
mod files;
mod globals;
mod limits;
mod nested;
mod world;
