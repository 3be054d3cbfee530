//! Who somebody is, as an OAuth2 or OpenID Connect provider tells it: what a client needs to begin, the exchange of the code
//! it comes back with, and the user's data in one shape. Knows no records and no wire of ours.

mod emails;
mod error;
mod grant;
mod id_token;
mod known;
mod logo;
mod nonce;
mod odd;
mod offer;
mod person;
mod profile;
mod provider;
mod signature;
mod table;
mod token;
mod user_info;

pub use error::OAuthError;
pub use grant::Grant;
pub use known::{Listed, listed};
pub use offer::Offer;
pub use person::Person;
pub use provider::Provider;
