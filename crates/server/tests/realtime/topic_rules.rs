//! Who may subscribe to a custom topic, and who may publish on it.

use crate::server::Server;
use crate::socket::Socket;
use serde_json::{Value as Json, json};
use tidewire_server::command::Command;

async fn set(server: &Server, topics: Json) {
    let body = json!({ "topics": topics }).to_string();
    let answer = server.request("PATCH", "/api/settings", &server.token, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn settings_keep_the_rules_and_tell_their_faults() {
    let mut server = Server::start().await;
    let bare = server.request("GET", "/api/settings", &server.token, String::new()).await.json();
    assert_eq!(bare.get("topics"), None);
    set(&server, json!([{ "prefix": "jobs/", "publish": "", "maxAge": 60 }])).await;
    let rule = json!([{
        "prefix": "jobs/", "subscribe": "", "publish": "", "durable": false, "maxAge": 60, "maxMessages": 0, "maxBytes": 0,
    }]);
    for (patch, status, fault) in [
        (
            json!({ "topics": [{ "prefix": "a", "subscribe": "nothing = 1" }] }),
            400,
            "/topics/0/subscribe/code",
        ),
        (json!({ "topics": [{ "prefix": "a" }, { "prefix": "a" }] }), 400, "/topics/1/prefix/code"),
        (json!({ "topics": "all" }), 400, ""),
        (json!({ "topics": null, "meta": { "appName": "Other" } }), 200, ""),
    ] {
        let answer = server.request("PATCH", "/api/settings", &server.token, patch.to_string()).await;
        assert_eq!(answer.status, status, "{patch}: {}", answer.body);
        let found = answer.json()["data"].pointer(fault).is_some_and(Json::is_string);
        assert_eq!(found, !fault.is_empty(), "{}", answer.body);
    }
    server.restart().await;
    let kept = server.request("GET", "/api/settings", &server.token, String::new()).await.json();
    assert_eq!((&kept["topics"], &kept["meta"]["appName"]), (&rule, &json!("Other")));
    set(&server, json!([])).await;
}

#[tokio::test]
async fn subscribing_follows_the_rule_of_the_longest_prefix() {
    let server = Server::start().await;
    let (_, user) = server.user("ann").await;
    set(
        &server,
        json!([
            { "prefix": "team/", "subscribe": "@request.auth.id != ''" },
            { "prefix": "team/public/", "subscribe": "" },
            { "prefix": "staff/", "subscribe": null },
        ]),
    )
    .await;
    for (token, topic, status) in [
        ("", "free", 204),
        ("", "team/public/1", 204),
        ("", "team/1", 403),
        ("", "team/1?options={\"query\":{\"a\":\"b\"}}", 403),
        (user.as_str(), "team/1", 204),
        (user.as_str(), "staff/1", 403),
        (server.token.as_str(), "staff/1", 204),
    ] {
        let stream = server.connect().await;
        let answer = server.subscribe(&stream, token, &["free", topic]).await;
        assert_eq!(answer.status, status, "{topic}: {}", answer.body);
        if status == 403 {
            let expected = json!({
                "data": { "subscriptions": { "1": {
                    "code": "validation_forbidden_topic",
                    "message": "You are not allowed to subscribe to this topic.",
                } } },
                "message": "You are not allowed to subscribe to this topic.",
                "status": 403,
            });
            assert_eq!(answer.json(), expected);
        }
        let mut socket = Socket::connect(&server, token).await;
        let path = topic.split('?').next().unwrap();
        let answer = socket.ask(json!({ "type": "subscribe", "topic": path })).await;
        assert_eq!(answer["type"] == "subscribed", status == 204, "{topic}: {answer}");
    }
}

#[tokio::test]
async fn who_is_no_longer_allowed_hears_nothing_more() {
    let server = Server::start().await;
    let (id, user) = server.user("ann").await;
    let member = json!([{ "prefix": "team/", "subscribe": "@request.auth.name = 'ann'" }]);
    set(&server, member.clone()).await;
    let mut stream = server.listen(&user, &["team/1", "free"]).await;
    let mut socket = Socket::listen(&server, &user, &["team/1", "free"]).await;
    let rename = |name: &str| server.update("users", &id, json!({ "name": name }));
    for step in ["", "rename", "rename back", "close", "open", "sign out"] {
        match step {
            "rename" => drop(rename("bob").await),
            "rename back" => drop(rename("ann").await),
            "close" => set(&server, json!([{ "prefix": "team/", "subscribe": null }])).await,
            "open" => set(&server, member.clone()).await,
            "sign out" => {
                let secret = json!({ "password": "another-password", "passwordConfirm": "another-password" });
                drop(server.update("users", &id, secret).await);
            }
            _ => {}
        }
        for topic in ["team/1", "free"] {
            server.publish(topic, json!(step)).await;
        }
        server.mark().await;
        let is_allowed = matches!(step, "" | "rename back" | "open");
        let expected = if is_allowed { vec!["team/1", "free"] } else { vec!["free"] };
        let told: Vec<String> = stream.until_mark().await.into_iter().map(|event| event.topic).collect();
        assert_eq!(told, expected, "{step}");
        let told: Vec<Json> = socket.heard().await.into_iter().map(|frame| frame["topic"].clone()).collect();
        assert_eq!(told, expected, "{step}");
    }
}

#[tokio::test]
async fn publishing_follows_the_rule() {
    let server = Server::start().await;
    let (_, user) = server.user("ann").await;
    set(
        &server,
        json!([
            { "prefix": "team/", "publish": "@request.auth.id != ''" },
            { "prefix": "wall/", "publish": "" },
            { "prefix": "staff/", "publish": null },
        ]),
    )
    .await;
    for (token, topic, status, by_socket) in [
        ("", "free", 401, false),
        (user.as_str(), "free", 403, true),
        (server.token.as_str(), "free", 200, true),
        ("", "team/1", 401, false),
        (user.as_str(), "team/1", 200, true),
        ("", "wall/1", 200, true),
        (user.as_str(), "staff/1", 403, false),
        (server.token.as_str(), "staff/1", 200, true),
    ] {
        let answer = server.post("/api/pubsub/publish", token, json!({ "topic": topic, "data": 1 })).await;
        assert_eq!(answer.status, status, "{topic}: {}", answer.body);
        let mut socket = Socket::connect(&server, token).await;
        let answer = socket.ask(json!({ "type": "publish", "topic": topic, "data": 1 })).await;
        assert_eq!(answer["type"] == "published", by_socket, "{topic}: {answer}");
    }
}

#[tokio::test]
async fn keys_of_servers_publish_in_their_account() {
    let server = Server::start().await;
    let create = Command::AccountCreate { slug: "acme".into(), name: "Acme".into(), api_key: None };
    let account: Json = serde_json::from_str(&server.command(create).await.unwrap()).unwrap();
    let publishable = Command::KeyCreate {
        account: "acme".into(),
        publishable: true,
        collections: Vec::new(),
        label: String::new(),
        key: Some("a-publishable-key-of-some-length-0123456789".into()),
    };
    server.command(publishable).await.unwrap();
    let authorization = format!("Authorization: {}", server.token);
    let mut there = server.connect().await;
    let body = json!({ "clientId": there.id, "subscriptions": ["jobs"] });
    let answer = server.post_with("/api/realtime", &[&authorization, "X-Account-ID: acme"], body).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let mut here = server.listen("", &["jobs"]).await;
    let secret = account["api_key"].as_str().unwrap();
    for (key, status) in [
        (secret, 200),
        ("a-publishable-key-of-some-length-0123456789", 403),
        ("a-key-that-nobody-made", 401),
        ("sb_ak.e30.e30", 401),
    ] {
        let header = format!("X-API-Key: {key}");
        let body = json!({ "topic": "jobs", "data": "by key" });
        let answer = server.post_with("/api/pubsub/publish", &[&header], body).await;
        assert_eq!(answer.status, status, "{key}: {}", answer.body);
    }
    let publish = |account: &str| Command::Publish {
        topic: "jobs".into(),
        data: json!("by command"),
        account: Some(account.to_owned()),
    };
    server.command(publish("acme")).await.unwrap();
    server.command(publish("nobody")).await.unwrap_err();
    assert_eq!(there.event().await.data, json!("by key"));
    assert_eq!(there.event().await.data, json!("by command"));
    server.mark().await;
    assert_eq!(here.until_mark().await, []);
}

#[tokio::test]
async fn bad_messages_are_refused_by_field() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let mut stream = server.listen("", &["t"]).await;
    let large = "x".repeat(256 << 10);
    for (body, code) in [
        (json!({ "data": 1 }), "/topic/code"),
        (json!({ "topic": "a\r\nevent:b", "data": 1 }), "/topic/code"),
        (json!({ "topic": "x".repeat(2501), "data": 1 }), "/topic/code"),
        (json!({ "topic": "posts/*", "data": 1 }), "/topic/code"),
        (json!({ "topic": "t", "data": large }), "/data/code"),
    ] {
        let answer = server.post("/api/pubsub/publish", &server.token, body).await;
        assert!(answer.status == 400 && answer.json()["data"].pointer(code).is_some(), "{}", answer.body);
    }
    let broken =
        server.request("POST", "/api/pubsub/publish", &server.token, "{\"topic\":\"t\",".to_owned()).await;
    assert_eq!(broken.status, 400, "{}", broken.body);
    server.mark().await;
    assert_eq!(stream.until_mark().await, []);
}
