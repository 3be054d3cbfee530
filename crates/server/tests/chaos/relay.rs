//! A relay in front of a server that breaks what it carries: at any byte, in either direction, in several ways.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How long what is half broken stays so.
const LINGER: Duration = Duration::from_millis(200);
const HOWS: [How; 5] = [How::Reset, How::Close, How::HalfToClient, How::HalfToServer, How::Silence];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// both ends are told that the connection broke
    Reset,
    /// both ends are told that the other has nothing more to say
    Close,
    /// only the client is told so, and is still heard
    HalfToClient,
    /// only the server is told so, and is still heard
    HalfToServer,
    /// nobody is told anything for a while
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// What happens to one connection.
#[derive(Debug)]
struct Fate {
    way: Way,
    /// bytes in this direction, then it breaks
    after: u64,
    how: How,
    /// it breaks anyhow then
    patience: Duration,
}

impl Fate {
    fn draw(dice: &mut StdRng) -> Self {
        let way = if dice.random_bool(0.3) { Way::Up } else { Way::Down };
        // heads, first events, long after
        let after = match dice.random_range(0..10) {
            0..3 => dice.random_range(0..500),
            3..7 => dice.random_range(500..5_000),
            _ => dice.random_range(5_000..80_000),
        };
        let how = HOWS[dice.random_range(0..HOWS.len())];
        Self { way, after, how, patience: Duration::from_millis(dice.random_range(20..900)) }
    }
}

/// Shared by a relay's connections.
#[derive(Debug)]
struct State {
    target: SocketAddr,
    seed: u64,
    calm: AtomicBool,
    cuts: AtomicU64,
}

/// Keeps its port while the server is away.
pub struct Relay {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Relay {
    /// The fate of the nth connection depends on the seed alone.
    pub async fn start(target: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { target, seed, calm: false.into(), cuts: 0.into() });
        tokio::spawn(accept(listener, state.clone()));
        Self { address, state }
    }

    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::Relaxed)
    }

    /// Breaks nothing any more.
    pub fn calm(&self) {
        self.state.calm.store(true, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    for number in 0.. {
        let (client, _) = listener.accept().await.unwrap();
        let dice = StdRng::seed_from_u64(state.seed.wrapping_add(number));
        tokio::spawn(carry(client, state.clone(), dice));
    }
}

async fn carry(client: TcpStream, state: Arc<State>, mut dice: StdRng) {
    let fate = Fate::draw(&mut dice);
    let Ok(server) = TcpStream::connect(state.target).await else { return };
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    let left = |way| if fate.way == way { fate.after } else { u64::MAX };
    let mut up = Pipe::new(client_reader, server_writer, left(Way::Up), &mut dice);
    let mut down = Pipe::new(server_reader, client_writer, left(Way::Down), &mut dice);
    tokio::select! {
        ended = up.run(&state) => if ended { return },
        ended = down.run(&state) => if ended { return },
        () = impatience(&state, fate.patience) => {}
    }
    state.cuts.fetch_add(1, Ordering::Relaxed);
    cut(fate.how, up, down).await;
}

async fn impatience(state: &State, patience: Duration) {
    tokio::time::sleep(patience).await;
    if state.calm.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// What is under way in a pipe is lost with it.
async fn cut(how: How, mut up: Pipe, mut down: Pipe) {
    match how {
        How::Reset => {}
        How::Close => return,
        How::HalfToClient => {
            // an end that is gone already needs not be told
            let _ = down.to.shutdown().await;
            let _ = tokio::time::timeout(LINGER, up.pass(u64::MAX)).await;
            return;
        }
        How::HalfToServer => {
            let _ = up.to.shutdown().await;
            let _ = tokio::time::timeout(LINGER, down.pass(u64::MAX)).await;
            return;
        }
        How::Silence => tokio::time::sleep(LINGER).await,
    }
    for end in [&up.to, &down.to] {
        let _ = end.as_ref().set_zero_linger();
    }
}

/// One direction of one connection.
struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    /// bytes until it breaks
    left: u64,
    dice: StdRng,
}

impl Pipe {
    fn new(from: OwnedReadHalf, to: OwnedWriteHalf, left: u64, dice: &mut StdRng) -> Self {
        Self { from, to, left, dice: StdRng::seed_from_u64(dice.random()) }
    }

    /// Whether the connection ended by itself, and not where it is to be broken.
    async fn run(&mut self, state: &State) -> bool {
        let whole = self.pass(self.left).await;
        if whole || !state.calm.load(Ordering::Relaxed) {
            return whole;
        }
        self.pass(u64::MAX).await
    }

    /// Passes so many bytes on, in pieces of any size, now and then late; whether one of the ends closed before that.
    async fn pass(&mut self, mut left: u64) -> bool {
        let mut buffer = [0; 4096];
        while left > 0 {
            let longest = if self.dice.random_bool(0.3) { 40 } else { buffer.len() };
            let size = self.dice.random_range(1..=longest).min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.from.read(&mut buffer[..size]).await {
                Ok(read @ 1..) if self.to.write_all(&buffer[..read]).await.is_ok() => left -= read as u64,
                _ => return true,
            }
            if self.dice.random_bool(0.05) {
                tokio::time::sleep(Duration::from_millis(self.dice.random_range(1..5))).await;
            }
        }
        false
    }
}
