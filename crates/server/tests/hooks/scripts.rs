//! A folder of JavaScript in a whole server.

use crate::server::Server;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tidewire_server::config::Config;
use tidewire_server::serve::Running;

fn write(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("a.js"), text).unwrap();
}

/// With collections `notes` and `posts`, stopped, and then started with this script.
pub async fn start_with_script(script: &str, change: impl FnOnce(&mut Config)) -> Server {
    let mut server = Server::start_with(change).await;
    server.collection("notes", &["title"], json!({})).await;
    server.collection("posts", &["title"], json!({})).await;
    server.stop().await;
    write(&server.config.scripts.folder, script);
    server.restart_stopped().await;
    server
}

/// Titles of the notes, in order.
async fn notes(server: &Server) -> Vec<String> {
    let path = "/api/collections/notes/records?perPage=500&sort=title";
    let answer = server.request("GET", path, &server.token, String::new()).await.json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|note| note["title"].as_str().unwrap().to_owned()).collect()
}

/// The metrics, as soon as a line begins like this.
async fn metrics_with(server: &Server, line: &str) -> String {
    loop {
        let metrics = server.get_with("/metrics", &[]).await.body;
        if metrics.lines().any(|found| found.starts_with(line)) {
            return metrics;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const LIFE: &str = r#"
const note = (title) => records("notes").create({ title });
onStart((e) => { note(`1 start ${e.address}`) });
onStop((e) => { note(`2 stop ${e.address}`) });
onRecordBeforeCreate((e) => {
  note(`3 before ${e.record.title}`);
  if (e.record.title === "bad") e.abort("No bad posts.", 409);
  if (e.record.title === "broken") throw new Error("on purpose");
  e.record.title = e.record.title.toUpperCase();
}, { collection: "posts", stopOnError: true });
onRecordAfterCreate((e) => {
  publish("news/posts", { title: e.record.title, app: setting("meta.appName") });
}, { collection: "posts" });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn scripts_follow_a_server_from_its_start_to_its_stop() {
    let mut server = start_with_script(LIFE, |_| {}).await;
    let address = server.address();
    let mut stream = server.listen("", &["news/posts"]).await;
    let post = |title: &str| json!({ "title": title });
    let path = "/api/collections/posts/records";
    let refused = server.post(path, &server.token, post("bad")).await;
    assert_eq!((refused.status, refused.json()["message"].clone()), (409, json!("No bad posts.")));
    assert_eq!(server.post(path, &server.token, post("broken")).await.status, 500);
    assert_eq!(server.create("posts", post("good")).await["title"], "GOOD");
    let heard = stream.event().await;
    assert_eq!(heard.data["title"], "GOOD");
    // the message is out before the hook that sent it has returned, and a call counts when it returns
    let done = "tidewire_hook_calls_total{event=\"record.after_create\"} 1";
    let metrics = metrics_with(&server, done).await;
    for line in [
        "tidewire_hook_calls_total{event=\"start\"} 1",
        "tidewire_hook_calls_total{event=\"record.before_create\"} 3",
        "tidewire_hook_refusals_total{event=\"record.before_create\"} 1",
        "tidewire_hook_failures_total{event=\"record.before_create\"} 1",
        "tidewire_hook_timeouts_total{event=\"record.before_create\"} 0",
        "tidewire_hook_seconds_total{event=\"start\"} 0.",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.stop().await;
    std::fs::remove_file(server.config.scripts.folder.join("a.js")).unwrap();
    server.restart_stopped().await;
    // what the refused writes noted is undone with them
    let expected = [format!("1 start {address}"), format!("2 stop {address}"), "3 before good".to_owned()];
    assert_eq!(notes(&server).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_writes_waits_for_hooks_inside_of_its_write_and_not_they_for_it() {
    let script = r#"
        onRealtimeConnect(() => { records("notes").create({ title: "connect" }) }, { stopOnError: true });
        onRecordBeforeCreate((e) => { e.record.title += "ed" }, { collection: "notes", stopOnError: true });
    "#;
    // one runtime beside the writes: the hook that writes occupies it
    let server = start_with_script(script, |config| config.scripts.runtimes = 1).await;
    let _stream = server.connect().await;
    assert_eq!(notes(&server).await, ["connected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_hook_holds_a_write_no_longer_than_its_limit() {
    let script = r#"
        onRecordBeforeCreate(() => { for (;;) {} }, { collection: "notes", timeout: 0.05, stopOnError: true });
        onRecordBeforeCreate(() => { for (;;) {} }, { collection: "posts", timeout: 0.05 });
    "#;
    let server = start_with_script(script, |_| {}).await;
    let path = |name: &str| format!("/api/collections/{name}/records");
    let notes = server.post(&path("notes"), &server.token, json!({ "title": "a" })).await;
    assert_eq!((notes.status, notes.json()["message"].clone()), (500, json!("A hook failed.")));
    let posts = server.post(&path("posts"), &server.token, json!({ "title": "a" })).await;
    assert_eq!(posts.status, 200, "{}", posts.body);
    let metrics = server.get_with("/metrics", &[]).await.body;
    let line = "tidewire_hook_timeouts_total{event=\"record.before_create\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_script_is_used_while_the_server_runs_and_a_wrong_one_is_not() {
    let set = |title: &str| format!("onRecordBeforeCreate((e) => {{ e.record.title = '{title}' }})");
    let server =
        start_with_script(&set("old"), |config| config.scripts.poll = Duration::from_millis(5)).await;
    let title = async || server.create("posts", json!({})).await["title"].clone();
    assert_eq!(title().await, "old");
    write(&server.config.scripts.folder, "syntax error");
    assert_eq!(title().await, "old");
    write(&server.config.scripts.folder, &set("new"));
    while title().await != "new" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_without_a_hook_that_it_cannot_read() {
    let folder = TempDir::new().unwrap();
    write(&folder.path().join("hooks"), "\nonStart(() => {}, { colection: 'posts' });");
    let config = Config::new("127.0.0.1:0".parse().unwrap(), folder.path());
    let error = format!("{:#}", Running::start(config).await.map(drop).unwrap_err());
    assert!(error.contains("onStart has no option \"colection\" (a.js:2:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_may_write_the_collection_that_it_is_called_for() {
    let script = r#"
        onRecordBeforeCreate((e) => {
          if (e.record.title !== "copy") records("notes").create({ title: "copy" });
        }, { collection: "notes", stopOnError: true });
        onRecordBeforeCreate((e) => { records("posts").create({}) }, { collection: "posts", stopOnError: true });
    "#;
    let server = start_with_script(script, |_| {}).await;
    server.create("notes", json!({ "title": "original" })).await;
    assert_eq!(notes(&server).await, ["copy", "original"]);
    let endless = server.post("/api/collections/posts/records", &server.token, json!({})).await;
    assert_eq!(endless.status, 500, "{}", endless.body);
    let path = "/api/collections/posts/records";
    let posts = server.request("GET", path, &server.token, String::new()).await.json();
    assert_eq!(posts["totalItems"], Json::from(0));
}
