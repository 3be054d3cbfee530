//! Signing in, in every dialect.

use crate::server::{PASSWORD, Server};
use crate::told::{SIGN_IN, Told, without};
use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, HookError};

/// A route that signs somebody in.
struct Route {
    path: &'static str,
    body: Json,
    method: &'static str,
    identity: &'static str,
    /// what a refusal looks like
    refusal: Json,
}

fn routes_of_pocketbase_and_snackbase(refresh: &Json) -> Vec<Route> {
    let pocketbase = json!({ "data": {}, "message": "Not now.", "status": 451 });
    let snackbase = json!({ "error": "Authentication failed", "message": "not now" });
    vec![
        Route {
            path: "/api/collections/users/auth-with-password",
            body: json!({ "identity": "a@example.com", "password": PASSWORD }),
            method: "password",
            identity: "a@example.com",
            refusal: pocketbase.clone(),
        },
        Route {
            path: "/api/collections/users/auth-refresh",
            body: json!({}),
            method: "token refresh",
            identity: "",
            refusal: pocketbase,
        },
        Route {
            path: "/api/v1/auth/login",
            body: json!({ "account": "default", "email": "a@Example.com", "password": PASSWORD }),
            method: "password",
            identity: "a@example.com",
            refusal: snackbase.clone(),
        },
        Route {
            path: "/api/v1/auth/refresh",
            body: json!({ "refresh_token": refresh }),
            method: "token refresh",
            identity: "",
            refusal: snackbase,
        },
    ]
}

#[tokio::test]
async fn pocketbase_and_snackbase_tell_before_and_after() {
    for place in 0..4 {
        for refuse in [true, false] {
            let mut told = Told::of(&SIGN_IN);
            let server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
            let (user, token) = server.user("a").await;
            server.update("users", &user, json!({ "verified": true })).await;
            let body = json!({ "account": "default", "email": "a@example.com", "password": PASSWORD });
            let login = server.post("/api/v1/auth/login", "", body).await.json();
            let route = routes_of_pocketbase_and_snackbase(&login["refresh_token"]).swap_remove(place);
            // root, the user, the log-in
            for _ in 0..6 {
                told.any().await;
            }
            if refuse {
                told.on(Event::SignInBefore, |_| Err(HookError::abort(451, "not now")));
            }
            let answer = server.post(route.path, &token, route.body).await;
            let before = told.next(Event::SignInBefore).await;
            let expected = json!({
                "collection": "users", "identity": route.identity, "method": route.method, "ip": "127.0.0.1",
                "user_agent": "",
            });
            assert_eq!(before, expected, "{}", route.path);
            if refuse {
                assert_eq!((answer.status, answer.json()), (451, route.refusal), "{}", route.path);
                told.nothing();
                continue;
            }
            assert_eq!(answer.status, 200, "{}: {}", route.path, answer.body);
            let after = told.next(Event::SignIn).await;
            assert_eq!(
                (&after["record"]["id"], &after["record"]["email"], after["record"].get("password")),
                (&json!(user), &json!("a@example.com"), None)
            );
            let mut expected = expected;
            expected["user_id"] = json!(user);
            expected["account_id"] = json!("default");
            assert_eq!(without(after, &["record"]), expected, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn cocobase_tells_before_and_after() {
    let mut told = Told::of(&SIGN_IN);
    let world = World::start_with(|config| config.hooks = told.hooks.clone()).await;
    for event in SIGN_IN {
        told.next(event).await;
    }
    told.on(Event::SignInBefore, |e| match e.fields["identity"].as_str() {
        Some("eve@example.com") => Err(HookError::abort(451, "not eve")),
        _ => Ok(()),
    });
    for (path, email, method, status) in [
        ("/auth-collections/signup", "eve@example.com", "sign up", 451),
        ("/auth-collections/signup", "a@example.com", "sign up", 200),
        ("/auth-collections/login", "eve@example.com", "password", 451),
        ("/auth-collections/login", "a@example.com", "password", 200),
    ] {
        let answer = world.call("POST", path, &json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let before = told.next(Event::SignInBefore).await;
        let expected = json!({
            "collection": "_app_users", "identity": email, "method": method, "ip": "127.0.0.1", "user_agent": "",
        });
        assert_eq!(before, expected);
        if status == 451 {
            assert_eq!(answer.json(), json!({ "detail": "not eve" }));
            continue;
        }
        let after = told.next(Event::SignIn).await;
        let user = &answer.json()["user"]["id"];
        assert_eq!(
            (&after["user_id"], &after["account_id"], &after["record"]["id"]),
            (user, &json!(world.project), user)
        );
    }
    told.nothing();
}

#[tokio::test]
async fn a_wrong_password_is_told_before_and_not_after() {
    let mut told = Told::of(&SIGN_IN);
    let mut server = Server::start_with(|config| config.hooks = told.hooks.clone()).await;
    server.user("a").await;
    for _ in 0..4 {
        told.any().await;
    }
    for (path, body) in [
        (
            "/api/collections/users/auth-with-password",
            json!({ "identity": "a@example.com", "password": "wrong-one" }),
        ),
        (
            "/api/v1/auth/login",
            json!({ "account": "default", "email": "a@example.com", "password": "wrong-one" }),
        ),
        (
            "/api/v1/auth/login",
            json!({ "account": "nowhere", "email": "a@example.com", "password": "wrong-one" }),
        ),
    ] {
        assert!(server.post(path, "", body).await.status >= 400);
        told.next(Event::SignInBefore).await;
    }
    server.stop().await;
    told.nothing();
}
