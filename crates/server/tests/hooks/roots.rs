//! Requests of the server itself to others that speak TLS: who is trusted is one setting for all of them.

use crate::scripts::start_with_script;
use crate::tls::Authority;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value as Json, json};
use tidewire_outbound::Roots;

/// A provider, a receiver of hooks, and something to fetch.
fn routes() -> Router {
    let token = async || json!({ "access_token": "access" }).to_string();
    let user = async || json!({ "sub": "7", "email": "a@example.com", "email_verified": true }).to_string();
    let refusing =
        async || (StatusCode::IM_A_TEAPOT, json!({ "message": "The receiver says no." }).to_string());
    Router::new()
        .route("/token", post(token))
        .route("/user", get(user))
        .route("/hook", post(refusing))
        .route("/text", get(async || "fetched"))
}

const SCRIPT: &str = r#"
onRecordBeforeCreate((e) => { e.record.title = fetch("BASE/text").text() }, { collection: "notes", stopOnError: true, timeout: 50 });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn providers_receivers_and_fetch_trust_who_is_named() {
    let (ours, other) = (Authority::new(), Authority::new());
    let base = format!("https://localhost:{}", ours.serve("localhost", routes()).await);
    let named = |authority: &Authority| Roots::read(authority.pem().as_bytes()).unwrap();
    for (roots, trusted) in [(named(&ours), true), (named(&other), false), (Roots::default(), false)] {
        let server = start_with_script(&SCRIPT.replace("BASE", &base), |config| {
            config.private_addresses = true;
            config.roots = roots;
        })
        .await;
        let provider = json!({ "name": "oidc", "clientId": "us", "clientSecret": "secret",
            "authURL": format!("{base}/authorize"), "tokenURL": format!("{base}/token"),
            "userInfoURL": format!("{base}/user") });
        let change = json!({ "oauth2": { "enabled": true, "providers": [provider] } });
        let path = "/api/collections/users";
        assert_eq!(server.request("PATCH", path, &server.token, change.to_string()).await.status, 200);
        let body = json!({ "provider": "oidc", "code": "c", "codeVerifier": "v", "redirectURL": "https://app.test/" });
        let signed_in = server.post(&format!("{path}/auth-with-oauth2"), "", body).await;
        assert_eq!(signed_in.status, if trusted { 200 } else { 400 }, "{}", signed_in.body);

        crate::http::define(
            &server,
            json!({ "url": format!("{base}/hook"), "events": ["record.before_create"], "collection": "posts",
                "fail": "closed" }),
        )
        .await;
        let refused = server.post("/api/collections/posts/records", &server.token, json!({})).await;
        let expected = if trusted { (418, "The receiver says no.") } else { (500, "A hook failed.") };
        let told = refused.json();
        assert_eq!((refused.status, told["message"].as_str().unwrap_or_default()), expected, "{told}");

        let noted = server.post("/api/collections/notes/records", &server.token, json!({})).await;
        let (status, title) = if trusted { (200, json!("fetched")) } else { (500, Json::Null) };
        assert_eq!((noted.status, &noted.json()["title"]), (status, &title), "{}", noted.body);
    }
}
