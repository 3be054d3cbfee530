use crate::{Client, Error};

/// Which user of the project somebody is.
pub(crate) enum Credential {
    /// the key alone says it
    Guest,
    Token(String),
    /// the token that the client has when it joins
    Client,
}

impl Credential {
    pub(crate) async fn token(&self, client: &Client) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Guest => None,
            Self::Token(token) => Some(token.clone()),
            Self::Client => Some(client.fresh_token().await?).filter(|token| !token.is_empty()),
        })
    }
}
