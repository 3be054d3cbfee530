/// Why nobody was signed in. The texts are for the log: they may tell what a provider said, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// an address that a superuser has set is missing or none
    #[error("the provider's {0} is not set or no address")]
    Address(&'static str),
    /// the code was not exchanged
    #[error("no token: {0}")]
    Token(String),
    /// the provider does not tell who it is
    #[error("no user: {0}")]
    User(String),
}

impl OAuthError {
    pub(crate) fn user(text: impl Into<String>) -> Self {
        Self::User(text.into())
    }
}
