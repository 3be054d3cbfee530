//! Hooks over HTTP in their place among all others: every way to write in every dialect asks them once and can be refused, and
//! they take turns with scripts and closures by priority.

use crate::http::define;
use crate::receiver::{Receiver, Reply};
use crate::world::World;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_hooks::{Event, Hands, Hooks, Occasion, Registration};

const EVENTS: [&str; 3] = ["record.before_create", "record.before_update", "record.before_delete"];
const PASSWORD: &str = "Str0ng!Passw0rd#3";

/// A request, who sends it, its body; what must be asked about it, as "operation collection"; what of the answer to remember.
type Row = (
    &'static str,
    &'static str,
    fn() -> Json,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const POSTS: &str = "/api/collections/posts/records";

const ROWS: [Row; 28] = [
    (
        "POST /api/collections/posts/records",
        "root",
        || json!({"title": "a"}),
        &["create posts"],
        &[("post", "/id")],
    ),
    ("PATCH /api/collections/posts/records/<post>", "root", || json!({"title": "b"}), &["update posts"], &[]),
    ("POST /api/collections/parts/records", "root", || json!({"post": "<post>"}), &["create parts"], &[]),
    ("POST /api/collections/parts/records", "root", || json!({"seen": ["<post>"]}), &["create parts"], &[]),
    (
        "DELETE /api/collections/posts/records/<post>",
        "root",
        || Json::Null,
        &["delete posts", "delete parts", "update parts"],
        &[],
    ),
    ("DELETE /api/collections/parts/truncate", "root", || Json::Null, &["delete parts"], &[]),
    (
        "POST /api/batch",
        "root",
        || {
            json!({"requests": [
                {"method": "POST", "url": POSTS, "body": {"title": "1"}},
                {"method": "PUT", "url": POSTS, "body": {"id": "chosenbyclient1", "title": "2"}},
                {"method": "PATCH", "url": format!("{POSTS}/chosenbyclient1"), "body": {"title": "3"}},
                {"method": "DELETE", "url": format!("{POSTS}/chosenbyclient1")},
            ]})
        },
        &["create posts", "create posts", "update posts", "delete posts"],
        &[],
    ),
    (
        "POST /api/collections/users/records",
        "root",
        || json!({"email": "u@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}),
        &["create users"],
        &[],
    ),
    (
        "POST /api/v1/records/posts",
        "bearer",
        || json!({"title": "s"}),
        &["create posts"],
        &[("snack", "/id")],
    ),
    ("PATCH /api/v1/records/posts/<snack>", "bearer", || json!({"title": "t"}), &["update posts"], &[]),
    ("PUT /api/v1/records/posts/<snack>", "bearer", || json!({"title": "u"}), &["update posts"], &[]),
    ("DELETE /api/v1/records/posts/<snack>", "bearer", || Json::Null, &["delete posts"], &[]),
    (
        "POST /api/v1/records/posts/batch",
        "bearer",
        || json!({"records": [{"title": "1"}, {"title": "2"}]}),
        &["create posts", "create posts"],
        &[("one", "/created/0/id"), ("two", "/created/1/id")],
    ),
    (
        "PATCH /api/v1/records/posts/batch",
        "bearer",
        || json!({"records": [{"id": "<one>", "data": {"title": "3"}}, {"id": "<two>", "data": {"title": "4"}}]}),
        &["update posts", "update posts"],
        &[],
    ),
    (
        "DELETE /api/v1/records/posts/batch",
        "bearer",
        || json!({"ids": ["<one>", "<two>"]}),
        &["delete posts", "delete posts"],
        &[],
    ),
    (
        "POST /api/v1/users",
        "bearer",
        || json!({"email": "m@example.com", "password": PASSWORD, "account_id": "<account>", "role_id": 2}),
        &["create users"],
        &[("member", "/id")],
    ),
    ("PATCH /api/v1/users/<member>", "bearer", || json!({"email": "n@example.com"}), &["update users"], &[]),
    (
        "PUT /api/v1/users/<member>/password",
        "bearer",
        || json!({"password": PASSWORD}),
        &["update users"],
        &[],
    ),
    (
        "POST /api/v1/auth/register",
        "",
        || json!({"email": "r@example.com", "password": PASSWORD, "account_name": "Reg"}),
        &["create users"],
        &[],
    ),
    (
        "POST /collections/documents?collection=notes",
        "key",
        || json!({"data": {"a": 1}}),
        &["create notes"],
        &[("note", "/id")],
    ),
    (
        "PATCH /collections/notes/documents/<note>",
        "key",
        || json!({"data": {"a": 2}}),
        &["update notes"],
        &[],
    ),
    ("DELETE /collections/notes/documents/<note>", "key", || Json::Null, &["delete notes"], &[]),
    (
        "POST /collections/notes/batch/documents/create",
        "key",
        || json!({"documents": [{"a": 1}, {"a": 2}]}),
        &["create notes", "create notes"],
        &[("first", "/0/id")],
    ),
    (
        "POST /collections/notes/batch/documents/delete",
        "key",
        || json!({"document_ids": ["<first>"]}),
        &["delete notes"],
        &[],
    ),
    ("DELETE /collections/notes", "key", || Json::Null, &["delete notes"], &[]),
    (
        "POST /auth-collections/signup",
        "key",
        || json!({"email": "app@example.com", "password": PASSWORD}),
        &["create _app_users"],
        &[("app", "/user/id")],
    ),
    (
        "PATCH /auth-collections/users/<app>",
        "key",
        || json!({"phone_number": "1", "roles": ["r"]}),
        &["update _app_users"],
        &[],
    ),
    ("DELETE /api/collections/posts/truncate", "root", || Json::Null, &["delete posts"], &[]),
];

struct Place {
    world: World,
    known: BTreeMap<&'static str, String>,
}

impl Place {
    async fn send(&self, request: &str, who: &str, body: Json) -> crate::server::Answer {
        let fill = |text: String| {
            let filled =
                |text: String, (name, value): (&&str, &String)| text.replace(&format!("<{name}>"), value);
            self.known.iter().fold(text, filled)
        };
        let (method, path) = request.split_once(' ').unwrap();
        let server = &self.world.server;
        let token = match who {
            "root" => server.token.clone(),
            "bearer" => format!("Bearer {}", server.token),
            "key" => format!("\r\nX-API-Key: {}", self.world.key),
            _ => String::new(),
        };
        let body = if body.is_null() { String::new() } else { fill(body.to_string()) };
        server.request(method, &fill(path.to_owned()), &token, body).await
    }
}

fn hear(receiver: &mut Receiver) -> Vec<String> {
    let all = std::iter::from_fn(|| receiver.try_next());
    let told = all.map(|heard| {
        let data = &heard.json()["data"];
        format!("{} {}", data["operation"].as_str().unwrap(), data["collection"].as_str().unwrap())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_every_dialect_is_asked_about_once_and_can_be_refused() {
    let world = World::start_with(|config| config.private_addresses = true).await;
    let server = &world.server;
    let posts = server.collection("posts", &["title"], json!({})).await;
    let relation = |name: &str, more: Json| {
        let mut field = json!({"name": name, "type": "relation", "collectionId": posts});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    let fields =
        [relation("post", json!({"cascadeDelete": true})), relation("seen", json!({"maxSelect": 5}))];
    server.collection("parts", &[], json!({ "fields": fields })).await;
    let settings = json!({ "batch": { "enabled": true } }).to_string();
    server.request("PATCH", "/api/settings", &server.token, settings).await;
    let mut receiver = Receiver::start().await;
    define(server, json!({ "url": receiver.url, "events": EVENTS, "fail": "closed" })).await;
    let account = world.project.clone();
    let mut place = Place { world, known: BTreeMap::from([("account", account)]) };
    for (request, who, body, expected, save) in ROWS {
        // the last question is the one that is refused, so that there is something to undo
        let yes = || Reply::Answer(200, String::new());
        let no = Reply::Answer(451, json!({ "message": "not this" }).to_string());
        let replies = expected.iter().skip(1).map(|_| yes()).chain([no]);
        receiver.reply(replies);
        let refused = place.send(request, who, body()).await;
        let in_batch = request == "POST /api/batch";
        assert_eq!(refused.status, if in_batch { 400 } else { 451 }, "{request}: {}", refused.body);
        assert!(refused.body.to_lowercase().contains("not this"), "{request}: {}", refused.body);
        assert_eq!(hear(&mut receiver), *expected, "{request}");
        receiver.reply([yes()]);
        let done = place.send(request, who, body()).await;
        assert!((200..300).contains(&done.status), "{request}: {} {}", done.status, done.body);
        assert_eq!(hear(&mut receiver), *expected, "{request}");
        for (name, pointer) in save {
            let found = done.json();
            let value = found.pointer(pointer).unwrap_or_else(|| panic!("{request}: {}", done.body));
            place.known.insert(name, value.as_str().unwrap().to_owned());
        }
    }
}

/// Adds a letter to the title of what is written.
fn closure(letter: &'static str) -> Registration {
    let call = move |occasion: &mut Occasion, _: &mut dyn Hands| {
        let title = occasion.fields["record"]["title"].as_str().unwrap().to_owned() + letter;
        occasion.fields["record"]["title"] = json!(title);
        Ok(())
    };
    Registration::new(Event::RecordBeforeCreate, letter, Arc::new(call))
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_closures_and_services_take_turns_by_priority() {
    for (script, closed, service) in [(3, 2, 1), (3, 1, 2), (2, 3, 1), (1, 3, 2), (2, 1, 3), (1, 2, 3)] {
        let hooks = Hooks::default();
        hooks.register(Registration { priority: closed, ..closure("c") });
        let mut server = crate::server::Server::start_with(|config| {
            config.hooks = hooks.clone();
            config.private_addresses = true;
        })
        .await;
        server.collection("posts", &["title"], json!({})).await;
        server.stop().await;
        let folder = &server.config.scripts.folder;
        std::fs::create_dir_all(folder).unwrap();
        let text = format!(
            "onRecordBeforeCreate((e) => {{ e.record.title += 's' }}, {{ collection: 'posts', priority: {script} }})"
        );
        std::fs::write(folder.join("a.js"), text).unwrap();
        server.restart_stopped().await;
        let mut receiver = Receiver::start().await;
        let hook =
            json!({ "url": receiver.url, "events": EVENTS, "priority": service, "collection": "posts" });
        define(&server, hook).await;
        let mut turns = [(script, "s"), (closed, "c"), (service, "h")];
        turns.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
        let expected = turns.iter().map(|(_, letter)| *letter).collect::<String>();
        // the service is told what those before it have set, and adds its own letter to that
        let before = expected.split('h').next().unwrap();
        let reply = json!({ "data": { "record": { "title": format!("{before}h") } } });
        receiver.reply([Reply::Answer(200, reply.to_string())]);
        let made = server.create("posts", json!({ "title": "" })).await;
        assert_eq!(made["title"], expected);
        assert_eq!(receiver.next().await.json()["data"]["record"]["title"], before);
        assert!(receiver.is_quiet());
    }
}
