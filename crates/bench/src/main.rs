//! Drives Tidewire and PocketBase with the same work, in turn, on this machine, and prints a table of ratios.

mod http;
mod load;
mod marker;
mod meter;
mod report;
mod rows;
mod server;
mod setup;
mod socket;
mod subscribers;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use crate::rows::Plan;
use crate::server::Program;
use crate::table::Table;

/// Runs both servers in turn, several rounds, and prints medians and ratios as a Markdown table.
#[derive(Parser)]
struct Args {
    /// The binary under test
    #[arg(long, default_value = "target/release/tidewire")]
    tidewire: PathBuf,
    /// PocketBase's binary
    #[arg(long)]
    pocketbase: Option<PathBuf>,
    /// One short round: a first look, not a measurement
    #[arg(long)]
    quick: bool,
    /// Rounds; each runs every server once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Subscribers of the fan-out rows
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Run only the rows whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Leave Tidewire out
    #[arg(long)]
    without_tidewire: bool,
    /// Also write a document with the machine, the versions and the table
    #[arg(long)]
    report: Option<PathBuf>,
    /// The raw program's own part
    #[arg(long, hide = true)]
    write_without_end: Option<usize>,
}

/// The program that only writes.
const RAW: &str = "raw writer";

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(count) = args.write_without_end {
        return rows::raw::write_without_end(count);
    }
    let programs = programs(&args);
    let rounds = if args.quick { 1 } else { args.rounds };
    let plan = Plan::new(args.quick, args.subscribers, &args.only);
    let begun = Instant::now();
    let mut table = Table::new(programs.iter().map(|program| program.name).chain([RAW]).collect());
    for round in 0..rounds {
        for at in 0..programs.len() {
            // Who goes first changes with the round, so that a drift of the machine hits both.
            let who = (at + round) % programs.len();
            eprintln!("round {} of {rounds}: {}", round + 1, programs[who].name);
            for outcome in rows::run(&programs[who], &plan)? {
                table.add(who, outcome);
            }
        }
        eprintln!("round {} of {rounds}: {RAW}", round + 1);
        for outcome in rows::raw::run(&plan)? {
            table.add(programs.len(), outcome);
        }
    }
    let (table, taken) = (table.markdown(), begun.elapsed().as_secs_f64());
    let closing = format!("{rounds} round(s), {} subscribers, {taken:.0} s.", args.subscribers);
    println!("{table}\n{closing}");
    args.report.map_or(Ok(()), |file| report::write(&file, &programs, &table, &closing))
}

fn programs(args: &Args) -> Vec<Program> {
    let mut found = Vec::new();
    if let Some(path) = &args.pocketbase {
        found.push(Program { name: "PocketBase", path: path.clone(), has_sockets: false, unsynced: &[] });
    }
    if !args.without_tidewire {
        let unsynced = &[("TIDEWIRE_SYNC", "checkpoint")];
        found.push(Program { name: "Tidewire", path: args.tidewire.clone(), has_sockets: true, unsynced });
    }
    found
}
