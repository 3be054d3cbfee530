use super::*;
use crate::websocket::{Message, Received, Transport, frame};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use tidewire_feed::{
    Answered, Asked, ClassSpec, Encoder, Event, Feed, Interest, Log, Lookup, OnRevoked, Options, Start,
    Subscription, Topic,
};
use tidewire_model::{Catalog, Change, Epoch, Principal, Seq, TenantId};
use tidewire_rules::Residual;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};

/// A history whose only change cannot be read before the other end is dropped, and is gone then.
struct Late(Mutex<mpsc::Receiver<()>>);

impl Log for Late {
    fn epoch(&self) -> Epoch {
        1
    }

    fn head(&self) -> Seq {
        1
    }

    fn floor(&self) -> Seq {
        0
    }

    fn read(&self, _: Seq, _: usize) -> Vec<Arc<Change>> {
        let _ = self.0.lock().recv();
        Vec::new()
    }
}

impl Lookup for Late {
    fn ask(&self, asked: &[Asked<'_>]) -> Answered {
        Answered::nothing(asked.len())
    }
}

/// Everything of one collection, in no words.
struct All;

impl Encoder for All {
    fn encode(&self, _: &Event<'_>, _: &mut Vec<u8>) -> bool {
        false
    }
}

impl Interest for All {
    fn classes(&self, _: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        let topic = Topic::Collection { tenant: TenantId::default(), collection: "c".into() };
        let (gate, projection, encoder) = (Residual::always(), String::new(), Arc::new(All));
        vec![ClassSpec { topic, gate, leave: false, projection, encoder }]
    }
}

/// With what holds its history back.
fn feed() -> (Feed, mpsc::Sender<()>) {
    let (hold, held) = mpsc::channel();
    let log = Arc::new(Late(Mutex::new(held)));
    let catalog = Catalog::new(1, Vec::new()).into();
    (Feed::start(log.clone(), log, catalog, Options::new([0; 32])), hold)
}

/// Counts its moves, all of which lead to the berth.
struct Moving(DuplexStream, Arc<AtomicUsize>);

impl Transport for Moving {
    fn move_in(&mut self) {
        assert_eq!(here(), "berth");
        self.1.fetch_add(1, Relaxed);
    }
}

impl AsyncRead for Moving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Moving {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn here() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Answers each message with the name of the thread that read it.
async fn tell_where(mut socket: Socket, connection: Connection) {
    while let Ok(Received::Message(Message::Text(_))) = socket.next(&connection).await {
        connection.push(frame::text(here()));
    }
}

/// A masked text without a text.
const EMPTY: &[u8] = b"\x81\x80\0\0\0\0";

async fn answer(client: &mut DuplexStream) -> String {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 0x81);
    let mut text = vec![0; usize::from(head[1])];
    client.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// The session's way, from the first message, which was read with the handshake, to its end.
#[tokio::test]
async fn a_session_goes_on_in_its_berth_once_its_socket_has_settled() {
    let there = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("berth")
        .enable_all()
        .build()
        .unwrap();
    let unpack: fn(Upgraded) -> Result<Unpacked, Upgraded> = Err;
    let berth = Berth { runtime: there.handle().clone(), new: Duration::ZERO, unpack };
    let (feed, _) = feed();
    let connection = feed.connect(OnRevoked::Close);
    let (near, mut client) = tokio::io::duplex(1024);
    let moves = Arc::<AtomicUsize>::default();
    let unpacked: Unpacked = (Box::new(Moving(near, moves.clone())), Bytes::from_static(EMPTY));
    berth.run(unpacked, Limits::default(), |socket| tell_where(socket, connection));
    assert_ne!(answer(&mut client).await, "berth");
    let mut heard = Vec::new();
    for _ in 0..5 {
        client.write_all(EMPTY).await.unwrap();
        heard.push(answer(&mut client).await);
    }
    assert!(heard.ends_with(&["berth".to_owned(), "berth".to_owned()]), "{heard:?}");
    assert_eq!(moves.load(Relaxed), 1);
    there.shutdown_background();
}

#[tokio::test]
async fn a_socket_that_catches_up_does_not_settle_before_it_has() {
    let (feed, hold) = feed();
    let connection = feed.connect(OnRevoked::Close);
    let mut stay = Stay::new(Duration::ZERO, Arc::default());
    let start = Start::After { seq: 0, preface: Vec::new() };
    let wanted = Subscription { name: "all".into(), interest: Arc::new(All), start };
    connection.set(Principal::Guest, vec![wanted]).await;
    for _ in 0..3 {
        stay.rests(&connection);
    }
    assert!(connection.standing().is_behind() && !stay.is_over());
    drop(hold);
    while connection.standing().is_behind() {
        tokio::task::yield_now().await;
    }
    stay.rests(&connection);
    assert!(!stay.is_over(), "what comes next goes out here");
    stay.rests(&connection);
    assert!(stay.is_over());
}
