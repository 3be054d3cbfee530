//! Users of an account are the same records in the PocketBase dialect: what ends a sign-in there ends it here.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use tempfile::TempDir;
use tidewire_server::app::App;
use tidewire_server::config::Config;
use tidewire_server::superuser;
use tower::ServiceExt;

const PASSWORD: &str = "Str0ng!Passw0rd#1";

struct World {
    router: Router,
    /// tokens and ids by name
    known: BTreeMap<&'static str, String>,
    _folder: TempDir,
}

/// Who asks, what, with which body; the status of the answer, and what to keep of it.
type Step = (&'static str, &'static str, Json, u16, &'static [(&'static str, &'static str)]);

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let app = App::open(&Config::new("127.0.0.1:0".parse().unwrap(), folder.path())).unwrap();
        superuser::upsert(&app.store, "root@example.com", PASSWORD).unwrap();
        Self { router: app.router.clone(), known: BTreeMap::new(), _folder: folder }
    }

    async fn send(&self, who: &str, request: &str, body: &Json) -> (u16, Json) {
        let (method, path) = request.split_once(' ').unwrap();
        let fill = |text: &str| {
            self.known
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
        };
        let mut builder = Request::builder()
            .method(method)
            .uri(fill(path))
            .header(header::CONTENT_TYPE, "application/json");
        if !who.is_empty() {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", self.known[who]));
        }
        let body = if body.is_null() { String::new() } else { fill(&body.to_string()) };
        let response = self.router.clone().oneshot(builder.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn run(&mut self, steps: Vec<Step>) {
        for (who, request, body, expected, keep) in steps {
            let (status, answer) = self.send(who, request, &body).await;
            assert_eq!(status, expected, "{request} as {who:?} {body}: {answer}");
            for (name, pointer) in keep {
                self.known.insert(name, answer.pointer(pointer).unwrap().as_str().unwrap().to_owned());
            }
        }
    }
}

const LOGIN: &str = "POST /api/v1/auth/login";
const ME: &str = "GET /api/v1/auth/me";
const SIGN_IN: &str = "POST /api/collections/users/auth-with-password";
const AGAIN: &str = "POST /api/collections/users/auth-refresh";

/// A superadmin, and a user of the account that PocketBase's clients work in, signed in by both dialects.
async fn world() -> World {
    let mut world = World::new();
    let root = json!({ "account": "system", "email": "root@example.com", "password": PASSWORD });
    let user =
        json!({ "email": "u@example.com", "password": PASSWORD, "account_id": "default", "role_id": 2 });
    world
        .run(vec![
            ("", LOGIN, root, 200, &[("root", "/token")]),
            ("root", "POST /api/v1/users", user, 201, &[("id", "/id")]),
            ("root", "POST /api/v1/users/$id/verify", Json::Null, 200, &[]),
            ("", LOGIN, login(), 200, &[("snack", "/token")]),
            ("", SIGN_IN, sign_in(), 200, &[("pocket", "/token")]),
            ("snack", ME, Json::Null, 200, &[]),
            ("pocket", ME, Json::Null, 200, &[]),
            ("pocket", AGAIN, Json::Null, 200, &[]),
        ])
        .await;
    world
}

fn login() -> Json {
    json!({ "account": "default", "email": "u@example.com", "password": PASSWORD })
}

fn sign_in() -> Json {
    json!({ "identity": "u@example.com", "password": PASSWORD })
}

#[tokio::test]
async fn a_disabled_user_is_let_in_nowhere_until_enabled() {
    let mut world = world().await;
    world
        .run(vec![
            ("root", "PATCH /api/v1/users/$id", json!({ "is_active": false }), 200, &[]),
            ("snack", ME, Json::Null, 401, &[]),
            ("pocket", ME, Json::Null, 401, &[]),
            ("pocket", AGAIN, Json::Null, 401, &[]),
            ("", SIGN_IN, sign_in(), 400, &[]),
            ("", LOGIN, login(), 401, &[]),
            ("root", "PATCH /api/v1/users/$id", json!({ "is_active": true }), 200, &[]),
            ("snack", ME, Json::Null, 200, &[]),
            ("pocket", ME, Json::Null, 200, &[]),
            ("pocket", AGAIN, Json::Null, 200, &[]),
            ("", SIGN_IN, sign_in(), 200, &[]),
        ])
        .await;
}

#[tokio::test]
async fn a_new_password_ends_the_tokens_of_both() {
    let mut world = world().await;
    let new = "N3w!Passw0rd#99";
    let password = json!({ "password": new, "passwordConfirm": new, "oldPassword": PASSWORD });
    world
        .run(vec![
            ("pocket", "PATCH /api/collections/users/records/$id", password, 200, &[]),
            ("snack", ME, Json::Null, 401, &[]),
            ("pocket", ME, Json::Null, 401, &[]),
            ("", LOGIN, login(), 401, &[]),
            (
                "",
                LOGIN,
                json!({ "account": "default", "email": "u@example.com", "password": new }),
                200,
                &[("snack", "/token")],
            ),
            ("root", "PUT /api/v1/users/$id/password", json!({ "new_password": PASSWORD }), 200, &[]),
            ("snack", ME, Json::Null, 401, &[]),
            ("", SIGN_IN, sign_in(), 200, &[]),
        ])
        .await;
}

#[tokio::test]
async fn nobody_makes_an_admin_of_themselves() {
    let mut world = world().await;
    let powers = json!({ "accountRole": "admin", "accountGroups": ["pii_access"], "accountDisabled": true });
    let mut new = json!({ "email": "n@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD });
    new.as_object_mut().unwrap().extend(powers.as_object().unwrap().clone());
    world
        .run(vec![
            ("pocket", "PATCH /api/collections/users/records/$id", powers, 200, &[]),
            ("", "POST /api/collections/users/records", new, 200, &[("n_id", "/id")]),
        ])
        .await;
    for id in ["$id", "$n_id"] {
        let (_, user) = world.send("root", &format!("GET /api/v1/users/{id}"), &Json::Null).await;
        let seen = (&user["role_name"], &user["groups"], &user["is_active"]);
        assert_eq!(
            seen,
            (&json!("user"), &json!(if id == "$id" { vec!["pii_access"] } else { vec![] }), &json!(true))
        );
    }
    let (_, own) = world.send("pocket", "GET /api/collections/users/records/$id", &Json::Null).await;
    assert!(own.as_object().unwrap().keys().all(|key| !key.starts_with("account")), "{own}");
}

#[tokio::test]
async fn what_accounts_keep_is_closed_to_the_other_dialect() {
    let mut world = world().await;
    let root = json!({ "identity": "root@example.com", "password": PASSWORD });
    world
        .run(vec![
            ("", "POST /api/collections/_superusers/auth-with-password", root, 200, &[("boss", "/token")]),
            ("boss", ME, Json::Null, 200, &[]),
            ("pocket", "GET /api/collections/_refreshTokens/records", Json::Null, 404, &[]),
            ("", "GET /api/collections/_apiKeys/records", Json::Null, 404, &[]),
            ("pocket", "POST /api/collections/_groups/records", json!({ "name": "x" }), 404, &[]),
            ("boss", "GET /api/collections/_apiKeys/records", Json::Null, 404, &[]),
            ("root", "GET /api/v1/records/_invitations", Json::Null, 404, &[]),
            ("boss", "DELETE /api/collections/_groups", Json::Null, 404, &[]),
        ])
        .await;
    let (_, list) = world.send("boss", "GET /api/collections?perPage=100", &Json::Null).await;
    let names: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["_mfas", "_otps", "_externalAuths", "_authOrigins", "_superusers", "users"]);
}
