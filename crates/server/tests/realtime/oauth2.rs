//! The topic `@oauth2`: what a provider sends back reaches the client that waits for it, once, and nobody else.

use crate::server::Server;
use crate::stream::Event;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_hooks::{Event as Hook, Hands, HookError, Hooks, Occasion, Registration};

const SUCCESS: &str = "location: ../_/#/auth/oauth2-redirect-success";
const FAILURE: &str = "location: ../_/#/auth/oauth2-redirect-failure";

fn codes(told: &[Event]) -> Vec<Json> {
    told.iter().filter(|event| event.topic == "@oauth2").map(|event| event.data.clone()).collect()
}

#[tokio::test]
async fn a_code_reaches_the_client_that_waits_for_it() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let (_, ann) = server.user("ann").await;
    for (token, query, place, data) in [
        ("", "&code=abc", SUCCESS, json!({ "code": "abc" })),
        (ann.as_str(), "&code=a%20b%22%C3%A9", SUCCESS, json!({ "code": "a b\"é" })),
        ("", "&error=access_denied", FAILURE, json!({ "code": "", "error": "access_denied" })),
        ("", "&code=abc&error=odd", FAILURE, json!({ "code": "abc", "error": "odd" })),
        ("", "", FAILURE, json!({ "code": "" })),
    ] {
        let mut stream = server.listen(token, &["posts/*", "@oauth2"]).await;
        let mut other = server.listen(token, &["posts/*", "@oauth2"]).await;
        server.create("posts", json!({ "title": "before" })).await;
        let path = format!("/api/oauth2-redirect?state={}{query}", stream.id);
        let first = server.get_with(&path, &[]).await;
        server.create("posts", json!({ "title": "after" })).await;
        assert_eq!((first.status, first.body.as_str()), (307, ""), "{query}");
        assert!(first.head.to_lowercase().contains(place), "{}", first.head);
        // it waits no longer
        let again = server.get_with(&path, &[]).await;
        assert!(again.head.to_lowercase().contains(FAILURE), "{}", again.head);
        server.mark().await;
        let told = stream.until_mark().await;
        let topics: Vec<&str> = told.iter().map(|event| event.topic.as_str()).collect();
        assert_eq!(topics, ["posts/*", "@oauth2", "posts/*"], "in order, and the other topics go on");
        let mut expected = data.clone();
        expected["state"] = (*stream.id).into();
        assert_eq!(codes(&told), [expected]);
        assert!(codes(&other.until_mark().await).is_empty());
    }
}

#[tokio::test]
async fn nothing_is_said_to_who_does_not_wait_or_is_somewhere_else() {
    let server = Server::start().await;
    let mut stream = server.listen("", &["@oauth2?x", "other"]).await;
    let mut waiting = server.listen("", &["@oauth2"]).await;
    let long = "c".repeat(4097);
    for query in [
        String::new(),
        "state=&code=abc".to_owned(),
        "state=nobody&code=abc".to_owned(),
        format!("state={}&code=abc", stream.id),
        format!("state={}&code=a%0Adata:x", waiting.id),
        format!("state={}&code=a%0D", waiting.id),
        format!("state={}&code={long}", waiting.id),
        format!("state={}&code=a&error=x%0A", waiting.id),
    ] {
        let answer = server.get_with(&format!("/api/oauth2-redirect?{query}"), &[]).await;
        assert!(answer.status == 307 && answer.head.to_lowercase().contains(FAILURE), "{query}");
    }
    let path = format!("/api/oauth2-redirect?state={}&code=abc", waiting.id);
    assert_eq!(server.request("HEAD", &path, "", String::new()).await.status, 404);
    // no topic of another client can be named, and nobody but the redirect may speak on it
    for topic in ["@oauth2", "@oauth2\nx"] {
        let body = json!({ "topic": topic, "data": "x" });
        assert_eq!(server.post("/api/pubsub/publish", &server.token, body).await.status, 400);
    }
    let elsewhere = server.request_from("127.0.0.2", "GET", &path, Json::Null).await;
    assert!(elsewhere.head.to_lowercase().contains(FAILURE), "{}", elsewhere.head);
    // a wrong address ends the wait
    let late = server.get_with(&path, &[]).await;
    assert!(late.head.to_lowercase().contains(FAILURE), "{}", late.head);
    server.mark().await;
    assert!(codes(&stream.until_mark().await).is_empty() && codes(&waiting.until_mark().await).is_empty());
}

#[tokio::test]
async fn forms_are_answered_with_see_other() {
    let server = Server::start_with(|config| config.realtime.check_ip = false).await;
    let mut stream = server.listen("", &["@oauth2"]).await;
    let body =
        json!({ "state": stream.id.as_str(), "code": "abc", "user": "{\"name\":{\"firstName\":\"Ann\"}}" });
    // without the check of addresses, any may come
    let answer = server.request_from("127.0.0.2", "POST", "/api/oauth2-redirect", body).await;
    assert!(answer.status == 303 && answer.head.to_lowercase().contains(SUCCESS), "{}", answer.head);
    server.mark().await;
    assert_eq!(codes(&stream.until_mark().await).len(), 1);
}

#[tokio::test]
async fn rules_of_topics_do_not_keep_anybody_from_signing_in() {
    let server = Server::start().await;
    let topics = json!({ "topics": [{ "prefix": "@", "subscribe": null, "publish": "" }] });
    let patch = server.request("PATCH", "/api/settings", &server.token, topics.to_string()).await;
    assert_eq!(patch.status, 200, "{}", patch.body);
    let mut stream = server.listen("", &["@oauth2"]).await;
    let said = json!({ "topic": "@oauth2", "data": "forged" });
    assert_eq!(server.post("/api/pubsub/publish", "", said).await.status, 400);
    server.get_with(&format!("/api/oauth2-redirect?state={}&code=abc", stream.id), &[]).await;
    server.mark().await;
    assert_eq!(codes(&stream.until_mark().await).len(), 1);
}

#[tokio::test]
async fn hooks_may_refuse_a_sign_in_through_a_provider() {
    let refuse = |occasion: &mut Occasion, _: &mut dyn Hands| match occasion.fields["method"].as_str() {
        Some("oauth2") => Err(HookError::abort(418, "not today")),
        _ => Ok(()),
    };
    let hooks = Hooks::default();
    hooks.register(Registration::new(Hook::SignInBefore, "test", Arc::new(refuse)));
    let server = Server::start_with(|config| config.hooks = hooks).await;
    let provider = json!({ "name": "oidc", "clientId": "us", "clientSecret": "s", "authURL": "http://127.0.0.1:9/a",
        "tokenURL": "http://127.0.0.1:9/t", "userInfoURL": "http://127.0.0.1:9/u" });
    let options = json!({ "oauth2": { "enabled": true, "providers": [provider] } });
    let patch = server.request("PATCH", "/api/collections/users", &server.token, options.to_string()).await;
    assert_eq!(patch.status, 200, "{}", patch.body);
    let body = json!({ "provider": "oidc", "code": "c", "redirectURL": "https://a.test" });
    let refused = server.post("/api/collections/users/auth-with-oauth2", "", body).await;
    assert_eq!((refused.status, &refused.json()["message"]), (418, &json!("Not today.")), "{}", refused.body);
}
