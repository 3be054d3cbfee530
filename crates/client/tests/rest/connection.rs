use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidewire_client::{Client, ClientBuilder, Error};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Reads a request and answers it, with an id.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{\"id\":\"1\"}";
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// Breaks so many connections after their request, then answers. Tells how many there were.
async fn breaking(broken: usize) -> (ClientBuilder, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if counted.fetch_add(1, Ordering::SeqCst) < broken {
                stream.read_buf(&mut Vec::new()).await.unwrap();
            } else {
                answer(stream).await;
            }
        }
    });
    (Client::builder(url), count)
}

#[tokio::test]
async fn reads_are_tried_again_and_writes_are_not() {
    let cases = [(0, 2, true, 1), (2, 2, true, 3), (3, 2, false, 3), (1, 0, false, 1), (4, 4, true, 5)];
    for (broken, retries, works, connections) in cases {
        let (builder, count) = breaking(broken).await;
        let read = builder.retries(retries).build().unwrap().send("GET", "x").read().await;
        assert_eq!((read.is_ok(), count.load(Ordering::SeqCst)), (works, connections), "{broken} {retries}");
    }
    for method in ["POST", "PATCH", "DELETE", "PUT"] {
        let (builder, count) = breaking(1).await;
        let written = builder.build().unwrap().send(method, "x").json("{}").read().await;
        assert!(matches!(written, Err(Error::Transport { .. })), "{method} {written:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{method}");
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_can_be_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // a client that does not trust it goes
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream).await;
            }
        }
    });
    let stranger = Client::builder(&url).retries(0).build().unwrap();
    assert!(matches!(stranger.send("GET", "x").read().await, Err(Error::Transport { .. })));
    let friend = Client::builder(&url).root_certificate(made.cert.pem()).build().unwrap();
    assert_eq!(friend.send("GET", "x").read().await.unwrap()["id"], "1");
    for wrong in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let built = Client::builder(&url).root_certificate(wrong).build();
        assert!(matches!(built, Err(Error::Invalid(_))), "{wrong:?}");
    }
}
