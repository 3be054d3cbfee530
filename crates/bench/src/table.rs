//! Values of all rounds, shown as medians and ratios.

use std::fmt::Write;

use crate::load::percentile;

/// Which direction is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// Deliveries that went wrong.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub order: u64,
    pub lost: u64,
    pub doubled: u64,
}

/// One measured value.
pub struct Outcome {
    row: String,
    unit: String,
    better: Better,
    value: f64,
    faults: Option<Faults>,
    foreign: Option<f64>,
}

impl Outcome {
    pub fn new(row: &str, unit: &str, better: Better, value: f64) -> Self {
        Outcome { row: row.to_owned(), unit: unit.to_owned(), better, value, faults: None, foreign: None }
    }

    pub fn faults(self, faults: Faults) -> Self {
        Outcome { faults: Some(faults), ..self }
    }

    /// Notes the share of a core that others used meanwhile.
    pub fn disturbed(self, foreign: f64) -> Self {
        Outcome { foreign: Some(foreign), ..self }
    }
}

/// A line: one unit of one row, with the values of each program.
struct Line {
    row: String,
    unit: String,
    better: Better,
    values: Vec<Vec<f64>>,
    faults: Vec<Option<Faults>>,
}

pub struct Table {
    programs: Vec<&'static str>,
    lines: Vec<Line>,
    foreign: Vec<f64>,
}

impl Table {
    pub fn new(programs: Vec<&'static str>) -> Self {
        Table { programs, lines: Vec::new(), foreign: Vec::new() }
    }

    pub fn add(&mut self, program: usize, outcome: Outcome) {
        self.foreign.extend(outcome.foreign);
        let same = |line: &&mut Line| line.row == outcome.row && line.unit == outcome.unit;
        let at = match self.lines.iter_mut().find(same) {
            Some(line) => line,
            None => {
                let count = self.programs.len();
                self.lines.push(Line {
                    row: outcome.row,
                    unit: outcome.unit,
                    better: outcome.better,
                    values: vec![Vec::new(); count],
                    faults: vec![None; count],
                });
                let last = self.lines.len() - 1;
                &mut self.lines[last]
            }
        };
        at.values[program].push(outcome.value);
        if let Some(new) = outcome.faults {
            let sum = at.faults[program].get_or_insert_default();
            sum.order += new.order;
            sum.lost += new.lost;
            sum.doubled += new.doubled;
        }
    }

    pub fn markdown(&mut self) -> String {
        let names = self.programs.join(" | ");
        let mut text = format!("| work | unit | {names} | better by | misordered / lost / doubled |\n");
        text += &format!("|---|---|{}---|---|\n", "--:|".repeat(self.programs.len()));
        for line in &mut self.lines {
            let medians: Vec<f64> = line.values.iter_mut().map(|values| percentile(values, 0.5)).collect();
            let shown: Vec<String> = medians.iter().map(|value| figure(*value)).collect();
            let _ = write!(text, "| {} | {} | {} | ", line.row, line.unit, shown.join(" | "));
            if let [theirs, ours, ..] = medians[..]
                && theirs.is_finite()
                && ours.is_finite()
            {
                let ratio = if line.better == Better::Higher { ours / theirs } else { theirs / ours };
                let _ = write!(text, "**{} ×**", figure(ratio));
            }
            let told = |(faults, name): (&Option<Faults>, &&str)| {
                faults.map(|f| format!("{name} {} / {} / {}", f.order, f.lost, f.doubled))
            };
            let faults: Vec<String> = line.faults.iter().zip(&self.programs).filter_map(told).collect();
            let _ = writeln!(text, " | {} |", faults.join("; "));
        }
        let worst = self.foreign.iter().copied().fold(0.0, f64::max);
        let median = percentile(&mut self.foreign, 0.5);
        let _ = write!(
            text,
            "\nMedians of all rounds. Others used {median:.2} of a core in the median row, {worst:.2} in the worst;\n\
             above 0.2, trust CPU rather than rates.\n"
        );
        text
    }
}

/// Three significant figures.
fn figure(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "–".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
