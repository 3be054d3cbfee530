//! The unix socket in the data folder over which commands reach a running server: one line of JSON each way.

use crate::command::{self, Command, Outcome};
use crate::rooms;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidewire_feed::Feed;
use tidewire_store::Store;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

pub const FILE: &str = "control.sock";
/// longest line that is read
const LINE_BYTES: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's end; the file goes when it is dropped.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(String),
    Failed(String),
}

impl Control {
    /// Only the holder of the store's lock may call this: it replaces a file that a crash left behind.
    pub fn bind(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        let folder = fs::File::open(dir)?;
        socket.bind(&socket2::SockAddr::unix(reachable(&path, &folder))?)?;
        // before `listen` nobody can connect, so there is no moment in which others could
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        socket.listen(16)?;
        socket.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(socket.into())?, path })
    }

    /// Answers commands, one after the other, for as long as it is polled.
    pub async fn serve(&self, store: &Store, feed: &Feed) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer(stream, store, feed)).await
                    {
                        tracing::warn!(%error, "a command was cut off");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a command");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, store: &Store, feed: &Feed) -> io::Result<()> {
    let mut line = String::new();
    tokio::io::BufReader::new((&mut stream).take(LINE_BYTES)).read_line(&mut line).await?;
    let outcome = match serde_json::from_str(&line) {
        Ok(Command::Rooms { account }) => rooms::list(store, feed, account.as_deref()).await,
        Ok(command) => carry_out(store, command).await,
        Err(error) => Err(format!("the server does not know this command: {error}")),
    };
    let mut text = serde_json::to_string(&outcome.map_or_else(Answer::Failed, Answer::Done))?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await
}

async fn carry_out(store: &Store, command: Command) -> Outcome {
    let store = store.clone();
    let running = tokio::task::spawn_blocking(move || command::run(&store, &command));
    running.await.unwrap_or_else(|_| Err("the command failed inside".to_owned()))
}

/// Hands a command to the server that runs on this folder; `None` if there is none.
pub fn ask(dir: &Path, command: &Command) -> io::Result<Option<Outcome>> {
    let Ok(folder) = fs::File::open(dir) else { return Ok(None) };
    let mut stream = match BlockingStream::connect(reachable(&dir.join(FILE), &folder)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(command)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut text = String::new();
    BufReader::new(stream).read_line(&mut text)?;
    Ok(Some(match serde_json::from_str(&text)? {
        Answer::Done(text) => Ok(text),
        Answer::Failed(text) => Err(text),
    }))
}

/// Socket paths are short by law of the kernel; a long one is reached through the open folder.
fn reachable(path: &Path, folder: &fs::File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    if path.as_os_str().len() < 100 {
        return path.to_owned();
    }
    PathBuf::from(format!("/proc/self/fd/{}/{FILE}", folder.as_raw_fd()))
}
