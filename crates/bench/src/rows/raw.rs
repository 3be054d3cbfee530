//! The limit of the machine: a process that writes ready bytes to as many sockets, one call each, and does nothing else.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::{Measured, Stage, TIMED, WINDOW, drain, paced};
use crate::clock;
use crate::farm::Harvest;
use crate::keeper::{Keeper, Kept};
use crate::marker::Mark;
use crate::outcome::{CPU_DELIVERY, DELIVERIES, Faults, Outcome, P50, P99, P999, WRITES};
use crate::plan::STEADY;
use crate::subscribers::{Feed, Subscribers};

/// Bytes of an event, about those of the other rows.
const EVENT: usize = 420;
/// How often it is looked whether the next message may go.
const LOOK: Duration = Duration::from_micros(200);

/// When the next message goes.
#[derive(Clone, Copy)]
enum Beat {
    /// when fewer than the window's are on their way
    Window,
    /// by the clock, so many in a second
    Rate(f64),
}

pub fn full_speed(stage: &Stage, count: usize) -> Result<Outcome> {
    let (measured, harvest, faults) = run(stage, count, stage.plan.seconds, Beat::Window)?;
    let (used, times) = (measured.used, &harvest.tally.times[TIMED]);
    Ok(Outcome::default()
        .with(&DELIVERIES, measured.delivered / used.wall)
        .with(&CPU_DELIVERY, used.server * 1e6 / measured.delivered)
        .with(&WRITES, measured.answered / used.wall)
        .with(&P50, times.quantile(0.5))
        .with(&P99, times.quantile(0.99))
        .with(&P999, times.quantile(0.999))
        .faults(faults)
        .foreign(used.foreign))
}

pub fn paced(stage: &Stage, count: usize) -> Result<Outcome> {
    let seconds = stage.plan.seconds.mul_f64(paced::LONGER);
    let (measured, harvest, faults) = run(stage, count, seconds, Beat::Rate(STEADY / count as f64))?;
    Ok(paced::told(&measured, &harvest, faults))
}

fn run(stage: &Stage, count: usize, seconds: Duration, beat: Beat) -> Result<(Measured, Harvest, Faults)> {
    let mut writer = Writer::start(&stage.keeper, count)?;
    let feeds = (0..count).map(|_| {
        let stream = TcpStream::connect(writer.address)?;
        Ok(Feed { stream, key: None, copies: 1 })
    });
    let subscribers = Subscribers::over(writer.address, feeds.collect::<Result<_>>()?)?;
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let pid = writer.process.pid();
    let measured = std::thread::scope(|scope| {
        let issuing = scope.spawn(|| {
            let may_go = |sent: u64| (sent * count as u64) < subscribers.delivered() + WINDOW * count as u64;
            issue(&mut writer.tickets, beat, &may_go, &stop, &sent)
        });
        let counts = || (subscribers.delivered(), sent.load(Ordering::Relaxed));
        let measured = stage.measure(pid, seconds, counts, || subscribers.part(TIMED));
        stop.store(true, Ordering::Relaxed);
        issuing.join().map_err(|_| anyhow!("the issuing thread panicked"))??;
        measured
    })?;
    let (harvest, faults) = drain(subscribers, sent.load(Ordering::Relaxed) * count as u64)?;
    Ok((measured, harvest, faults))
}

/// Tells the process, message by message, to write, and when that was due.
fn issue(
    tickets: &mut ChildStdin,
    beat: Beat,
    may_go: &(dyn Fn(u64) -> bool + Sync),
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> Result<()> {
    clock::wake_exactly()?;
    let begun = clock::now();
    for number in 0.. {
        let stopped = || stop.load(Ordering::Relaxed);
        let due = match beat {
            Beat::Window => {
                while !stopped() && !may_go(number) {
                    std::thread::sleep(LOOK);
                }
                clock::now()
            }
            Beat::Rate(rate) => {
                let due = begun + (number as f64 * 1e9 / rate) as u64;
                clock::sleep_until(due);
                due
            }
        };
        if stopped() {
            break;
        }
        tickets.write_all(&due.to_le_bytes())?;
        sent.store(number + 1, Ordering::Relaxed);
    }
    Ok(())
}

/// The process's own part: says where it listens, waits for `count` sockets, and writes to all of them for each ticket.
pub fn write_for_tickets(count: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let sockets = (0..count).map(|_| {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        Ok(socket)
    });
    let mut sockets = sockets.collect::<Result<Vec<_>>>()?;
    let (mut tickets, mut due) = (std::io::stdin().lock(), [0; 8]);
    for sequence in 0.. {
        match tickets.read_exact(&mut due) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            outcome => outcome?,
        }
        let mark = Mark { writer: 0, key: 0, sequence, time: u64::from_le_bytes(due) };
        let mut event = mark.text().into_bytes();
        event.resize(EVENT, b'.');
        for socket in &mut sockets {
            socket.write_all(&event)?;
        }
    }
    Ok(())
}

struct Writer {
    process: Kept,
    tickets: ChildStdin,
    address: SocketAddr,
}

impl Writer {
    fn start(keeper: &Keeper, count: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--write-for-tickets", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (tickets, output) = (child.stdin.take(), child.stdout.take());
        let process = keeper.keep(child);
        let mut address = String::new();
        BufReader::new(output.context("no output")?).read_line(&mut address)?;
        Ok(Writer { process, tickets: tickets.context("no input")?, address: address.trim().parse()? })
    }
}
