//! Who a stream is: nobody at first, then somebody, and nobody again when the sign-in is no longer worth anything.

use crate::server::Server;
use crate::stream::Stream;
use serde_json::json;

/// Steps "who status": whose token sets the subscriptions of one stream, and what is answered.
#[tokio::test]
async fn a_guest_may_become_anybody_and_anybody_else_only_stays() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let bob = server.user("bob").await;
    let ann_again = server.sign_in("users", "ann@example.com").await;
    for steps in [
        "guest 204, guest 204, junk 204, ann 204",
        "guest 204, ann 204, ann 204, ann-again 204, bob 403, guest 403, junk 403, ann 204",
        "bob 204, ann 403, root 403",
        "root 204, root 204, ann 403",
        "junk 204, root 204",
    ] {
        let stream = server.connect().await;
        for step in steps.split(", ") {
            let (who, status) = step.split_once(' ').unwrap();
            let token = match who {
                "guest" => "",
                "junk" => "junk",
                "ann" => &ann.1,
                "ann-again" => &ann_again,
                "bob" => &bob.1,
                "root" => &server.token,
                _ => unreachable!(),
            };
            let answer = server.subscribe(&stream, token, &["x"]).await;
            assert_eq!(answer.status.to_string(), status, "{step} in {steps}");
            if answer.status == 403 {
                let message = "The current and the previous request authorization don't match.";
                assert_eq!(answer.body, format!(r#"{{"data":{{}},"message":"{message}","status":403}}"#));
            }
        }
    }
}

struct Scene {
    server: Server,
    ann: (String, String),
    stream: Stream,
}

/// Ann listens to what only signed-in users may see.
async fn scene() -> Scene {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({ "listRule": "@request.auth.id != ''" })).await;
    let ann = server.user("ann").await;
    let stream = server.listen(&ann.1, &["posts/*"]).await;
    Scene { server, ann, stream }
}

impl Scene {
    async fn hears(&mut self) -> bool {
        self.server.create("posts", json!({ "title": "x" })).await;
        self.server.mark().await;
        self.stream.short_until_mark().await == "create x"
    }

    async fn update_ann(&self, body: serde_json::Value) {
        self.server.update("users", &self.ann.0, body).await;
    }
}

#[tokio::test]
async fn a_new_password_makes_guests_of_open_streams() {
    let mut scene = scene().await;
    assert!(scene.hears().await);
    scene.update_ann(json!({ "name": "Ann" })).await;
    assert!(scene.hears().await);
    scene.update_ann(json!({ "password": "another-password", "passwordConfirm": "another-password" })).await;
    assert!(!scene.hears().await);
    // the old token is a guest's now; then anybody may take the stream
    assert_eq!(scene.server.subscribe(&scene.stream, &scene.ann.1, &["posts/*"]).await.status, 204);
    assert!(!scene.hears().await);
    let bob = scene.server.user("bob").await;
    assert_eq!(scene.server.subscribe(&scene.stream, &bob.1, &["posts/*"]).await.status, 204);
    assert!(scene.hears().await);
}

#[tokio::test]
async fn a_deleted_user_is_a_guest() {
    let mut scene = scene().await;
    scene.server.delete("users", &scene.ann.0).await;
    assert!(!scene.hears().await);
}

#[tokio::test]
async fn a_new_secret_makes_guests_of_all() {
    let mut scene = scene().await;
    let body = json!({ "authToken": { "secret": "s".repeat(40), "duration": 1000 } }).to_string();
    let answer = scene.server.request("PATCH", "/api/collections/users", &scene.server.token, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!scene.hears().await);
}

#[tokio::test]
async fn rules_see_the_user_as_it_is_now() {
    let server = Server::start().await;
    let rule = json!({ "listRule": "title = @request.auth.name" });
    server.collection("posts", &["title"], rule).await;
    let ann = server.user("ann").await;
    let mut stream = server.listen(&ann.1, &["posts/*"]).await;
    for title in ["ann", "Anna"] {
        server.create("posts", json!({ "title": title })).await;
    }
    server.update("users", &ann.0, json!({ "name": "Anna" })).await;
    for title in ["ann", "Anna"] {
        server.create("posts", json!({ "title": title })).await;
    }
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "create ann, create Anna");
}

#[tokio::test]
async fn the_change_that_ends_a_sign_in_is_judged_as_a_guest() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut stream = server.listen(&ann.1, &["users/*"]).await;
    server.update("users", &ann.0, json!({ "name": "Ann" })).await;
    let password = json!({ "password": "another-password", "passwordConfirm": "another-password" });
    server.update("users", &ann.0, password).await;
    server.mark().await;
    assert_eq!(stream.until_mark().await.len(), 1);
}

#[tokio::test]
async fn an_expired_token_makes_a_guest() {
    let mut scene = scene().await;
    let path = format!("/api/collections/users/impersonate/{}", scene.ann.0);
    let answer = scene.server.post(&path, &scene.server.token, json!({ "duration": 1 })).await;
    let token = answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    scene.stream = scene.server.listen(&token, &["posts/*"]).await;
    while scene.hears().await {
        tokio::task::yield_now().await;
    }
}
