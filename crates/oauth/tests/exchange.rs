//! Whole sign-ins against a provider in this process.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tidewire_model::oauth2::ProviderOptions;
use tidewire_oauth::{Grant, OAuthError, Person, Provider};
use tidewire_outbound::{Client, Policy};

/// What the provider answers, and what it was asked.
#[derive(Clone)]
struct Fake {
    user: Json,
    emails: Json,
    /// what comes with the access token
    with_token: Json,
    /// whether the client may prove itself in the header
    header: bool,
    asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Fake {
    fn telling(user: Json) -> Self {
        Self { user, emails: json!([]), with_token: json!({}), header: true, asked: Arc::default() }
    }

    async fn start(self) -> String {
        let (token, user, emails) = (self.clone(), self.user.clone(), self.emails.clone());
        let told = move |json: Json| async move { json.to_string() };
        let (query, list) = (user.clone(), emails);
        let routes = Router::new()
            .route("/token", post(async move |headers: HeaderMap, body: Bytes| token.token(&headers, &body)))
            .route("/user", get(move |headers: HeaderMap| answer(headers, user.clone(), told)))
            .route("/user", post(async move |_: Bytes| query.to_string()))
            .route("/user/emails", get(async move || emails_answer(&list)))
            .route("/missing", get(async || StatusCode::IM_A_TEAPOT))
            .route("/text", get(async || "hello"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    fn token(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut asked: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let basic = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        asked.extend(basic.clone().map(|value| ("authorization".to_owned(), value)));
        self.asked.lock().unwrap().push(asked.clone());
        if basic.is_some() && !self.header {
            return (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }).to_string())
                .into_response();
        }
        if asked.get("code").map(String::as_str) != Some("good") {
            return (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }).to_string())
                .into_response();
        }
        let mut answer = json!({ "access_token": "access", "refresh_token": "refresh", "expires_in": 60 });
        for (name, value) in self.with_token.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer.to_string().into_response()
    }
}

async fn answer<F: Future<Output = String>>(
    headers: HeaderMap,
    user: Json,
    told: impl Fn(Json) -> F,
) -> Result<String, StatusCode> {
    let bearer = headers.get("authorization").is_some_and(|value| value == "Bearer access");
    if bearer { Ok(told(user).await) } else { Err(StatusCode::UNAUTHORIZED) }
}

fn emails_answer(list: &Json) -> Response {
    match list {
        Json::Null => StatusCode::FORBIDDEN.into_response(),
        list => list.to_string().into_response(),
    }
}

fn options(name: &str, base: &str) -> ProviderOptions {
    ProviderOptions {
        name: name.into(),
        client_id: "id".into(),
        client_secret: "secret".into(),
        auth_url: format!("{base}/authorize").into(),
        token_url: format!("{base}/token").into(),
        user_info_url: format!("{base}/user").into(),
        ..ProviderOptions::default()
    }
}

async fn person(options: ProviderOptions, code: &str) -> Result<Person, OAuthError> {
    let policy = Policy { private: true, timeout: Duration::from_secs(20), ..Policy::default() };
    let grant = Grant { code, verifier: "the-verifier", redirect_url: "https://app.test/back" };
    Provider::new(&options).unwrap().person(&Client::new(policy), &grant).await
}

#[tokio::test]
async fn a_code_is_exchanged_with_verifier_and_credentials() {
    let fake = Fake::telling(json!({ "sub": "7", "name": "Ann", "email": "a@b.co", "email_verified": true }));
    let asked = fake.asked.clone();
    let base = fake.start().await;
    let found = person(options("oidc", &base), "good").await.unwrap();
    assert_eq!((&*found.id, &*found.name, &*found.email), ("7", "Ann", "a@b.co"));
    assert_eq!((&*found.access_token, &*found.refresh_token), ("access", "refresh"));
    assert!(found.expiry.ends_with('Z') && found.raw["sub"] == "7");
    let sent = asked.lock().unwrap().pop().unwrap();
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!((&*sent["code_verifier"], &*sent["redirect_uri"]), ("the-verifier", "https://app.test/back"));
    assert_eq!(sent["authorization"], "Basic aWQ6c2VjcmV0");
    assert!(!sent.contains_key("client_secret"));
}

#[tokio::test]
async fn who_is_not_known_by_header_tries_the_body() {
    let fake = Fake { header: false, ..Fake::telling(json!({ "sub": "7", "id": 7 })) };
    let asked = fake.asked.clone();
    let base = fake.start().await;
    assert!(person(options("oidc", &base), "good").await.is_ok());
    let [first, second] = <[_; 2]>::try_from(std::mem::take(&mut *asked.lock().unwrap())).unwrap();
    assert!(first.contains_key("authorization") && !second.contains_key("authorization"));
    assert_eq!((&*second["client_id"], &*second["client_secret"]), ("id", "secret"));
    // a provider that is known to want the body is not asked twice
    assert!(person(options("github", &base), "good").await.is_ok());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let base = Fake::telling(json!({ "sub": "7" })).start().await;
    let sound = || options("oidc", &base);
    let at = |url: &str| -> Box<str> { format!("{base}/{url}").into() };
    let refused = |text: &str| OAuthError::Token(text.to_owned());
    let nobody = |text: &str| OAuthError::User(text.to_owned());
    for (options, code, expected) in [
        (sound(), "bad", refused("invalid_grant")),
        (ProviderOptions { token_url: "".into(), ..sound() }, "good", OAuthError::Address("tokenURL")),
        (
            ProviderOptions { token_url: at("nowhere"), ..sound() },
            "good",
            refused("the provider's answer cannot be read"),
        ),
        (ProviderOptions { user_info_url: at("missing"), ..sound() }, "good", nobody("refused with 418")),
        (ProviderOptions { user_info_url: at("text"), ..sound() }, "good", nobody("the answer is no JSON")),
        (
            ProviderOptions { user_info_url: "".into(), ..sound() },
            "good",
            nobody("set userInfoURL, or extra.jwksURL so that ID tokens can be verified"),
        ),
        (ProviderOptions { name: "google".into(), ..sound() }, "other", refused("invalid_grant")),
    ] {
        assert_eq!(person(options, code).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn an_unsigned_id_token_is_no_proof() {
    let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3IiwiYXVkIjoiaWQifQ.";
    let fake = Fake { with_token: json!({ "id_token": forged }), ..Fake::telling(json!({ "sub": "7" })) };
    let base = fake.start().await;
    let extra = json!({ "jwksURL": format!("{base}/missing") });
    let with_keys = ProviderOptions { extra: extra.as_object().cloned(), ..options("oidc", &base) };
    let refused = person(with_keys, "good").await.unwrap_err();
    assert_eq!(refused, OAuthError::User("keys were refused with 418".to_owned()));
}

/// A provider's answers, and "id name username email picture" of the user that they make.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    provider: String,
    user: Json,
    #[serde(default)]
    emails: Json,
    #[serde(default = "nothing")]
    with_token: Json,
    seen: [String; 5],
}

fn nothing() -> Json {
    json!({})
}

#[tokio::test]
async fn users_of_named_providers_are_read() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("users.json")).unwrap();
    for Case { provider, user, emails, with_token, seen } in cases {
        let base = Fake { emails, with_token, ..Fake::telling(user) }.start().await;
        let Person { id, name, username, email, avatar_url, .. } =
            person(options(&provider, &base), "good").await.unwrap();
        assert_eq!([id, name, username, email, avatar_url], seen, "{provider}");
    }
}

#[tokio::test]
async fn accounts_that_are_not_active_sign_nobody_in() {
    for (name, user) in [
        ("linear", json!({ "data": { "viewer": { "id": "7", "active": false } } })),
        ("box", json!({ "id": "7", "status": "inactive" })),
        ("gitea", json!({ "id": 7 })),
    ] {
        let base = Fake::telling(user).start().await;
        let refused = person(options(name, &base), "good").await.unwrap_err();
        assert_eq!(refused, OAuthError::User("the account is not active".to_owned()), "{name}");
    }
}
