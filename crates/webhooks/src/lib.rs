//! Hooks in any language: signed requests to a URL. Definitions are kept in the store and hold from the moment in which they
//! are saved; what the receiver answers counts like the outcome of any other hook.

mod answer;
mod call;
mod draft;
mod error;
mod hook;
mod routes;
mod shelf;
mod sign;
mod webhooks;

pub use error::WebhookError;
pub use hook::{Fail, Hook};
pub use routes::routes;
pub use sign::Secret;
pub use webhooks::Webhooks;
