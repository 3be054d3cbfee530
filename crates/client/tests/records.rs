//! Records through the client, against Tidewire in this process.

#![allow(clippy::unwrap_used)]

use futures_core::Stream;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::pin::Pin;
use tidewire::{Server, Tidewire};
use tidewire_client::{Client, filter};

async fn define(server: &Server, definition: Json) {
    let body = definition.as_object().unwrap().clone();
    let made = server.store().write(move |tx| {
        tidewire_records::collections::create(tx, &tidewire_model::TenantId::default(), &body)
    });
    made.await.map(drop).map_err(|error: tidewire_records::RecordError| error.to_string()).unwrap();
}

async fn start(dir: &std::path::Path) -> (Server, Client) {
    let server = Tidewire::builder().dir(dir).http(([127, 0, 0, 1], 0)).build().start().await.unwrap();
    let open = json!({
        "name": "posts", "type": "base",
        "listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": "",
        "fields": [
            { "name": "title", "type": "text", "required": true },
            { "name": "n", "type": "number" },
        ],
    });
    define(&server, open).await;
    let client = Client::new(format!("http://{}", server.address())).unwrap();
    (server, client)
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_made_read_found_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let posts = client.collection("posts");
    let made: Json = posts.create(&json!({ "title": "it's \"here\"", "n": 1 })).await.unwrap();
    let id = made["id"].as_str().unwrap();
    let read: Json = posts.clone().fields("title").get_one(id).await.unwrap();
    assert_eq!(read, json!({ "title": "it's \"here\"" }));
    let text = filter("title = {:title}", &[("title", made["title"].clone())]).unwrap();
    let found: Json = posts.get_first(&text).await.unwrap();
    assert_eq!(found["id"], made["id"]);
    let none = posts.get_first::<Json>("title = 'nobody'").await.unwrap_err();
    assert_eq!(none.status(), Some(404));
    let changed: Json = posts.update(id, &json!({ "n": 2 })).await.unwrap();
    assert_eq!(changed["n"], json!(2));
    let page = posts.get_list::<Json>(1, 10).await.unwrap();
    assert_eq!((page.total_items, page.items.len()), (1, 1));
    let page = posts.clone().skip_total().get_list::<Json>(1, 10).await.unwrap();
    assert_eq!(page.total_items, -1);
    posts.delete(id).await.unwrap();
    assert_eq!(posts.get_one::<Json>(id).await.unwrap_err().status(), Some(404));
    let refused = posts.create::<Json>(&json!({})).await.unwrap_err();
    assert_eq!(refused.field("title").map(|(code, _)| code), Some("validation_required"));
    for id in ["", ".", ".."] {
        assert!(matches!(posts.delete(id).await, Err(tidewire_client::Error::Invalid(_))), "{id:?}");
    }
    let other = posts.get_one::<Json>("../../../health").await.unwrap_err();
    assert_eq!(other.status(), Some(404));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_all_has_each_record_once_while_others_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let posts = client.collection("posts");
    let mut kept = BTreeSet::new();
    for n in 0..450 {
        let made = server.records("posts").create(json!({ "title": "t", "n": n })).await.unwrap();
        kept.insert(made["id"].as_str().unwrap().to_owned());
    }
    let mut all = posts.clone().filter("n >= 0 // or none").all::<Json>();
    let first = next(&mut all).await.unwrap().unwrap();
    let first = first["id"].as_str().unwrap().to_owned();
    // a page by number would now pass over one record
    server.records("posts").delete(&first).await.unwrap();
    let mut heard = BTreeSet::from([first]);
    while let Some(record) = next(&mut all).await {
        assert!(heard.insert(record.unwrap()["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(heard, kept);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_is_kept_until_the_token_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let users = client.collection("users");
    let body =
        json!({ "email": "a@example.com", "password": "correct horse", "passwordConfirm": "correct horse" });
    server.records("users").create(body).await.unwrap();
    let refused = users.auth_with_password("a@example.com", "wrong horse").await.unwrap_err();
    assert_eq!((refused.status(), client.auth().token()), (Some(400), String::new()));
    let auth = users.auth_with_password("a@example.com", "correct horse").await.unwrap();
    assert_eq!((client.auth().token(), &client.auth().auth()), (auth.token.clone(), &auth));
    let again = users.auth_refresh().await.unwrap();
    assert_eq!(again.record["id"], auth.record["id"]);
    assert_eq!(users.auth_methods().await.unwrap()["password"]["enabled"], json!(true));
    client.auth().save(tidewire_client::Auth { token: "nonsense".into(), record: Json::Null }).unwrap();
    assert_eq!(users.auth_refresh().await.unwrap_err().status(), Some(401));
    assert_eq!(client.auth().token(), "");
    server.stop().await;
}
