//! Providers to sign in through.

use super::fault::{Faults, fault, required, with};
use crate::error::Fault;
use crate::validate::url::is_url;
use serde_json::json;
use tidewire_model::oauth2::{OAuth2, PROVIDERS, ProviderOptions};

/// Characters of a wrong name that are told back.
const NAME_LENGTH: usize = 100;

/// What is switched off may be unfinished.
pub(super) fn check(oauth2: &OAuth2, faults: &mut Faults) {
    if !oauth2.enabled {
        return;
    }
    if let Some((index, fault)) = duplicate(&oauth2.providers) {
        return faults.add(&["oauth2", "providers", &index.to_string(), "name"], fault);
    }
    for (index, provider) in oauth2.providers.iter().enumerate() {
        let index = index.to_string();
        for (member, fault) in faults_of(provider) {
            faults.check(&["oauth2", "providers", &index, member], fault);
        }
    }
}

fn duplicate(providers: &[ProviderOptions]) -> Option<(usize, Fault)> {
    let earlier = |index: usize, name: &str| providers[..index].iter().any(|other| &*other.name == name);
    let (index, twice) = providers
        .iter()
        .enumerate()
        .find(|(index, provider)| !provider.name.is_empty() && earlier(*index, &provider.name))?;
    let text = format!("The provider {} is already registered.", twice.name);
    Some((index, with("validation_duplicated_provider", text, json!({ "name": twice.name }))))
}

fn faults_of(provider: &ProviderOptions) -> [(&'static str, Option<Fault>); 6] {
    [
        ("name", blank(&provider.name).or_else(|| unknown(&provider.name))),
        ("clientId", blank(&provider.client_id)),
        ("clientSecret", blank(&provider.client_secret)),
        ("authURL", no_url(&provider.auth_url)),
        ("tokenURL", no_url(&provider.token_url)),
        ("userInfoURL", no_url(&provider.user_info_url)),
    ]
}

fn blank(text: &str) -> Option<Fault> {
    text.trim().is_empty().then(required)
}

fn unknown(name: &str) -> Option<Fault> {
    if PROVIDERS.contains(&name) {
        return None;
    }
    let shown: String = name.chars().take(NAME_LENGTH).collect();
    let text = format!("Invalid or missing provider with name {shown}.");
    Some(with("validation_missing_provider", text, json!({ "name": shown })))
}

fn no_url(text: &str) -> Option<Fault> {
    let fits = text.is_empty() || is_url(text);
    (!fits).then(|| fault("validation_is_url", "Must be a valid URL."))
}
