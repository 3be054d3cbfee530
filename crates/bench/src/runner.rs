//! Runs rows with programs in turn, again where others disturbed them, and goes on whatever fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::keeper::Keeper;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::program::{Kind, Program};
use crate::rows::{Home, Host, Row, Stage};
use crate::table::{Table, is_clean};

/// Runs that are made again because others disturbed them, in all rows together.
const REPEATS_IN_ALL: usize = 30;
/// A row that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(150);

type Named = Vec<(String, Outcome)>;

pub struct Runner {
    programs: Vec<Arc<Program>>,
    plan: Arc<Plan>,
    keeper: Keeper,
    /// servers that rows share, by program
    shared: Vec<Option<Arc<Host>>>,
    /// of one run, and of all together
    repeats: usize,
    repeats_left: usize,
    pub table: Table,
}

impl Runner {
    pub fn new(programs: Vec<Arc<Program>>, plan: Plan, repeats: usize) -> Self {
        let shared = programs.iter().map(|_| None).collect();
        let (plan, keeper, table) = (Arc::new(plan), Keeper::default(), Table::default());
        Runner { programs, plan, keeper, shared, repeats, repeats_left: REPEATS_IN_ALL, table }
    }

    /// One round: each row with all its programs, one after the other.
    pub fn round(&mut self, round: usize, rows: &[&Row]) {
        self.forget();
        for row in rows.iter().filter(|row| round == 0 || !row.once) {
            for turn in 0..self.programs.len() {
                // Who goes first changes with the round, so that a drift of the machine hits all.
                let who = (turn + round) % self.programs.len();
                if row.programs.contains(&self.programs[who].kind) {
                    self.row(row, who);
                }
            }
        }
        self.forget();
    }

    fn row(&mut self, row: &Row, who: usize) {
        let kind = self.programs[who].kind;
        eprintln!("  {}: {}: {}", row.topic.title(), row.name, kind.name());
        let begun = Instant::now();
        let outcomes = self.undisturbed(row, who);
        eprintln!("    {:.1} s", begun.elapsed().as_secs_f64());
        match outcomes {
            Ok(outcomes) => {
                for (name, outcome) in outcomes {
                    self.table.add(row.topic, &name, kind, Ok(outcome));
                }
            }
            Err(error) => {
                eprintln!("    failed: {error:#}");
                self.table.add(row.topic, &row.name, kind, Err(format!("{error:#}")));
                // Servers of a failed row are not trusted any more.
                self.forget();
            }
        }
    }

    /// Runs a row again while others disturb it; returns the least disturbed run.
    fn undisturbed(&mut self, row: &Row, who: usize) -> Result<Named> {
        let mut best = self.run(row, who)?;
        for _ in 0..self.repeats {
            if best.iter().all(|(_, outcome)| is_clean(outcome)) || self.repeats_left == 0 {
                break;
            }
            self.repeats_left -= 1;
            eprintln!("    again, others used {:.2} of a core", foreign(&best));
            let next = self.run(row, who)?;
            if foreign(&next) < foreign(&best) {
                best = next;
            }
        }
        Ok(best)
    }

    fn run(&mut self, row: &Row, who: usize) -> Result<Named> {
        let stage = Stage {
            program: self.programs[who].clone(),
            plan: self.plan.clone(),
            keeper: self.keeper.clone(),
            host: self.host(row.home, who)?,
        };
        let work = row.work.clone();
        self.keeper.within(LIMIT, move || work(&stage))
    }

    fn host(&mut self, home: Home, who: usize) -> Result<Option<Arc<Host>>> {
        let program = &self.programs[who];
        if home == Home::Own || matches!(program.kind, Kind::Raw | Kind::Disk) {
            return Ok(None);
        }
        if let (Home::Shared, Some(host)) = (home, &self.shared[who]) {
            return Ok(Some(host.clone()));
        }
        let (program, keeper) = (program.clone(), self.keeper.clone());
        let start = move || Host::start(&program, &keeper);
        let host = Arc::new(self.keeper.within(LIMIT, start)?);
        if home == Home::Shared {
            self.shared[who] = Some(host.clone());
        }
        Ok(Some(host))
    }

    /// Ends the servers that rows share.
    fn forget(&mut self) {
        self.shared.iter_mut().for_each(|host| *host = None);
    }
}

fn foreign(outcomes: &Named) -> f64 {
    outcomes.iter().filter_map(|(_, outcome)| outcome.foreign).fold(0.0, f64::max)
}
