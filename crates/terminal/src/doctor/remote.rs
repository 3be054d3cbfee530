//! Through the network as clients see it: health, clock, streams that a proxy might hold back, WebSockets.

use super::Check;
use crate::{Failure, Remote};
use jiff::Timestamp;
use serde_json::Value as Json;
use std::time::{Duration, Instant};
use tidewire_client::{Client, Error, Response};

/// Seconds that a token may be off without harm.
const CLOCK: i64 = 5;
/// An answer, and the first event of a stream.
const PATIENCE: Duration = Duration::from_secs(5);
/// With this agent the server sends a comment every five seconds instead of every fifteen.
const AGENT: (&str, &str) = ("User-Agent", "bosbase-python-sdk tidewire-doctor");
const HEARTBEAT: Duration = Duration::from_secs(20);
const UNBUFFERED: &str = "let the proxy pass answers on at once (nginx: proxy_buffering off; and no compression of text/event-stream)";

/// All checks of a server; only those that can be made.
pub async fn remote(url: &str) -> Result<Vec<Check>, Failure> {
    let remote = Remote { client: Client::builder(url).build()? };
    let mut checks = Vec::new();
    match answer(&remote, "api/health").await {
        Ok(response) => {
            checks.push(Check::ok("server", format!("{url} is healthy")));
            checks.push(clock(&response));
        }
        Err(reason) => {
            let advice = "start the server, or look at the proxy's log; other checks of it were not made";
            return Ok(vec![Check::fail("server", reason, advice)]);
        }
    }
    checks.extend(stream(&remote).await);
    checks.push(web_socket(&remote).await);
    Ok(checks)
}

async fn answer(remote: &Remote, path: &str) -> Result<Response, String> {
    let request = remote.client.send("GET", path).header(AGENT.0, AGENT.1).stream();
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(Failure::from(error).to_string()),
        Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn clock(response: &Response) -> Check {
    let Ok(told) = httpdate::parse_http_date(&header(response, "date")) else {
        return Check::warn(
            "clock",
            "the server does not say what time it is",
            "let the proxy pass on the header Date",
        );
    };
    let told = told.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    judge_clock(i64::try_from(told).unwrap_or(i64::MAX), Timestamp::now().as_second())
}

fn judge_clock(server: i64, here: i64) -> Check {
    let off = server.saturating_sub(here);
    match off.abs() {
        0..=CLOCK => Check::ok("clock", "the server's clock agrees with the one here"),
        seconds => Check::warn(
            "clock",
            format!("the server's clock is {seconds} seconds {}", if off > 0 { "ahead" } else { "behind" }),
            "keep both in time (NTP): tokens and cursors have an age",
        ),
    }
}

/// Whether events come when they are sent, and not when a proxy's buffer is full.
async fn stream(remote: &Remote) -> Vec<Check> {
    let mut response = match answer(remote, "api/realtime").await {
        Ok(response) => response,
        Err(reason) => return vec![Check::fail("stream", reason, UNBUFFERED)],
    };
    let mut checks = vec![headers(&response)];
    let begun = Instant::now();
    let mut greeting = Vec::new();
    while !greeting.windows(2).any(|two| two == b"\n\n") {
        match tokio::time::timeout(PATIENCE, response.chunk()).await {
            Ok(Ok(Some(bytes))) => greeting.extend_from_slice(&bytes),
            _ => {
                let found = format!("the greeting did not come within {} seconds", PATIENCE.as_secs());
                checks.push(Check::fail("stream", found, UNBUFFERED));
                return checks;
            }
        }
    }
    let greeted = begun.elapsed();
    checks.push(match tokio::time::timeout(HEARTBEAT, response.chunk()).await {
        Ok(Ok(Some(_))) => Check::ok(
            "stream",
            format!(
                "the greeting came after {} ms, a heartbeat after {} s",
                greeted.as_millis(),
                begun.elapsed().as_secs()
            ),
        ),
        Ok(_) => Check::fail(
            "stream",
            "the stream ended before its first heartbeat",
            "raise the proxy's read timeout above 15 seconds",
        ),
        Err(_) => {
            let found = format!("no heartbeat within {} seconds", HEARTBEAT.as_secs());
            Check::fail("stream", found, UNBUFFERED)
        }
    });
    checks
}

fn headers(response: &Response) -> Check {
    let (kind, coding) = (header(response, "content-type"), header(response, "content-encoding"));
    judge_headers(&kind, &coding, &header(response, "x-accel-buffering"))
}

fn judge_headers(kind: &str, coding: &str, buffering: &str) -> Check {
    if !kind.starts_with("text/event-stream") {
        return Check::fail(
            "proxy",
            format!("the stream's type is {kind:?}"),
            "something in front answers instead of the server",
        );
    }
    if !coding.is_empty() {
        return Check::fail("proxy", format!("the stream is compressed ({coding})"), UNBUFFERED);
    }
    match buffering {
        "no" => Check::ok("proxy", "the stream is neither compressed nor marked for buffering"),
        // nginx takes the header away when it has obeyed
        "" => Check::ok("proxy", "the stream is not compressed; X-Accel-Buffering was taken by a proxy"),
        other => Check::warn("proxy", format!("X-Accel-Buffering is {other:?}"), UNBUFFERED),
    }
}

async fn web_socket(remote: &Remote) -> Check {
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let request = upgrade
        .into_iter()
        .fold(remote.client.send("GET", "api/pubsub"), |request, (name, value)| request.header(name, value));
    let Ok(answer) = tokio::time::timeout(PATIENCE, request.stream()).await else {
        return judge_upgrade(None, "no answer");
    };
    match answer {
        Ok(response) => judge_upgrade(Some(response.status().as_u16()), ""),
        Err(Error::Response { status, message, body, .. }) => {
            let text = if body == Json::Null {
                message
            } else {
                body["message"].as_str().unwrap_or_default().to_owned()
            };
            judge_upgrade(Some(status), &text)
        }
        Err(error) => judge_upgrade(None, &Failure::from(error).to_string()),
    }
}

fn judge_upgrade(status: Option<u16>, reason: &str) -> Check {
    match status {
        Some(101) => Check::ok("websocket", "WebSockets pass"),
        Some(status) => Check::warn(
            "websocket",
            format!("the request to switch to a WebSocket was answered with {status} {reason}")
                .trim_end()
                .to_owned(),
            "let the proxy pass on Upgrade and Connection (nginx: proxy_http_version 1.1 and both headers); over HTTP/2 this cannot be told",
        ),
        None => Check::warn("websocket", reason.to_owned(), "look at the proxy's log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict::{Fail, Ok as Good, Warn};

    #[test]
    fn clocks_may_differ_a_little() {
        for (server, verdict, words) in [
            (1000, Good, "agrees"),
            (1005, Good, "agrees"),
            (1006, Warn, "6 seconds ahead"),
            (940, Warn, "60 seconds behind"),
        ] {
            let check = judge_clock(server, 1000);
            assert!(check.verdict == verdict && check.found.contains(words), "{check:?}");
        }
    }

    #[test]
    fn a_stream_that_is_held_back_shows_in_its_headers() {
        for (kind, coding, buffering, verdict) in [
            ("text/event-stream", "", "no", Good),
            ("text/event-stream", "", "", Good),
            ("text/event-stream", "", "yes", Warn),
            ("text/event-stream", "gzip", "no", Fail),
            ("text/html", "", "", Fail),
        ] {
            assert_eq!(
                judge_headers(kind, coding, buffering).verdict,
                verdict,
                "{kind} {coding} {buffering}"
            );
        }
    }

    #[test]
    fn an_upgrade_is_a_101() {
        for (status, verdict) in [(Some(101), Good), (Some(200), Warn), (Some(426), Warn), (None, Warn)] {
            assert_eq!(judge_upgrade(status, "").verdict, verdict);
        }
    }
}
