//! Password hashes, tokens and API keys. Says who a request is; what they may do is decided by rules.

mod api_key;
mod argon;
mod attempts;
mod password;
mod pool;
mod sealed;
mod session;
mod token;

pub use api_key::{key_hash, new_api_key};
pub use attempts::{Attempts, Bounds};
pub use password::{PASSWORD_BYTES_MAX, PasswordError, Passwords};
pub use sealed::{Sealed, seal, unseal};
pub use session::{Session, SessionKind, issue_access, issue_refresh, peek_session, verify_session};
pub use token::{Claims, TokenError, TokenKind, issue, peek, verify};
