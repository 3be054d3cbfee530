//! Streams of a whole server, read as bytes: who is told what, when, and how it looks.

mod control;
mod extensions;
mod payload;
mod rules;
mod server;
mod sign_in;
mod stream;
mod subscribe;
mod topics;
