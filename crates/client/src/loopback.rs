use crate::Error;
use reqwest::Url;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const PATH: &str = "/callback";
/// connections at once; browsers open some that they never use
const PLACES: usize = 16;
/// of one connection
const TIMEOUT: Duration = Duration::from_secs(10);
/// bytes of a request's head
const HEAD: usize = 32 << 10;

/// Waits on this machine for the browser that a provider sends back.
pub(crate) struct Loopback {
    listener: TcpListener,
    pub(crate) url: String,
}

/// What the provider says.
type Said = Result<String, String>;

/// What a request comes to.
#[derive(Debug, PartialEq)]
enum Request {
    Returned(Said),
    Elsewhere,
    /// not from who was sent
    Forged,
}

impl Loopback {
    pub(crate) async fn bind(port: u16) -> Result<Self, Error> {
        let fault = |error: std::io::Error| Error::OAuth2(format!("nobody can be waited for: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(fault)?;
        let url = format!("http://{}{PATH}", listener.local_addr().map_err(fault)?);
        Ok(Self { listener, url })
    }

    /// The code that comes with this state. Whoever comes without it is sent away.
    pub(crate) async fn code(&self, state: &str) -> Result<String, Error> {
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                Some(visit) = visits.join_next() => if let Ok(Some(said)) = visit {
                    let said: Said = said;
                    return said.map_err(|reason| Error::OAuth2(format!("the provider says {reason:?}")));
                },
                visitor = self.listener.accept(), if visits.len() < PLACES => match visitor {
                    Ok((stream, _)) => {
                        let state = state.to_owned();
                        visits.spawn(async move { tokio::time::timeout(TIMEOUT, visit(stream, &state)).await.ok()? });
                    }
                    // out of file handles, or a visitor who has gone
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
    }
}

/// Answers one request. Whoever has the code has shown the page before.
async fn visit(mut stream: TcpStream, state: &str) -> Option<Said> {
    let head = head(&mut stream).await?;
    let request = read(&head, state);
    let (status, text) = match &request {
        Request::Returned(Ok(_)) => ("200 OK", "You are signed in. You can close this page."),
        Request::Returned(Err(_)) => ("200 OK", "You are not signed in. You can close this page."),
        Request::Elsewhere => ("404 Not Found", "There is nothing here."),
        Request::Forged => ("400 Bad Request", "This sign-in did not begin here."),
    };
    let page = format!("<!doctype html><meta charset=utf-8><title>Sign-in</title><p>{text}</p>");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // the code counts, also if the browser does not wait for the page
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    match request {
        Request::Returned(said) => Some(said),
        Request::Elsewhere | Request::Forged => None,
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        if bytes.len() > HEAD || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

fn read(head: &str, state: &str) -> Request {
    let mut words = head.split_whitespace();
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else { return Request::Elsewhere };
    let Some(url) = Url::parse("http://127.0.0.1").and_then(|base| base.join(target)).ok() else {
        return Request::Elsewhere;
    };
    if url.path() != PATH {
        return Request::Elsewhere;
    }
    let find =
        |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, text)| text.into_owned());
    if state.is_empty() || find("state").as_deref() != Some(state) {
        return Request::Forged;
    }
    Request::Returned(match (find("error"), find("code").filter(|code| !code.is_empty())) {
        (None, Some(code)) => Ok(code),
        (error, _) => Err(error.unwrap_or_else(|| "nothing".into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_state_brings_the_code() {
        let code = Request::Returned(Ok("a b".into()));
        let denied = Request::Returned(Err("access_denied".into()));
        let cases = [
            ("GET /callback?state=s&code=a%20b HTTP/1.1", &code),
            ("GET /callback?code=a+b&state=s HTTP/1.1", &code),
            ("GET /callback?state=s&error=access_denied&code=x HTTP/1.1", &denied),
            ("GET /callback?state=s&code= HTTP/1.1", &Request::Returned(Err("nothing".into()))),
            ("GET /callback?state=other&code=a HTTP/1.1", &Request::Forged),
            ("GET /callback?state=&code=a HTTP/1.1", &Request::Forged),
            ("GET /callback?code=a HTTP/1.1", &Request::Forged),
            ("POST /callback?state=s&code=a HTTP/1.1", &Request::Elsewhere),
            ("GET /favicon.ico?state=s&code=a HTTP/1.1", &Request::Elsewhere),
            ("GET", &Request::Elsewhere),
            ("", &Request::Elsewhere),
        ];
        for (head, expected) in cases {
            assert_eq!(&read(head, "s"), expected, "{head}");
        }
        assert_eq!(read("GET /callback?state=&code=a HTTP/1.1", ""), Request::Forged);
    }
}
