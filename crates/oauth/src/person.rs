use serde_json::{Map, Value as Json};

/// Somebody as a provider knows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// never empty
    pub id: String,
    pub name: String,
    pub username: String,
    /// only what the provider says is theirs
    pub email: String,
    pub avatar_url: String,
    pub access_token: String,
    pub refresh_token: String,
    /// of the access token, as records write times; "" if it is not told
    pub expiry: String,
    /// all that was told
    pub raw: Map<String, Json>,
}
