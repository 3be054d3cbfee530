//! What a table of requests cannot say: many failures, forged tokens, tokens of the PocketBase dialect.

use crate::world::{Answer, Case, SETUP, World, cases};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use tidewire_auth::{Attempts, Bounds, TokenKind};
use tidewire_model::{Record, TenantId, Value};
use tidewire_records::internal::{self, REFRESH_TOKENS};
use tidewire_records::{account, user};

async fn world(attempts: Attempts) -> World {
    let mut world = World::new(attempts).await;
    for case in cases(SETUP) {
        let faults = world.check(&case).await;
        assert!(faults.is_empty(), "{}: {faults:?}", case.request);
    }
    world
}

async fn post(world: &World, path: &str, body: Json) -> Answer {
    let request = format!("POST /api/v1/auth/{path}");
    world.send(&Case { request, body: Some(body), ..Case::default() }).await
}

/// Status of a question that only who is signed in may ask.
async fn me(world: &mut World, token: &str) -> (u16, Json) {
    world.vars.insert("tried".into(), token.into());
    let case = Case { request: "GET /api/v1/auth/me".into(), who: "tried".into(), ..Case::default() };
    let answer = world.send(&case).await;
    (answer.status, answer.json())
}

fn user_of(world: &World, account: &str, id: &str) -> std::sync::Arc<Record> {
    let (account, id) = (TenantId::new(&world.vars[account]), &world.vars[id]);
    world.store.read_here(|snapshot| user::find(snapshot, &account, id)).unwrap().unwrap()
}

#[tokio::test]
async fn too_many_failures_are_refused() {
    let world = world(Attempts::new(Some(Bounds::default()))).await;
    let login = |password: &str| json!({"account": "acme", "email": "a@example.com", "password": password});
    for _ in 0..10 {
        assert_eq!(post(&world, "login", login("wrong")).await.status, 401);
    }
    let answer = post(&world, "login", login("Str0ng!Passw0rd#1")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after").as_deref(), Some("60"));
    assert_eq!(
        answer.body,
        r#"{"error":"Too Many Requests","message":"Too many failed login attempts. Try again later."}"#
    );
    let other = json!({"account": "beta", "email": "b@example.com", "password": "Str0ng!Passw0rd#2"});
    assert_eq!(post(&world, "login", other).await.status, 200);
}

#[tokio::test]
async fn access_tokens_say_who_in_which_account() {
    let world = world(Attempts::new(None)).await;
    let claims = |token: &str| -> Json {
        let part = world.vars[token].split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    for (token, user, account, email, role) in [
        ("a", world.vars["a_id"].as_str(), world.vars["acme"].as_str(), "a@example.com", "admin"),
        ("root", &world.vars["root_id"], account::SYSTEM_ID, "root@example.com", "admin"),
    ] {
        let mut found = claims(token);
        let (iat, exp) = (found["iat"].as_i64().unwrap(), found["exp"].as_i64().unwrap());
        assert_eq!(exp - iat, 3600);
        (found["iat"], found["exp"]) = (Json::Null, Json::Null);
        let expected = json!({
            "iss": "snackbase", "sub": user, "iat": null, "exp": null, "user_id": user, "account_id": account,
            "email": email, "role": role, "type": "access",
        });
        assert_eq!(found, expected);
    }
    let refresh = claims("a_refresh");
    assert_eq!(refresh["exp"].as_i64().unwrap() - refresh["iat"].as_i64().unwrap(), 604_800);
    assert!(refresh["jti"].is_string() && refresh.get("email").is_none());
}

#[tokio::test]
async fn tokens_that_were_not_issued_prove_nothing() {
    let mut world = world(Attempts::new(None)).await;
    let (a, b) = (user_of(&world, "acme", "a_id"), user_of(&world, "beta", "b_id"));
    let (acme, beta) = (TenantId::new(&world.vars["acme"]), TenantId::new(&world.vars["beta"]));
    let system = TenantId::new(account::SYSTEM_ID);
    let issue = |user: &Record, account: &TenantId, seconds| {
        tidewire_auth::issue_access(user, account, "admin", seconds)
    };
    let mut unknown = Record::clone(&a);
    unknown.set("id", Value::text("nobody000000000"));
    let (invalid, expired) = ("Invalid token", "Token has expired");
    for (token, expected) in [
        (issue(&a, &acme, 60), None),
        (issue(&a, &acme, -1), Some(expired)),
        (issue(&a, &beta, 60), Some(invalid)),
        (issue(&b, &acme, 60), Some(invalid)),
        (issue(&a, &system, 60), Some(invalid)),
        (issue(&unknown, &acme, 60), Some(invalid)),
        (tidewire_auth::issue_refresh(&a, &acme, "j", 60), Some(invalid)),
        // the same user's tokens of the PocketBase dialect
        (tidewire_auth::issue(&a, TokenKind::Auth, true, None), None),
        (tidewire_auth::issue(&a, TokenKind::Auth, true, Some(-1)), Some(expired)),
        (tidewire_auth::issue(&a, TokenKind::File, true, None), Some(invalid)),
        ("sb_ak.x.y".to_owned(), Some(invalid)),
        ("sb_pt.x.y".to_owned(), Some(invalid)),
        ("x".repeat(9000), Some(invalid)),
    ] {
        let (status, body) = me(&mut world, &token).await;
        match expected {
            None => assert_eq!(status, 200, "{token}"),
            Some(text) => assert_eq!((status, body), (401, json!({ "detail": text })), "{token}"),
        }
    }
}

#[tokio::test]
async fn a_superuser_of_the_other_dialect_is_a_superadmin() {
    let mut world = world(Attempts::new(None)).await;
    world.vars.insert("system".into(), account::SYSTEM_ID.into());
    let root = user_of(&world, "system", "root_id");
    let token = tidewire_auth::issue(&root, TokenKind::Auth, true, None);
    let (status, body) = me(&mut world, &token).await;
    assert_eq!((status, &body["account_id"]), (200, &json!(account::SYSTEM_ID)));
}

#[tokio::test]
async fn refresh_tokens_are_kept_as_hashes_and_bounded() {
    let world = world(Attempts::new(None)).await;
    let acme = TenantId::new(&world.vars["acme"]);
    let kept =
        || world.store.read_here(|snapshot| internal::all(snapshot, REFRESH_TOKENS, &acme, 1000)).unwrap();
    assert_eq!(kept().len(), 1);
    assert_ne!(kept()[0].text("token"), world.vars["a_refresh"]);
    let mut token = world.vars["a_refresh"].clone();
    for _ in 0..120 {
        let answer = post(&world, "refresh", json!({ "refresh_token": token })).await;
        assert_eq!(answer.status, 200);
        token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    }
    assert_eq!(kept().len(), 100);
}
