//! The providers of a collection, for those who want to sign in, and all there are, for those who configure.

use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tidewire_model::Collection;
use tidewire_oauth::{Provider, listed};

/// A provider with all that a client needs to begin. The same under two names: clients of all ages are served.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    name: String,
    display_name: String,
    logo: String,
    state: String,
    #[serde(rename = "authURL")]
    auth_url: String,
    #[serde(rename = "authUrl")]
    auth_url_old: String,
    code_verifier: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// `None` if nobody can sign in that way.
pub fn methods(collection: &Collection) -> Option<Vec<Method>> {
    let oauth2 = collection.auth.as_ref().map(|auth| &auth.oauth2).filter(|oauth2| oauth2.enabled)?;
    let providers = oauth2.providers.iter().filter_map(Provider::new);
    Some(providers.filter_map(|provider| method(&provider)).collect())
}

/// Those that are not configured to the end are left out.
fn method(provider: &Provider) -> Option<Method> {
    let offer = match provider.offer() {
        Ok(offer) => offer,
        Err(error) => {
            tracing::warn!(provider = provider.name(), %error, "a provider is not offered");
            return None;
        }
    };
    Some(Method {
        name: provider.name().to_owned(),
        display_name: provider.display_name().to_owned(),
        logo: provider.logo(),
        state: offer.state,
        auth_url_old: offer.auth_url.clone(),
        auth_url: offer.auth_url,
        code_verifier: offer.verifier,
        code_challenge: offer.challenge,
        code_challenge_method: offer.challenge_method,
    })
}

/// `GET /api/collections/meta/oauth2-providers`
pub async fn providers(call: Call) -> Result<Response, ApiError> {
    call.require_superuser()?;
    let shown = listed().into_iter().map(|provider| {
        json!({ "name": provider.name, "displayName": provider.display_name, "logo": provider.logo() })
    });
    Ok(call.answer(&Json::Array(shown.collect())))
}
