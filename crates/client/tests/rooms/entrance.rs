//! Ways in: as a signed-in user, over TLS.

use crate::world::{World, hear, lobby};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tidewire_client::{Auth, AuthStore, Client, Error};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_which_user_it_is() {
    let world = World::start().await;
    let url = format!("http://{}", world.server.address());
    let store = AuthStore::default();
    let client = Client::builder(&url).auth_store(store.clone()).build().unwrap();
    let body = json!({ "email": "ann@example.com", "password": "a-long-password" });
    let made = client.send("POST", "auth-collections/signup").header("x-api-key", crate::world::KEY);
    let made = made.json(&body).read().await.unwrap();
    let (id, token) = (made["user"]["id"].as_str().unwrap(), made["access_token"].as_str().unwrap());
    let told = lobby(&world.near, "somebody else").token(token).await.unwrap();
    assert_eq!(told.user(), id);
    let project = client.project(crate::world::KEY);
    let guest = lobby(&project, "guest").signed_in().await.unwrap();
    assert_eq!(guest.user(), "guest", "nobody is signed in");
    store.save(Auth { token: token.to_owned(), record: Json::Null }).unwrap();
    let signed = lobby(&project, "somebody else").signed_in().await.unwrap();
    assert_eq!(signed.user(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_trust_whom_the_client_trusts() {
    let world = World::start().await;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let url = proxy(config, world.server.address()).await;
    let stranger = Client::new(&url).unwrap().project(crate::world::KEY);
    assert!(matches!(lobby(&stranger, "zoe").await, Err(Error::Lost(_))));
    let friend = Client::builder(&url).root_certificate(made.cert.pem()).build().unwrap();
    let mut ann = lobby(&friend.project(crate::world::KEY), "ann").await.unwrap();
    ann.say("over TLS").await.unwrap();
    assert_eq!(hear(&mut ann, 1).await, [r#"ann: "over TLS""#]);
}

/// Speaks TLS in front of a server; its address.
async fn proxy(config: ServerConfig, server: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // a client that does not trust it goes
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(server).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    url
}
