//! Requests to other servers.

use crate::world::{World, runtime};
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tidewire_hooks::{Event, NoHands};
use tidewire_outbound::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Echoes what it is asked as JSON; never answers `/slow`.
fn server() -> SocketAddr {
    let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime().spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket));
        }
    });
    address
}

async fn answer(mut socket: TcpStream) {
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    let body = loop {
        let count = socket.read(&mut chunk).await.unwrap_or(0);
        seen.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let length =
            text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        match text.split_once("\r\n\r\n") {
            Some((head, body)) if body.len() >= length.unwrap_or(0usize) => {
                if head.starts_with("GET /slow") {
                    std::future::pending::<()>().await;
                }
                break json!({ "first": head.lines().next(), "x": head.to_lowercase().contains("x-one: 1"), "body": body }).to_string();
            }
            _ if count == 0 => return,
            _ => {}
        }
    };
    let status = if body.contains("/teapot") { "418 Teapot" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nX-Two: 2\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
}

fn run(body: &str, private: bool, seconds: f64) -> Result<Json, String> {
    let body = body.replace("BASE", &format!("http://{}", server()));
    let script = format!("onRealtimeConnect(async (e) => {{ {body} }}, {{timeout: {seconds}}})");
    let policy = Policy { private, ..Policy::default() };
    let world = World::within(&[("a.js", &script)], |_| {}, Arc::new(|| Box::new(NoHands)), policy).unwrap();
    let outcome = world.call(Event::RealtimeConnect, json!({}));
    outcome.map(|mut occasion| occasion.fields.remove("value").unwrap()).map_err(|error| error.to_string())
}

#[test]
fn other_servers_answer() {
    for (body, value) in [
        (
            "const r = fetch('BASE/a?b'); e.value = [r.status, r.ok, r.headers['x-two'], r.headers.get('X-Two'), r.json().first]",
            json!([200, true, "2", "2", "GET /a?b HTTP/1.1"]),
        ),
        ("const r = await fetch('BASE/a'); e.value = (await r.json()).first", json!("GET /a HTTP/1.1")),
        ("e.value = await fetch('BASE/a').then((r) => r.text()).then((t) => typeof t)", json!("string")),
        (
            "const r = fetch('BASE/', {method: 'post', headers: {'X-One': 1 + ''}, body: 'ü'}); e.value = r.json()",
            json!({ "first": "POST / HTTP/1.1", "x": true, "body": "ü" }),
        ),
        ("const r = fetch('BASE/teapot'); e.value = [r.status, r.ok]", json!([418, false])),
        (
            "try { fetch('BASE/slow', {timeout: 0.05}) } catch (error) { e.value = error.message.startsWith('fetch: ') }",
            json!(true),
        ),
        (
            "try { await fetch('not an address') } catch (error) { e.value = error.message.startsWith('fetch: ') }",
            json!(true),
        ),
        (
            "try { fetch('BASE/', {body: {a: 1}}) } catch (error) { e.value = error.message }",
            json!("fetch: body must be a string"),
        ),
        (
            "try { fetch('BASE/', {timeout: -1}) } catch (error) { e.value = error.message }",
            json!("fetch: timeout must be a number of seconds"),
        ),
    ] {
        assert_eq!(run(body, true, 60.0), Ok(value), "{body}");
    }
}

#[test]
fn private_addresses_are_refused_unless_they_are_allowed() {
    let error = run("fetch('BASE/a')", false, 60.0).unwrap_err();
    assert!(error.contains("fetch: ") && error.contains("(a.js:1:"), "{error}");
}

#[test]
fn a_server_that_does_not_answer_holds_a_hook_no_longer_than_its_time() {
    let error = run("fetch('BASE/slow')", true, 0.2).unwrap_err();
    assert_eq!(error, "it took longer than its time limit");
}
