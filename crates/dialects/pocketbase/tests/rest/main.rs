//! The REST side of the dialect, driven as a client would.

mod oracle;
mod scenarios;
mod world;
