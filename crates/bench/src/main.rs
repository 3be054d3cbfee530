//! Drives Tidewire and PocketBase with the same work, in turn, on this machine, and prints tables of medians and ratios.

mod client;
mod clock;
mod counter;
mod disk;
mod farm;
mod histogram;
mod http;
mod keeper;
mod load;
mod marker;
mod meter;
mod outcome;
mod plan;
mod program;
mod report;
mod rows;
mod runner;
mod server;
mod setup;
mod socket;
mod stamp;
mod subscribers;
mod table;
mod topic;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::plan::Plan;
use crate::program::{Kind, Program};
use crate::rows::Row;
use crate::runner::Runner;

/// Runs both servers in turn, several rounds, and prints medians and ratios as Markdown tables.
#[derive(Parser)]
struct Args {
    /// The binary under test
    #[arg(long, default_value = "target/release/tidewire")]
    tidewire: PathBuf,
    /// PocketBase's binary
    #[arg(long)]
    pocketbase: Option<PathBuf>,
    /// One short round of smaller rows: a first look, not a measurement
    #[arg(long)]
    quick: bool,
    /// Rounds; each runs every program once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Run only rows whose topic or name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// How often at most a run is made again because others disturbed it
    #[arg(long, default_value_t = 2)]
    repeats: usize,
    /// Leave Tidewire out
    #[arg(long)]
    without_tidewire: bool,
    /// Also write a document with the machine, the versions and the tables
    #[arg(long)]
    report: Option<PathBuf>,
    /// The raw program's own part
    #[arg(long, hide = true)]
    write_for_tickets: Option<usize>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let Some(count) = args.write_for_tickets {
        rows::raw::write_for_tickets(count)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (programs, begun) = (programs(&args), Instant::now());
    let plan = Plan::new(args.quick, args.rounds, meter::open_files()?);
    let (rounds, rows) = (plan.rounds, rows::all(&plan));
    let wanted: Vec<&Row> = rows.iter().filter(|row| is_wanted(row, &args.only)).collect();
    ensure!(!wanted.is_empty(), "no row's topic or name contains {:?}", args.only);
    let mut runner = Runner::new(programs.clone(), plan, args.repeats);
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        runner.round(round, &wanted);
    }
    let closing = format!("{rounds} round(s), {:.0} s.", begun.elapsed().as_secs_f64());
    println!("{}\n{}{closing}", runner.table.markdown(), report::disturbance(&runner.table));
    if let Some(file) = &args.report {
        report::write(file, &programs, &runner.table, &closing)?;
    }
    Ok(if runner.table.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_wanted(row: &Row, only: &str) -> bool {
    format!("{}: {}", row.topic.title(), row.name).to_lowercase().contains(&only.to_lowercase())
}

fn programs(args: &Args) -> Vec<Arc<Program>> {
    let mut found = Vec::new();
    if let Some(path) = &args.pocketbase {
        found.push((Kind::PocketBase, path.clone()));
    }
    if !args.without_tidewire {
        found.push((Kind::Tidewire, args.tidewire.clone()));
        found.push((Kind::Unsynced, args.tidewire.clone()));
    }
    found.extend([(Kind::Raw, PathBuf::new()), (Kind::Disk, PathBuf::new())]);
    found.into_iter().map(|(kind, path)| Arc::new(Program { kind, path })).collect()
}
