//! The table as a document: what was measured, on what, and how.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::server::Program;

/// What the table leaves open.
const READING: &str = "\
All servers run with their defaults, in turn, in rounds; every value is the median of the rounds, and ratios are Tidewire's against
PocketBase's. Tidewire waits for the disk in each commit and PocketBase does not; the rows \"create unsynced\" give both the same durability
(`TIDEWIRE_SYNC=checkpoint`). Subscribers, writers and servers share the machine's cores, so rates fall together when there are more
of them; CPU per delivery is the steadier figure. \"raw writer\" is a process that writes ready bytes to as many sockets with one system
call each and does nothing else; a server that has several events for a socket at once needs fewer calls. The marks that each event
carries are checked: order per writer, nothing lost, nothing twice, nothing for others.
";

/// Writes the document.
pub fn write(file: &Path, programs: &[Program], table: &str, closing: &str) -> Result<()> {
    let mut text = String::from(
        "# Benchmarks\n\nMade by `./bench --report docs/benchmarks.md`; `./bench` alone prints the table.\n\n",
    );
    let _ = writeln!(text, "{}.\n", machine());
    for program in programs {
        let _ = writeln!(text, "- {}: {}", program.name, version(program)?);
    }
    let _ = write!(text, "\n{READING}\n{table}\n{closing}\n");
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor without a name", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0);
    let system = std::fs::read_to_string("/proc/sys/kernel/ostype").unwrap_or_default();
    format!("{cores} cores of {model}, {:.0} GiB, {}, over loopback", kib / 1048576.0, system.trim())
}

fn version(program: &Program) -> Result<String> {
    let output = Command::new(&program.path).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
