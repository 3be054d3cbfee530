//! What single providers do in their own way, after the table has been read.

pub(crate) mod discord;
pub(crate) mod gitlab;
pub(crate) mod instagram;
pub(crate) mod mailcow;
pub(crate) mod microsoft;
pub(crate) mod vk;
pub(crate) mod wakatime;
pub(crate) mod yandex;

use crate::Person;
use serde_json::{Map, Value as Json};
use tidewire_model::oauth2::ProviderOptions;

pub(crate) type Finish = fn(&mut Person, &Facts<'_>);

/// All that a provider told.
pub(crate) struct Facts<'a> {
    pub user: &'a Json,
    /// what came with the access token
    pub token: &'a Map<String, Json>,
    /// of a verified ID token
    pub claims: Option<&'a Json>,
    pub options: &'a ProviderOptions,
}
