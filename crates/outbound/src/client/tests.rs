use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap as Headers, Method as AxumMethod, Response as Answer};
use axum::routing::any;
use std::net::Ipv4Addr;

/// Tells what it was asked, redirects (`/to/{status}/{hops}`, `/away/{host}`), never ends (`/slow`, `/endless`).
async fn server() -> u16 {
    let routes = Router::new()
        .route("/echo", any(echo))
        .route("/to/{status}/{hops}", any(hop))
        .route("/away/{scheme}/{host}", any(away))
        .route("/slow", any(async || std::future::pending::<String>().await))
        .route("/big", any(async || "x".repeat(2000)))
        .route("/endless", any(async || Body::new(Endless)));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    port
}

async fn echo(method: AxumMethod, headers: Headers, body: String) -> String {
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let names = ["authorization", "x-key", "content-type", "accept"].map(told).join(" ");
    format!("{method} {names} {body}")
}

async fn hop(Path((status, hops)): Path<(u16, u32)>) -> Answer<Body> {
    let next = if hops == 0 { "/echo".to_owned() } else { format!("/to/{status}/{}", hops - 1) };
    Answer::builder().status(status).header("location", next).body(Body::empty()).unwrap()
}

async fn away(Path((scheme, host)): Path<(String, String)>) -> Answer<Body> {
    let next = format!("{scheme}://{host}/echo");
    Answer::builder().status(307).header("location", next).body(Body::empty()).unwrap()
}

struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let chunk = axum::body::Bytes::from_static(&[b'x'; 100]);
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(chunk))))
    }
}

fn policy() -> Policy {
    Policy { private: false, bytes: 1000, timeout: Duration::from_secs(20) }
}

/// May reach 127.0.0.1 only.
fn local() -> Client {
    Client::guarded(
        &Roots::default(),
        policy(),
        Arc::new(|address| address == IpAddr::from(Ipv4Addr::LOCALHOST)),
    )
}

fn post(url: String) -> Request {
    let headers =
        [("Authorization", "me"), ("X-Key", "k"), ("Content-Type", "text/plain"), ("Accept", "a/b")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Request { method: "post".into(), url, headers, body: b"hello".to_vec(), timeout: None }
}

async fn text(client: &Client, request: Request) -> Result<String, OutboundError> {
    let answer = client.send(request).await?;
    assert_eq!(answer.status, 200);
    Ok(String::from_utf8(answer.body).unwrap())
}

#[tokio::test]
async fn redirects_are_followed_with_what_may_be_told() {
    let port = server().await;
    let same = "POST me k text/plain a/b hello";
    for (path, heard) in [
        ("/echo".to_owned(), Ok(same)),
        ("/to/307/4".to_owned(), Ok(same)),
        ("/to/308/0".to_owned(), Ok(same)),
        ("/to/303/0".to_owned(), Ok("GET me k - a/b ")),
        ("/to/302/1".to_owned(), Ok("GET me k - a/b ")),
        ("/to/307/5".to_owned(), Err(OutboundError::Redirects(5))),
        // another host by its name; the port is the same
        (format!("/away/http/localhost:{port}"), Ok("POST - - text/plain a/b hello")),
        (format!("/away/http/someone:secret@localhost:{port}"), Ok("POST - - text/plain a/b hello")),
        (format!("/away/http/127.0.0.2:{port}"), Err(OutboundError::Private("127.0.0.2".into()))),
        (format!("/away/http/[::1]:{port}"), Err(OutboundError::Private("[::1]".into()))),
        (format!("/away/http/2130706434:{port}"), Err(OutboundError::Private("127.0.0.2".into()))),
        ("/away/ftp/host".to_owned(), Err(OutboundError::Invalid("ftp: is neither http nor https".into()))),
    ] {
        let url = format!("http://127.0.0.1:{port}{path}");
        assert_eq!(text(&local(), post(url)).await, heard.map(str::to_owned), "{path}");
    }
}

#[tokio::test]
async fn an_address_is_checked_where_the_connection_goes() {
    let port = server().await;
    let strict = Client::new(policy());
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/echo");
        let outcome = strict.send(post(url)).await;
        assert!(matches!(outcome, Err(OutboundError::Private(_))), "{host}: {outcome:?}");
    }
    let open = Client::new(Policy { private: true, ..policy() });
    let url = format!("http://localhost:{port}/echo");
    assert_eq!(text(&open, post(url)).await.unwrap(), "POST me k text/plain a/b hello");
}

#[tokio::test]
async fn an_answer_has_its_limits_and_a_request_its_form() {
    let port = server().await;
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let get = |url: String| Request { url, ..Request::default() };
    assert_eq!(local().send(get(at("/big"))).await, Err(OutboundError::TooLarge(1000)));
    assert_eq!(local().send(get(at("/endless"))).await, Err(OutboundError::TooLarge(1000)));
    let timeout = Some(Duration::from_millis(50));
    assert_eq!(local().send(Request { timeout, ..get(at("/slow")) }).await, Err(OutboundError::TimedOut));
    assert_eq!(local().send(get(at("/echo"))).await.unwrap().header("content-type").unwrap().len(), 25);
    for request in [
        get("nowhere".into()),
        get("file:///etc/passwd".into()),
        Request { method: "A B".into(), ..get(at("/echo")) },
        Request { headers: vec![("a b".into(), "c".into())], ..get(at("/echo")) },
        Request { headers: vec![("a".into(), "c\r\nd: e".into())], ..get(at("/echo")) },
    ] {
        let outcome = local().send(request.clone()).await;
        assert!(matches!(outcome, Err(OutboundError::Invalid(_))), "{request:?}: {outcome:?}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outcome = local().send(get(format!("http://127.0.0.1:{closed}/"))).await;
    assert!(matches!(outcome, Err(OutboundError::Failed(_))), "{outcome:?}");
}
