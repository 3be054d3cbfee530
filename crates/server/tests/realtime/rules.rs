//! Who is told of a change: rules and filters, on the record as it was and as it is.

use crate::server::Server;
use crate::stream::Stream;
use serde_json::{Value as Json, json};

/// What guest, user and superuser hear of a record that is created with `{status: "a"}`, set to "b", back to "a", and
/// deleted: `c` create, `u` update, `d` delete.
struct Case {
    /// list or view rule
    rule: Json,
    filter: &'static str,
    heard: [&'static str; 3],
}

fn case(rule: impl Into<Json>, filter: &'static str, heard: [&'static str; 3]) -> Case {
    Case { rule: rule.into(), filter, heard }
}

fn cases() -> Vec<Case> {
    vec![
        case("", "", ["cuud"; 3]),
        case(Json::Null, "", ["", "", "cuud"]),
        case("@request.auth.id != ''", "", ["", "cuud", "cuud"]),
        case("owner = @request.auth.id", "", ["", "cuud", "cuud"]),
        case("owner != @request.auth.id", "", ["cuud", "", "cuud"]),
        case("status = 'a'", "", ["cud", "cud", "cuud"]),
        case("status = 'b'", "", ["u", "u", "cuud"]),
        case("@request.query.k = 'v'", "", ["cuud"; 3]),
        case("@request.headers.x_k = 'v'", "", ["cuud"; 3]),
        case("@request.headers.user_agent != ''", "", ["", "", "cuud"]),
        case("@request.context = 'realtime' && @request.method = 'GET'", "", ["cuud"; 3]),
        case("owner.name = 'ann'", "", ["cuud"; 3]),
        case("owner.name = 'bob'", "", ["", "", "cuud"]),
        case("", "status = 'a'", ["cud"; 3]),
        case("", "status = 'b'", ["u"; 3]),
        case("", "owner = @request.auth.id", ["", "cuud", ""]),
        case("", "@request.auth.id != \"\"", ["", "cuud", "cuud"]),
        case("", "@request.query.k = 'v'", [""; 3]),
        case("", "status =", [""; 3]),
        case("", "nothing = 1", [""; 3]),
        case("", "secret = 's'", [""; 3]),
        case("status = 'a'", "status = 'b'", ["", "", "u"]),
    ]
}

/// One collection and topic for each case, heard by all three at once.
async fn check(rule_name: &str, topic_of: impl Fn(&str, &str) -> String) {
    let server = Server::start().await;
    let (ann, token) = server.user("ann").await;
    let cases = cases();
    let mut topics = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let name = format!("c{index}");
        let mut more = json!({ "fields": [
            { "name": "owner", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1 },
            { "name": "secret", "type": "text", "hidden": true },
        ]});
        more["listRule"] = Json::Null;
        more["viewRule"] = Json::Null;
        more[rule_name] = case.rule.clone();
        server.collection(&name, &["status"], more).await;
        let options = json!({ "query": { "filter": case.filter, "k": "v" }, "headers": { "X-K": "v" } });
        topics.push(format!("{}?options={options}", topic_of(&name, &record_id(index))));
    }
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut streams = [
        server.listen("", &topics).await,
        server.listen(&token, &topics).await,
        server.listen(&server.token, &topics).await,
    ];
    for index in 0..cases.len() {
        live_and_die(&server, &format!("c{index}"), &record_id(index), &ann).await;
    }
    server.mark().await;
    for (who, stream) in streams.iter_mut().enumerate() {
        let heard = heard_by(stream, &topics).await;
        for (case, heard) in cases.iter().zip(heard) {
            let Case { rule, filter, heard: expected } = case;
            assert_eq!(heard, expected[who], "listener {who}, {rule_name} {rule}, filter {filter:?}");
        }
    }
}

fn record_id(index: usize) -> String {
    format!("record{index:09}")
}

async fn live_and_die(server: &Server, collection: &str, id: &str, owner: &str) {
    let body = json!({ "id": id, "status": "a", "owner": owner, "secret": "s" });
    server.create(collection, body).await;
    server.update(collection, id, json!({ "status": "b" })).await;
    server.update(collection, id, json!({ "status": "a" })).await;
    server.delete(collection, id).await;
}

/// The letters of each topic, in order.
async fn heard_by(stream: &mut Stream, topics: &[&str]) -> Vec<String> {
    let mut heard = vec![String::new(); topics.len()];
    for event in stream.until_mark().await {
        let index = topics.iter().position(|topic| *topic == event.topic).unwrap();
        heard[index].push_str(&event.action()[..1]);
    }
    heard
}

#[tokio::test]
async fn wildcards_are_judged_by_the_list_rule() {
    check("listRule", |name, _| format!("{name}/*")).await;
}

#[tokio::test]
async fn bare_names_are_judged_by_the_list_rule() {
    check("listRule", |name, _| name.to_owned()).await;
}

#[tokio::test]
async fn record_topics_are_judged_by_the_view_rule() {
    check("viewRule", |name, id| format!("{name}/{id}")).await;
}

#[tokio::test]
async fn new_rules_hold_from_their_commit_on() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let mut stream = server.listen("", &["posts/*"]).await;
    for (rule, title) in
        [(json!(""), "1"), (Json::Null, "2"), (json!("title = '3'"), "3"), (json!("title = '3'"), "4")]
    {
        let body = json!({ "listRule": rule }).to_string();
        assert_eq!(server.request("PATCH", "/api/collections/posts", &server.token, body).await.status, 200);
        server.create("posts", json!({ "title": title })).await;
    }
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "create 1, create 3");
}

#[tokio::test]
async fn cascades_are_told_in_their_order() {
    let server = Server::start().await;
    let parents = server.collection("parents", &["title"], json!({})).await;
    let relation = |cascade: bool| {
        json!({ "fields": [{
            "name": "parent", "type": "relation", "collectionId": parents, "maxSelect": 1, "cascadeDelete": cascade,
        }]})
    };
    let mut owned = relation(true);
    owned["listRule"] = json!("parent.title = 'p'");
    server.collection("owned", &["title"], owned).await;
    server.collection("loose", &["title"], relation(false)).await;
    let parent = server.create("parents", json!({ "title": "p" })).await;
    let parent = parent["id"].as_str().unwrap();
    for (collection, title) in [("owned", "o"), ("loose", "l")] {
        server.create(collection, json!({ "title": title, "parent": parent })).await;
    }
    let mut stream = server.listen("", &["parents", "owned", "loose"]).await;
    server.delete("parents", parent).await;
    server.mark().await;
    let heard = stream.short_until_mark().await;
    let parts: Vec<&str> = heard.split(", ").collect();
    assert!(parts.len() == 3 && parts[2] == "delete p", "{heard}");
    assert!(parts.contains(&"delete o") && parts.contains(&"update l"), "{heard}");
}

#[tokio::test]
async fn truncating_tells_of_each_record_and_dropping_of_none() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    for title in ["a", "b"] {
        server.create("posts", json!({ "title": title })).await;
    }
    let mut stream = server.listen("", &["posts"]).await;
    let truncate = "/api/collections/posts/truncate";
    assert_eq!(server.request("DELETE", truncate, &server.token, String::new()).await.status, 204);
    server.create("posts", json!({ "title": "c" })).await;
    let gone = server.request("DELETE", "/api/collections/posts", &server.token, String::new());
    assert_eq!(gone.await.status, 204);
    server.mark().await;
    assert_eq!(stream.short_until_mark().await, "delete a, delete b, create c");
}
