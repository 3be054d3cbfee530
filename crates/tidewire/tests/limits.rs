//! Closures inside of writes: what they may do there, and that none holds a write beyond its limit.

#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tidewire::{Builder, Event, HookError, Moment, Server, Tidewire};

const LIMIT: Duration = Duration::from_millis(20);

/// A server with collections `posts` and `notes`.
async fn start(folder: &TempDir, hooks: impl FnOnce(Builder) -> Builder) -> Server {
    let builder = Tidewire::builder().dir(folder.path()).http(([127, 0, 0, 1], 0));
    let server = hooks(builder).build().start().await.unwrap();
    for name in ["posts", "notes"] {
        let body = json!({ "name": name, "type": "base", "fields": [{ "name": "title", "type": "text" }] });
        let body = body.as_object().unwrap().clone();
        let tenant = tidewire_model::TenantId::default();
        let made =
            server.store().write(move |tx| tidewire_records::collections::create(tx, &tenant, &body)).await;
        made.unwrap();
    }
    server
}

async fn titles(server: &Server, collection: &str) -> Vec<String> {
    let list = server.records(collection).list("", "title", 1, 100).await.unwrap();
    list.as_array().unwrap().iter().map(|record| record["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_closure_holds_a_write_no_longer_than_its_limit() {
    for strict in [false, true] {
        let folder = TempDir::new().unwrap();
        let ((release, held), (tell, told)) = (channel::<()>(), channel());
        let (held, tell) = (Mutex::new(held), Mutex::new(tell));
        let endless = move |moment: &mut Moment<'_>| {
            moment.set("title", "never");
            // in time or not: it is undone
            let _ = moment.records("notes").create(json!({ "title": "undone" }));
            let _ = held.lock().unwrap().recv();
            let late = moment.records("notes").create(json!({ "title": "late" }));
            tell.lock().unwrap().send(late.unwrap_err().status).unwrap();
            Ok(())
        };
        let server = start(&folder, |builder| {
            let limited = builder.stop_on_error(strict).hook_time(LIMIT);
            let limited = limited.on_collection(Event::RecordBeforeCreate, "posts", endless);
            let patient = limited.hook_time(Duration::from_secs(3600));
            patient.on_collection(Event::RecordBeforeCreate, "posts", |moment| {
                let title =
                    format!("{} and on", moment.record("title").and_then(Json::as_str).unwrap_or_default());
                moment.set("title", title);
                Ok(())
            })
        })
        .await;
        let made = server.records("posts").create(json!({ "title": "a" })).await;
        let expected = if strict { (Some(500), "") } else { (None, "a and on") };
        let left = titles(&server, "posts").await.join(", ");
        assert_eq!((made.err().map(|error| error.status), &*left), expected);
        // the closure still runs, and holds up nothing
        server.records("notes").create(json!({ "title": "other" })).await.unwrap();
        drop(release);
        assert_eq!(told.recv().unwrap(), 503);
        assert_eq!(titles(&server, "notes").await, ["other"]);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closures_within_closures_and_trusted_ones_take_part_in_the_transaction() {
    let folder = TempDir::new().unwrap();
    let threads: Arc<Mutex<Vec<String>>> = Arc::default();
    let noting = threads.clone();
    let note = move || {
        let name = thread::current().name().unwrap_or_default().to_owned();
        noting.lock().unwrap().push(name);
    };
    let (first, second) = (note.clone(), note);
    let server = start(&folder, |builder| {
        builder
            .stop_on_error(true)
            .on_collection(Event::RecordBeforeCreate, "posts", move |moment| {
                first();
                let made = moment.records("notes").create(json!({ "title": "of a post" }));
                let made = made.map_err(|error| HookError::Failed(error.message))?;
                moment.set("title", made["title"].clone());
                if moment.field("user_id").is_none() { moment.abort(418, "nobody") } else { Ok(()) }
            })
            .trusted(true)
            .on_collection(Event::RecordBeforeCreate, "notes", move |moment| {
                second();
                moment.set("title", "by the inner one");
                Ok(())
            })
    })
    .await;
    let made = server.records("posts").create(json!({ "title": "a" })).await.unwrap();
    assert_eq!(made["title"], "by the inner one");
    assert_eq!(titles(&server, "notes").await, ["by the inner one"]);
    assert_eq!(*threads.lock().unwrap(), ["hooks-rust", "store-write"]);
    server.stop().await;
}
