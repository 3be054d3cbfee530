//! The example, as its users meet it.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tidewire::Server;

/// Status and body of one request.
async fn post(address: SocketAddr, path: &'static str, body: Value) -> (u16, Value) {
    let asking = tokio::task::spawn_blocking(move || {
        let body = body.to_string();
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
        let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        stream.write_all((head + &rest).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    });
    asking.await.unwrap()
}

async fn define(server: &Server) {
    for definition in embedded::collections() {
        let body = definition.as_object().unwrap().clone();
        let made = server.store().write(move |tx| {
            tidewire_records::collections::create(tx, &tidewire_model::TenantId::default(), &body)
        });
        made.await.map(drop).map_err(|error: tidewire_records::RecordError| error.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_tidied_refused_counted_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let start = || embedded::guest_book().dir(dir.path()).http(([127, 0, 0, 1], 0)).build().start();
    let server = start().await.unwrap();
    define(&server).await;
    let path = "/api/collections/entries/records";
    let (status, made) = post(server.address(), path, json!({ "text": "  hello  " })).await;
    assert_eq!((status, &made["text"]), (200, &json!("hello")));
    let (status, refused) = post(server.address(), path, json!({ "text": " " })).await;
    assert_eq!(
        (status, refused),
        (422, json!({"data": {}, "message": "Please write something.", "status": 422}))
    );
    // refused by validation after it was counted
    let (status, _) = post(server.address(), path, json!({ "text": "x".repeat(201) })).await;
    assert_eq!((status, embedded::entries(&server).await), (400, 1));
    let made = server.records("entries").create(json!({ "text": "from inside" })).await.unwrap();
    assert_eq!(embedded::entries(&server).await, 2);
    let page = server.records("entries").list("text ~ 'inside'", "", 1, 10).await.unwrap();
    assert_eq!(page[0]["id"], made["id"]);
    server.publish("guest-book", json!({ "text": "by the program" })).await.unwrap();
    let error = server.records("nowhere").create(json!({})).await.unwrap_err();
    assert_eq!(error.status, 404);
    server.stop().await;
    let server = start().await.unwrap();
    assert_eq!(embedded::entries(&server).await, 2);
    server.stop().await;
}
