//! Signing in through others, as an auth collection is configured for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The names that a provider may have.
pub const PROVIDERS: [&str; 32] = [
    "apple",
    "bitbucket",
    "box",
    "discord",
    "facebook",
    "gitea",
    "gitee",
    "github",
    "gitlab",
    "google",
    "instagram2",
    "kakao",
    "lark",
    "linear",
    "livechat",
    "mailcow",
    "microsoft",
    "monday",
    "notion",
    "oidc",
    "oidc2",
    "oidc3",
    "patreon",
    "planningcenter",
    "spotify",
    "strava",
    "trakt",
    "twitch",
    "twitter",
    "vk",
    "wakatime",
    "yandex",
];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OAuth2 {
    pub enabled: bool,
    pub mapped_fields: MappedFields,
    pub providers: Vec<ProviderOptions>,
}

/// Which fields of a new record take what the provider knows; "" for none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MappedFields {
    pub id: Box<str>,
    pub name: Box<str>,
    pub username: Box<str>,
    #[serde(rename = "avatarURL")]
    pub avatar_url: Box<str>,
}

/// What is "" or null here is as the provider has it by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderOptions {
    pub name: Box<str>,
    pub client_id: Box<str>,
    /// never shown
    pub client_secret: Box<str>,
    #[serde(rename = "authURL")]
    pub auth_url: Box<str>,
    #[serde(rename = "tokenURL")]
    pub token_url: Box<str>,
    #[serde(rename = "userInfoURL")]
    pub user_info_url: Box<str>,
    pub display_name: Box<str>,
    pub pkce: Option<bool>,
    pub extra: Option<Map<String, Json>>,
}

impl OAuth2 {
    pub fn provider(&self, name: &str) -> Option<&ProviderOptions> {
        self.providers.iter().find(|provider| &*provider.name == name)
    }
}

impl ProviderOptions {
    /// A text among the extra options, "" if there is none.
    pub fn extra_text(&self, name: &str) -> &str {
        self.extra_value(name).and_then(Json::as_str).unwrap_or_default()
    }

    /// A list of texts, or one, among the extra options.
    pub fn extra_texts(&self, name: &str) -> Vec<&str> {
        match self.extra_value(name) {
            Some(Json::String(text)) if !text.is_empty() => vec![text],
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn extra_value(&self, name: &str) -> Option<&Json> {
        self.extra.as_ref()?.get(name)
    }
}
