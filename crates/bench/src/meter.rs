//! CPU time and memory of a process, as /proc tells them.

use std::time::Instant;

use anyhow::{Context, Result};

/// The kernel counts CPU time for user space in hundredths of a second.
const TICK: f64 = 0.01;
/// Size in which the kernel counts memory of sockets.
const PAGE_KIB: f64 = 4.0;

/// Seconds of CPU used since some fixed moment, and when they were read.
#[derive(Clone, Copy)]
pub struct Reading {
    at: Instant,
    server: f64,
    own: f64,
    machine: f64,
}

/// What was used between two readings.
#[derive(Clone, Copy)]
pub struct Used {
    /// Wall time in seconds.
    pub wall: f64,
    /// CPU seconds of the server.
    pub server: f64,
    /// Share of one core that neither the server nor this program used.
    pub foreign: f64,
}

impl Reading {
    pub fn now(pid: u32) -> Result<Self> {
        Ok(Reading {
            at: Instant::now(),
            server: process_seconds(&pid.to_string())?,
            own: process_seconds("self")?,
            machine: machine_seconds()?,
        })
    }

    pub fn until(self, later: Reading) -> Used {
        let wall = (later.at - self.at).as_secs_f64();
        let server = later.server - self.server;
        let ours = server + later.own - self.own;
        Used { wall, server, foreign: ((later.machine - self.machine - ours) / wall).max(0.0) }
    }
}

/// KiB of resident memory now.
pub fn resident(pid: u32) -> Result<f64> {
    status(pid, "VmRSS:")
}

/// KiB of resident memory at most so far.
pub fn peak(pid: u32) -> Result<f64> {
    status(pid, "VmHWM:")
}

/// KiB that the kernel holds for TCP sockets, of all processes.
pub fn sockets() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:")).context("no TCP in sockstat")?;
    let pages = line.split_whitespace().skip_while(|word| *word != "mem").nth(1).context("no mem")?;
    Ok(pages.parse::<f64>()? * PAGE_KIB)
}

/// Files that this process and those it starts may hold open.
pub fn open_files() -> Result<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("no file limit")?;
    Ok(line.split_whitespace().nth(3).context("no file limit")?.parse()?)
}

fn status(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

fn process_seconds(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces; user and system time are fields 14 and 15, counted from 1.
    let (_, rest) = stat.rsplit_once(')').context("no process name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("short stat");
    Ok((ticks(11)? + ticks(12)?) * TICK)
}

fn machine_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("empty stat")?;
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // Fields: user, nice, system, idle, iowait, irq, softirq, steal; idle and iowait are nobody's.
    Ok((ticks.iter().take(8).sum::<f64>() - ticks[3] - ticks[4]) * TICK)
}
