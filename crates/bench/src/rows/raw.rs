//! The limit of the machine: a process that writes ready bytes to as many sockets, one call each, and does nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::marker::Mark;
use crate::meter::Reading;
use crate::rows::{FANS, Plan};
use crate::subscribers::{Feed, Subscribers};
use crate::table::{Better, Outcome};

/// Bytes of an event, about those of the other rows.
const EVENT: usize = 420;

/// The row that the raw program stands in for.
pub fn run(plan: &Plan) -> Result<Vec<Outcome>> {
    if !FANS[0].name.contains(&plan.only) {
        return Ok(Vec::new());
    }
    let count = plan.subscribers;
    let mut writer = Writer::start(count)?;
    let feeds = (0..count).map(|_| {
        let stream = TcpStream::connect(&writer.address)?;
        Ok(Feed { stream, key: None, copies: 1 })
    });
    let subscribers = Subscribers::over(feeds.collect::<Result<_>>()?)?;
    while subscribers.delivered() == 0 {
        std::thread::sleep(plan.warm_up / 10);
    }
    std::thread::sleep(plan.warm_up);
    let (before, begun) = (subscribers.delivered(), Reading::now(writer.process.id())?);
    std::thread::sleep(plan.seconds);
    let (after, ended) = (subscribers.delivered(), Reading::now(writer.process.id())?);
    let used = begun.until(ended);
    writer.end()?;
    subscribers.close()?;
    let (row, delivered) = (format!("{count} subscribers, {}", FANS[0].name), (after - before) as f64);
    let outcome = |unit, better, value| Outcome::new(&row, unit, better, value).disturbed(used.foreign);
    Ok(vec![
        outcome("deliveries/s", Better::Higher, delivered / used.wall),
        outcome("server µs CPU each", Better::Lower, used.server * 1e6 / delivered),
    ])
}

/// The process's own part: says where it listens, waits for `count` sockets and writes until it is ended.
pub fn write_without_end(count: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let sockets = (0..count).map(|_| {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        Ok(socket)
    });
    let mut sockets = sockets.collect::<Result<Vec<_>>>()?;
    for sequence in 0.. {
        let mut event = Mark { writer: 0, key: 0, sequence }.text().into_bytes();
        event.resize(EVENT, b'.');
        for socket in &mut sockets {
            socket.write_all(&event)?;
        }
    }
    Ok(())
}

struct Writer {
    process: Child,
    address: String,
}

impl Writer {
    fn start(count: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--write-without-end", &count.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    fn end(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
