use super::*;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_feed::{Answered, Asked, Feed, Log, Lookup, OnRevoked, Options};
use tidewire_model::{Catalog, Change, Epoch, Seq};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::time::Instant;

/// A history without changes.
struct Nothing;

impl Log for Nothing {
    fn epoch(&self) -> Epoch {
        1
    }

    fn head(&self) -> Seq {
        0
    }

    fn floor(&self) -> Seq {
        0
    }

    fn read(&self, _: Seq, _: usize) -> Vec<Arc<Change>> {
        Vec::new()
    }
}

impl Lookup for Nothing {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        Answered::nothing(asked.len())
    }
}

fn feed() -> Feed {
    Feed::start(
        Arc::new(Nothing),
        Arc::new(Nothing),
        Catalog::new(1, Vec::new()).into(),
        Options::new([0; 32]),
    )
}

impl Transport for DuplexStream {
    fn move_in(&mut self) {}
}

/// Answers each message with itself and each tick with "tick" until it is over.
async fn echo(mut socket: Socket<DuplexStream>, connection: Connection) -> Over {
    let over = loop {
        match socket.next(&connection).await {
            Ok(Received::Message(Message::Text(text))) => connection.push(frame::text(text)),
            Ok(Received::Message(Message::Binary(_))) => {
                socket.close(&connection, Some(Close::new(Close::UNSUPPORTED, ""))).await;
                return Over::Lost;
            }
            Ok(Received::Tick) => connection.push(frame::text("tick")),
            Err(over) => break over,
        }
    };
    let seen = over.clone();
    socket.end(&connection, over, |_| Close::new(Close::RESTART, "")).await;
    seen
}

struct Client {
    stream: DuplexStream,
    session: tokio::task::JoinHandle<Over>,
    feed: Feed,
}

/// `room` bytes lie between both ends at most.
fn connect(limits: Limits, room: usize) -> Client {
    let (near, stream) = tokio::io::duplex(room);
    let feed = feed();
    let connection = feed.connect(OnRevoked::Close);
    let session = tokio::spawn(echo(Socket::new(near, limits), connection));
    Client { stream, session, feed }
}

/// Masked with zeros, which leaves the payload as it is.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0xff);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

impl Client {
    async fn send(&mut self, first: u8, payload: &[u8]) {
        self.stream.write_all(&masked(first, payload)).await.unwrap();
    }

    async fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.stream.read_exact(&mut got).await.unwrap();
        assert_eq!(Bytes::from(got), Bytes::copy_from_slice(bytes));
    }

    /// Nothing more comes, and the session saw this.
    async fn expect_end(mut self, over: Over) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
        drop(self.stream);
        assert_eq!(self.session.await.unwrap(), over);
    }
}

#[tokio::test]
async fn answers_keep_the_order_of_messages() {
    let mut client = connect(Limits::default(), 1 << 20);
    let burst: Vec<u8> = (0..200).flat_map(|n| masked(0x81, format!("message {n}").as_bytes())).collect();
    client.stream.write_all(&burst).await.unwrap();
    for n in 0..200 {
        client.expect(&frame::text(format!("message {n}"))).await;
    }
    client.send(0x89, b"are you there").await;
    client.expect(&frame::pong(b"are you there")).await;
}

#[tokio::test]
async fn every_end_has_its_close_frame() {
    let close = |code: u16, reason: &'static str| Some(Close::new(code, reason));
    for (sent, answer, over) in [
        (masked(0x88, b"\x03\xe8bye"), close(1000, ""), Over::Left(close(1000, "bye"))),
        (masked(0x88, b""), None, Over::Left(None)),
        (masked(0x82, b"x"), close(1003, ""), Over::Lost),
        (masked(0x83, b"x"), close(1002, "invalid opcode"), Over::Fault(Close::new(1002, "invalid opcode"))),
        (masked(0x81, b"\xff"), close(1007, "invalid UTF-8"), Over::Fault(Close::new(1007, "invalid UTF-8"))),
    ] {
        let mut client = connect(Limits::default(), 1 << 20);
        client.send(0x81, b"before").await;
        client.stream.write_all(&sent).await.unwrap();
        client.expect(&frame::text("before")).await;
        client.expect(&frame::close(answer.as_ref())).await;
        client.expect_end(over).await;
    }
}

#[tokio::test]
async fn a_client_that_is_still_sending_hears_that_it_sends_too_much() {
    let mut client = connect(Limits { message: 1000, ..Limits::default() }, 64);
    let whole = masked(0x81, &[b'x'; 100_000]);
    client.stream.write_all(&whole).await.unwrap();
    let reason = "frame exceeds limit of 1000 bytes";
    client.expect(&frame::close(Some(&Close::new(1009, reason)))).await;
    client.expect_end(Over::Fault(Close::new(1009, reason))).await;
}

#[tokio::test]
async fn a_client_that_only_sends_is_not_listened_to_for_ever() {
    let mut client = connect(Limits::default(), 4096);
    let message = masked(0x81, &[b'x'; 60_000]);
    let (mut reader, mut writer) = tokio::io::split(client.stream);
    let writing = tokio::spawn(async move {
        for _ in 0..50 {
            writer.write_all(&message).await.unwrap();
        }
        writer
    });
    // the writer cannot end before somebody reads its answers
    tokio::task::yield_now().await;
    assert!(!writing.is_finished());
    let mut answers = vec![0; 50 * 60_004];
    reader.read_exact(&mut answers).await.unwrap();
    client.stream = reader.unsplit(writing.await.unwrap());
    client.send(0x81, b"after").await;
    client.expect(&frame::text("after")).await;
}

#[tokio::test]
async fn a_feed_that_stops_closes_its_sockets() {
    let mut client = connect(Limits::default(), 1 << 20);
    client.send(0x81, b"before").await;
    client.expect(&frame::text("before")).await;
    client.feed.stop();
    client.expect(b"\x88\x02\x03\xf4").await;
    client.expect_end(Over::Ended(Ending::Stopped)).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_hears_a_ping_a_tick_and_the_end() {
    let periods = Periods { tick: Some(Duration::from_secs(30)), ..Periods::default() };
    let start = Instant::now();
    let mut client = connect(Limits { periods, ..Limits::default() }, 1 << 20);
    client.expect(b"\x89\x04").await;
    assert_eq!(start.elapsed().as_secs(), 20);
    client.stream.read_u32().await.unwrap();
    client.expect(&frame::text("tick")).await;
    assert_eq!(start.elapsed().as_secs(), 30);
    client.expect(b"\x88\x18\x03\xf3keepalive ping timeout").await;
    assert_eq!(start.elapsed().as_secs(), 40);
    client.expect_end(Over::Fault(Close::new(1011, "keepalive ping timeout"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_let_go_in_the_end() {
    let mut client = connect(Limits::default(), 16);
    client.send(0x81, b"0123456789").await;
    client.send(0x82, b"").await;
    let over = (&mut client.session).await.unwrap();
    assert_eq!(over, Over::Lost);
}
