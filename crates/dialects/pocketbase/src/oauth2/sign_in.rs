//! `POST …/auth-with-oauth2`: a code that a provider gave becomes somebody's token.

use crate::asker;
use crate::auth::{NOT_LOADED, RULE_FAILED, attempt, auth_collection, hook_refusal, signed_in};
use crate::body::{self, BodyError, Fixed, Payload};
use crate::call::Call;
use crate::error::ApiError;
use crate::fault::{blank, fault, out_of_range};
use crate::oauth2::meta::meta;
use crate::records::{CREATE_FAILED, MISSING_OR_INVALID};
use axum::response::Response;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_auth::TokenKind;
use tidewire_model::{Collection, Timestamp};
use tidewire_oauth::{Grant, OAuthError, Person, Provider};
use tidewire_records::error::{Fault, FieldErrors};
use tidewire_records::external::{self, External, SignedIn};
use tidewire_records::{Asker, Body, RecordError};

const NOT_CONFIGURED: &str = "The collection is not configured to allow OAuth2 authentication.";
const FAILED: &str = "Failed to authenticate.";

/// characters
const PROVIDER: usize = 100;
const CODE: usize = 4096;
const VERIFIER: usize = 255;
const REDIRECT: usize = 2083;

pub async fn sign_in(mut call: Call) -> Result<Response, ApiError> {
    let collection = auth_collection(&call, MISSING_OR_INVALID)?;
    if !collection.auth.as_ref().is_some_and(|auth| auth.oauth2.enabled) {
        return Err(ApiError::forbidden(NOT_CONFIGURED));
    }
    let fixed = call.read_body(body::LIMIT).await.and_then(Payload::into_fixed);
    let form = fixed.and_then(|fixed| Form::read(&fixed));
    let form = form.map_err(|error| error.or_unsupported(NOT_LOADED))?;
    let provider = form.check(&collection)?;
    let attempt = attempt(&call, &collection, "", "oauth2");
    call.app.events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let person = ask(&call, &provider, &form).await?;
    let asker = Asker { context: external::CONTEXT, ..call.asker.clone() };
    let SignedIn { record, is_new } = find(&call, &asker, &collection, &form, &person).await?;
    if !tidewire_records::sign_in::may_sign_in(&call.app.store, &asker, &record)? {
        return Err(ApiError::forbidden(RULE_FAILED));
    }
    call.app.events.signed_in(&attempt, &record);
    let token = tidewire_auth::issue(&record, TokenKind::Auth, true, None);
    signed_in(&call, &record, &token, Some(meta(&person, is_new))).await
}

/// Asks the provider who it is. Codes cannot be tried out, and providers not be called without a limit.
async fn ask(call: &Call, provider: &Provider, form: &Form) -> Result<Person, ApiError> {
    let (oauth2, attempts) = (&call.app.oauth2, &call.app.attempts);
    let (address, identity) = (asker::address(&call.parts), format!("oauth2 {}", form.code));
    if !attempts.begin(address, &identity, Timestamp::now()) {
        return Err(ApiError::too_many_requests());
    }
    let _place = oauth2.places.try_acquire().map_err(|_| ApiError::too_many_requests())?;
    let grant = Grant { code: &form.code, verifier: &form.verifier, redirect_url: &form.redirect_url };
    let mut person =
        provider.person(&oauth2.client, &grant).await.map_err(|error| refusal(provider, &error))?;
    attempts.succeeded(address, &identity);
    if let Some(name) = oauth2.names.take(&form.code).filter(|_| person.name.is_empty()) {
        person.name = name;
    }
    Ok(person)
}

/// Clients are told which step failed, the log is told why.
fn refusal(provider: &Provider, error: &OAuthError) -> ApiError {
    tracing::warn!(provider = provider.name(), %error, "nobody was signed in through a provider");
    ApiError::bad_request(match error {
        OAuthError::Address(_) | OAuthError::Token(_) => "Failed to fetch OAuth2 token.",
        OAuthError::User(_) => "Failed to fetch OAuth2 user.",
    })
}

async fn find(
    call: &Call,
    asker: &Asker,
    collection: &Arc<Collection>,
    form: &Form,
    person: &Person,
) -> Result<SignedIn, ApiError> {
    let external = External {
        provider: form.provider.clone(),
        id: person.id.clone(),
        email: person.email.clone(),
        name: person.name.clone(),
        username: person.username.clone(),
        avatar_url: person.avatar_url.clone(),
    };
    let (store, passwords, data) = (&call.app.store, &call.app.passwords, form.create_data.clone());
    let found = external::sign_in(store, passwords, asker, collection, external, data).await;
    found.map_err(|error| match error {
        RecordError::NotFound => ApiError::not_found(""),
        RecordError::BadRequest(_) => ApiError::bad_request(FAILED),
        error => ApiError::of_record(error, CREATE_FAILED),
    })
}

#[derive(Debug, Default)]
struct Form {
    provider: String,
    code: String,
    verifier: String,
    redirect_url: String,
    create_data: Body,
}

impl Form {
    fn read(fixed: &Fixed) -> Result<Self, BodyError> {
        let text = |name| Ok::<_, BodyError>(fixed.text(name)?.unwrap_or_default());
        let create_data = match fixed.json("createData") {
            None => Body::new(),
            Some(Json::Object(data)) => data.clone(),
            Some(_) => return Err(BodyError::Malformed),
        };
        // keys are found in any case, so that both spellings are one in JSON, but not in a form
        let redirect_url = Some(text("redirectURL")?).filter(|url| !url.is_empty());
        Ok(Self {
            provider: text("provider")?,
            code: text("code")?,
            verifier: text("codeVerifier")?,
            redirect_url: redirect_url.map_or_else(|| text("redirectUrl"), Ok)?,
            create_data,
        })
    }

    /// The provider that is meant. All faults are told at once.
    fn check(&self, collection: &Collection) -> Result<Provider, ApiError> {
        let provider = self.provider(collection);
        let mut faults = FieldErrors::default();
        for (name, fault) in [
            ("provider", provider.as_ref().err().cloned()),
            ("code", if self.code.is_empty() { Some(blank()) } else { too_long(&self.code, CODE) }),
            ("codeVerifier", too_long(&self.verifier, VERIFIER)),
            ("redirectURL", too_long(&self.redirect_url, REDIRECT)),
        ] {
            faults.0.extend(fault.map(|fault| (name.to_owned(), fault)));
        }
        match provider {
            Ok(provider) if faults.0.is_empty() => Ok(provider),
            _ => Err(ApiError::bad_request(NOT_LOADED).with_faults(&faults)),
        }
    }

    fn provider(&self, collection: &Collection) -> Result<Provider, Fault> {
        let name = &self.provider;
        if name.is_empty() {
            return Err(blank());
        }
        if let Some(fault) = too_long(name, PROVIDER) {
            return Err(fault);
        }
        let options = collection.auth.as_ref().and_then(|auth| auth.oauth2.provider(name));
        options.and_then(Provider::new).ok_or_else(|| {
            let params = Map::from_iter([("name".to_owned(), name.as_str().into())]);
            let text = format!("Provider with name {name} is missing or is not enabled.");
            fault("validation_invalid_provider", &text, params)
        })
    }
}

fn too_long(text: &str, most: usize) -> Option<Fault> {
    (text.len() > most).then(|| out_of_range(most))
}
