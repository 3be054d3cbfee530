//! What a receiver is sent is checked by the examples that the documents hand out, and forged messages are found out.

use crate::http::{define, start};
use crate::receiver::{Heard, Receiver};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the example accepts the message.
fn accepts(program: &str, file: &str, secret: &str, message: [&str; 3], body: &[u8]) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/webhooks").join(file);
    let mut child = Command::new(program)
        .arg(path)
        .arg(secret)
        .args(message)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    child.wait().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_tell_our_messages_from_forged_ones() {
    let server = start().await;
    let mut receiver = Receiver::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let made = define(&server, json!({ "url": receiver.url, "events": ["record.before_create"] })).await;
    let secret = made["secret"].as_str().unwrap();
    server.create("posts", json!({ "title": "grüße" })).await;
    let heard: Heard = receiver.next().await;
    let (id, at, signature) =
        (heard.header("webhook-id"), heard.header("webhook-timestamp"), heard.header("webhook-signature"));
    assert_eq!(heard.json()["id"], *id);
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (old, two) = ("1614265330", format!("v1,AAAA {signature}"));
    let mut changed = heard.body.to_vec();
    *changed.last_mut().unwrap() = b' ';
    let sent: &[u8] = &heard.body;
    for (program, file) in [("python3", "verify.py"), ("node", "verify.mjs")] {
        for (secret, message, body, sound) in [
            (secret, [&*id, &*at, &*signature], sent, true),
            (secret, [&*id, &*at, &*two], sent, true),
            (other, [&*id, &*at, &*signature], sent, false),
            (secret, ["msg_other", &*at, &*signature], sent, false),
            (secret, [&*id, old, &*signature], sent, false),
            (secret, [&*id, "now", &*signature], sent, false),
            (secret, [&*id, &*at, "v1,AAAA"], sent, false),
            (secret, [&*id, &*at, ""], sent, false),
            (secret, [&*id, &*at, &*signature], &changed, false),
        ] {
            assert_eq!(accepts(program, file, secret, message, body), sound, "{file} {message:?}");
        }
    }
}
