use crate::common::Place;
use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::Duration;
use tidewire_client::{Client, Error, OAuth2Code};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

crate::against_both!(
    a_browser_brings_the_code_to_who_sent_it,
    who_is_refused_or_stays_away_is_an_error,
    a_code_signs_in_who_has_it,
);

type Pairs = HashMap<String, String>;

/// A provider that asks nobody: its code holds the challenge that the verifier must fit, its token tells who it is.
async fn provider() -> String {
    let routes = Router::new()
        .route("/authorize", get(async |Query(asked): Query<Pairs>| authorize(&asked)))
        .route("/token", post(async |body: String| token(&form(&body))))
        .route(
            "/user",
            get(async || {
                json!({ "sub": "7", "name": "Ann", "email": "ann@example.com", "email_verified": true })
                    .to_string()
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn authorize(asked: &Pairs) -> Redirect {
    let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
    let said = match asked["scope"].as_str() {
        "nothing" => ("error", "access_denied"),
        _ => ("code", asked["code_challenge"].as_str()),
    };
    back.query_pairs_mut().append_pair("state", &asked["state"]).append_pair(said.0, said.1);
    Redirect::to(back.as_str())
}

fn form(body: &str) -> Pairs {
    Url::parse(&format!("http://x/?{body}")).unwrap().query_pairs().into_owned().collect()
}

fn token(asked: &Pairs) -> Result<axum::Json<Json>, StatusCode> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"]));
    if asked["code"] != challenge {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(axum::Json(json!({ "access_token": "t", "token_type": "bearer", "expires_in": 3600 })))
}

async fn configure(place: &Place) {
    let base = provider().await;
    let provider = json!({ "name": "oidc", "clientId": "us", "clientSecret": "secret", "pkce": true,
        "authURL": format!("{base}/authorize"), "tokenURL": format!("{base}/token"), "userInfoURL": format!("{base}/user") });
    place.settings("users", json!({ "oauth2": { "enabled": true, "providers": [provider] } })).await;
}

/// Opens an address as a browser does, and follows it; status and page.
async fn browse(url: &Url) -> (u16, String) {
    let client = Client::builder(url.origin().ascii_serialization()).build().unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    match client.send("GET", url.path()).query(&pairs).stream().await {
        Ok(page) => (page.status().as_u16(), page.text().await.unwrap()),
        Err(error) => (error.status().unwrap(), error.to_string()),
    }
}

async fn a_browser_brings_the_code_to_who_sent_it(place: Place) {
    configure(&place).await;
    let client = place.client();
    let users = client.collection("users");
    let (told, page) = oneshot::channel();
    let open = |url: &str| {
        let url = Url::parse(url).unwrap();
        tokio::spawn(async move {
            let asked: Pairs = url.query_pairs().into_owned().collect();
            // whoever does not know the state ends nothing
            let mut forged = Url::parse(&asked["redirect_uri"]).unwrap();
            forged.query_pairs_mut().append_pair("state", "other").append_pair("code", "forged");
            let refused = browse(&forged).await.0;
            told.send((refused, browse(&url).await)).unwrap();
        });
    };
    let signed_in =
        users.auth_with_oauth2("oidc").create_data(json!({ "emailVisibility": true })).open(open).await;
    let signed_in = signed_in.unwrap();
    assert_eq!(
        (&signed_in.meta["email"], &signed_in.meta["isNew"]),
        (&json!("ann@example.com"), &json!(true))
    );
    assert_eq!(signed_in.auth.record["emailVisibility"], json!(true));
    assert_eq!(client.auth().auth(), signed_in.auth);
    let (refused, (status, page)) = page.await.unwrap();
    assert_eq!((refused, status), (400, 200));
    assert!(page.contains("You are signed in"), "{page}");
    assert_eq!(users.auth_refresh().await.unwrap().record["id"], signed_in.auth.record["id"]);
}

async fn who_is_refused_or_stays_away_is_an_error(place: Place) {
    configure(&place).await;
    let client = place.client();
    let users = client.collection("users");
    let open = |url: &str| {
        let url = Url::parse(url).unwrap();
        tokio::spawn(async move { browse(&url).await });
    };
    let denied = users.auth_with_oauth2("oidc").scopes(&["nothing"]).open(open).await.unwrap_err();
    assert!(matches!(&denied, Error::OAuth2(text) if text.contains("access_denied")), "{denied}");
    let short = users.auth_with_oauth2("oidc").timeout(Duration::from_millis(10));
    let late = short.open(|_| {}).await.unwrap_err();
    assert!(matches!(&late, Error::OAuth2(text) if text.contains("10ms")), "{late}");
    let unknown = users.auth_with_oauth2("google").open(|_| {}).await.unwrap_err();
    assert!(matches!(&unknown, Error::Invalid(text) if text.contains("google")), "{unknown}");
    assert_eq!(client.auth().token(), "");
}

async fn a_code_signs_in_who_has_it(place: Place) {
    configure(&place).await;
    let client = place.client();
    let users = client.collection("users");
    let verifier = "v".repeat(43);
    let code = OAuth2Code {
        provider: "oidc".into(),
        code: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
        code_verifier: verifier,
        redirect_url: "http://127.0.0.1:1/callback".into(),
        create_data: None,
    };
    let wrong = OAuth2Code { code_verifier: "w".repeat(43), ..code.clone() };
    assert_eq!(users.auth_with_oauth2_code(&wrong).await.unwrap_err().status(), Some(400));
    let signed_in = users.auth_with_oauth2_code(&code).await.unwrap();
    assert_eq!(signed_in.meta["isNew"], json!(true));
    let again = users.auth_with_oauth2_code(&code).await.unwrap();
    assert_eq!(
        (&again.meta["isNew"], &again.auth.record["id"]),
        (&json!(false), &signed_in.auth.record["id"])
    );
    let links: Json = client.send("GET", "api/collections/_externalAuths/records").read().await.unwrap();
    assert_eq!(links["items"][0]["providerId"], "7");
}
