//! The server's side of RFC 6455, without extensions: frames go out as the bytes that encoders made, one task serves both
//! directions, and an idle socket holds no buffers.

mod berth;
mod close;
mod decoder;
pub mod frame;
mod handshake;
mod life;
mod output;
mod socket;
mod transport;

pub use berth::Berth;
pub use close::Close;
pub use handshake::{Refused, Upgrade, accept, offered};
pub use life::Periods;
pub use socket::{Limits, Over, Received, Socket};
pub use transport::{Transport, Unpacked};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}
