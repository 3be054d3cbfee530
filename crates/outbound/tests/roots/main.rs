//! Whom a client trusts.

#![allow(clippy::unwrap_used)]

mod tls;

use axum::Router;
use axum::routing::get;
use tidewire_outbound::{Client, OutboundError, Policy, Request, Roots};
use tls::Authority;

fn client(roots: &Roots) -> Client {
    Client::trusting(roots, Policy { private: true, ..Policy::default() })
}

fn routes() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn ask(client: &Client, port: u16) -> Result<Vec<u8>, OutboundError> {
    let url = format!("https://localhost:{port}/");
    client.send(Request { url, ..Request::default() }).await.map(|answer| answer.body)
}

#[tokio::test]
async fn a_server_is_trusted_if_one_who_is_named_vouches_for_it() {
    let (ours, other) = (Authority::new(), Authority::new());
    let both = Roots::read(format!("{}\n# ours\n{}", other.pem(), ours.pem()).as_bytes()).unwrap();
    let port = ours.serve("localhost", routes()).await;
    for (roots, trusted) in [
        (Roots::default(), false),
        (Roots::read(other.pem().as_bytes()).unwrap(), false),
        (Roots::read(ours.pem().as_bytes()).unwrap(), true),
        (both.clone(), true),
    ] {
        let answer = ask(&client(&roots), port).await;
        match &answer {
            Ok(body) => assert!(trusted && body == b"hello", "{roots:?}"),
            Err(OutboundError::Failed(text)) => assert!(!trusted && text.contains("certificate"), "{text}"),
            Err(error) => panic!("{roots:?}: {error}"),
        }
    }
    // the name must be the server's as well
    let elsewhere = ours.serve("elsewhere.test", routes()).await;
    assert!(ask(&client(&both), elsewhere).await.is_err());
}

#[test]
fn what_is_no_certificate_is_refused() {
    let pem = Authority::new().pem();
    let no_base64 = pem.replacen("MI", "!!", 1);
    let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    for (text, fault) in [
        ("", "there is no certificate"),
        ("hello", "there is no certificate"),
        ("-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n", "there is no certificate"),
        (&no_base64, "certificates cannot be read"),
        (no_certificate, "a certificate cannot be used"),
    ] {
        let OutboundError::Invalid(told) = Roots::read(text.as_bytes()).unwrap_err() else {
            panic!("{text}")
        };
        assert!(told.contains(fault), "{text}: {told}");
    }
}
