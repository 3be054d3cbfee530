//! Requests to other servers on behalf of user code: never to addresses that only this machine or its network reaches, unless
//! that is allowed, and never without a limit of time and size.

mod address;
mod client;
mod error;
mod guard;
mod policy;
mod redirect;
mod request;
mod roots;
mod tls;

pub use client::Client;
pub use error::OutboundError;
pub use policy::Policy;
pub use request::{Request, Response};
pub use roots::Roots;
