//! The tables as a document: what was measured, on what, and how.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::program::Program;
use crate::table::{DISTURBED, Table};

/// What the tables leave open.
const READING: &str = "\
All servers run with their defaults (Tidewire's limit of sign-ins is off), in turn, row by row; every value is the median of the rounds. \"Better by\" says how many times
more (of rates) or less (of all else) a value is than PocketBase's. Subscribers, writers and servers share the machine's cores, so rates
fall together when there are more of them; the server's CPU time for each delivery is the steadier figure. Each record carries a mark
that is looked for in what every subscriber receives; the last column counts, over all rounds, marks that came after a later one of the same
writer, that did not come, and that came twice or to somebody they were not for.
";

/// Writes the document.
pub fn write(file: &Path, programs: &[Arc<Program>], table: &Table, closing: &str) -> Result<()> {
    let mut text = String::from("# Benchmarks\n\n");
    let _ = writeln!(text, "Made by `{}`.\n", command());
    let _ = writeln!(text, "- Machine: {}", machine());
    for program in programs.iter().filter(|program| !program.path.as_os_str().is_empty()) {
        if program.environment().is_empty() {
            let _ = writeln!(text, "- {}: {}", program.name(), program.version()?);
        }
    }
    let _ = write!(text, "\n{READING}\n{}\n{}{closing}\n", disturbance(table), table.markdown());
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

/// What disturbed runs are and how many there were.
pub fn disturbance(table: &Table) -> String {
    let (runs, disturbed) = table.disturbed();
    format!(
        "A run is disturbed if others used more than {DISTURBED} of a core meanwhile (kernel threads and the host's other guests \
         count as others).\nIt is repeated a few times; medians are of undisturbed runs, and where there are none a † marks them: \
         trust CPU there\nrather than rates. Of {runs} runs {disturbed} were disturbed.\n"
    )
}

fn command() -> String {
    // The binary's own path and what the script adds are not what somebody would type.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let at = arguments.iter().position(|argument| argument == "--pocketbase");
    let typed = arguments
        .iter()
        .enumerate()
        .filter(|(index, _)| at.is_none_or(|at| *index != at && *index != at + 1));
    typed.fold("./bench".to_owned(), |text, (_, argument)| format!("{text} {argument}"))
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor without a name", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0);
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let (system, release) = (kernel("ostype"), kernel("osrelease"));
    let memory = kib / 1_048_576.0;
    format!("{cores} cores of {model}, {memory:.0} GiB, {} {}, over loopback", system.trim(), release.trim())
}
