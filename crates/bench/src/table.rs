//! All runs of all rows, shown as medians and ratios, one table a topic.

use std::fmt::Write;

use crate::outcome::{Better, Column, Faults, Outcome};
use crate::program::Kind;
use crate::topic::{ALL, Topic};

/// A run in which others used more of a core than this is disturbed.
pub const DISTURBED: f64 = 0.2;
/// Stands behind medians for which there was no undisturbed run.
const MARK: &str = "†";

/// The runs of one row with one program.
#[derive(Debug)]
struct Line {
    topic: Topic,
    row: String,
    program: Kind,
    runs: Vec<Outcome>,
    errors: Vec<String>,
}

#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
}

impl Table {
    pub fn add(&mut self, topic: Topic, row: &str, program: Kind, outcome: Result<Outcome, String>) {
        let same = |line: &Line| line.topic == topic && line.row == row && line.program == program;
        let at = self.lines.iter().position(same).unwrap_or_else(|| {
            let row = row.to_owned();
            self.lines.push(Line { topic, row, program, runs: Vec::new(), errors: Vec::new() });
            self.lines.len() - 1
        });
        match outcome {
            Ok(outcome) => self.lines[at].runs.push(outcome),
            Err(error) => self.lines[at].errors.push(error),
        }
    }

    pub fn has_failures(&self) -> bool {
        self.lines.iter().any(|line| !line.errors.is_empty())
    }

    /// How many runs there were, and how many of them were disturbed.
    pub fn disturbed(&self) -> (usize, usize) {
        let foreign = || self.lines.iter().flat_map(|line| &line.runs).filter_map(|run| run.foreign);
        (foreign().count(), foreign().filter(|share| *share > DISTURBED).count())
    }

    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for topic in ALL {
            let lines: Vec<_> = self.lines.iter().filter(|line| line.topic == topic).collect();
            if !lines.is_empty() {
                let _ = writeln!(text, "## {}\n\n{}\n", topic.title(), wrapped(topic.how()));
                text += &of_topic(&lines);
                text.push('\n');
            }
        }
        text
    }
}

fn of_topic(lines: &[&Line]) -> String {
    let columns = columns(lines);
    let faulty = lines.iter().any(|line| line.runs.iter().any(|run| run.faults.is_some()));
    let mut text = String::from("| work | program |");
    columns.iter().for_each(|column| text += &format!(" {} |", column.name));
    text += if faulty { " misordered / lost / doubled |\n" } else { "\n" };
    text += &format!("|---|---|{}{}\n", "--:|".repeat(columns.len()), if faulty { "--:|" } else { "" });
    let mut rows: Vec<&str> = Vec::new();
    lines.iter().for_each(|line| {
        if !rows.contains(&line.row.as_str()) {
            rows.push(&line.row);
        }
    });
    for row in rows {
        let of_row: Vec<_> = lines.iter().copied().filter(|line| line.row == row).collect();
        text += &of_work(&of_row, &columns, faulty);
    }
    for line in lines {
        for error in &line.errors {
            let _ = writeln!(text, "\nFailed: {}, {}: {error}", line.row, line.program.name());
        }
    }
    text
}

/// The lines of one row, and the ratios between them.
fn of_work(lines: &[&Line], columns: &[&'static Column], faulty: bool) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let work = if at == 0 { line.row.as_str() } else { "" };
        let _ = write!(text, "| {work} | {} |", line.program.name());
        for column in columns {
            let _ = write!(text, " {} |", line.shown(column));
        }
        if faulty {
            let told = line.faults().map(|f| format!(" {} / {} / {} ", f.order, f.lost, f.doubled));
            let _ = write!(text, "{}|", told.unwrap_or_else(|| " ".to_owned()));
        }
        text.push('\n');
    }
    let Some(theirs) = lines.iter().find(|line| line.program == Kind::PocketBase) else { return text };
    for ours in lines.iter().filter(|line| matches!(line.program, Kind::Tidewire | Kind::Unsynced)) {
        let ratios: Vec<_> = columns.iter().map(|column| ratio(ours, theirs, column)).collect();
        if ratios.iter().any(Option::is_some) {
            let _ = write!(text, "| | *{}, better by* |", ours.program.name());
            for ratio in ratios {
                let shown = ratio.map_or(String::new(), |ratio| format!("**{} ×**", figure(ratio)));
                let _ = write!(text, " {shown} |");
            }
            text += if faulty { " |\n" } else { "\n" };
        }
    }
    text
}

fn ratio(ours: &Line, theirs: &Line, column: &Column) -> Option<f64> {
    let (ours, theirs) = (ours.median(column)?, theirs.median(column)?);
    let ratio = match column.better {
        Better::Higher => ours / theirs,
        Better::Lower => theirs / ours,
    };
    ratio.is_finite().then_some(ratio)
}

impl Line {
    fn shown(&self, column: &Column) -> String {
        match self.median(column) {
            Some(value) if self.is_clean() => figure(value),
            Some(value) => format!("{}{MARK}", figure(value)),
            None if self.runs.is_empty() => "failed".to_owned(),
            None => String::new(),
        }
    }

    fn is_clean(&self) -> bool {
        self.runs.iter().any(is_clean)
    }

    /// Of the undisturbed runs; of all, if there are none.
    fn median(&self, column: &Column) -> Option<f64> {
        let clean = self.is_clean();
        let runs = self.runs.iter().filter(|run| !clean || is_clean(run));
        let values =
            runs.flat_map(|run| &run.values).filter(|(of, _)| *of == column).map(|(_, value)| *value);
        median(values.filter(|value| value.is_finite()).collect())
    }

    fn faults(&self) -> Option<Faults> {
        self.runs.iter().filter_map(|run| run.faults).reduce(|sum, more| Faults {
            order: sum.order + more.order,
            lost: sum.lost + more.lost,
            doubled: sum.doubled + more.doubled,
        })
    }
}

pub fn is_clean(run: &Outcome) -> bool {
    run.foreign.is_none_or(|share| share <= DISTURBED)
}

fn columns(lines: &[&Line]) -> Vec<&'static Column> {
    let mut columns: Vec<&'static Column> = Vec::new();
    for (column, _) in lines.iter().flat_map(|line| &line.runs).flat_map(|run| &run.values) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    columns
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Three significant figures.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => grouped(
            (value / 10f64.powf(size.log10().floor() - 2.0)).round() * 10f64.powf(size.log10().floor() - 2.0),
        ),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Lines of a readable length.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + word.len() >= WIDTH {
            lines.push(word.to_owned());
            continue;
        }
        if !lines[last].is_empty() {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{DELIVERIES, P50};

    fn run(rate: f64, p50: f64, foreign: f64) -> Outcome {
        Outcome::default().with(&DELIVERIES, rate).with(&P50, p50).foreign(foreign)
    }

    fn table(runs: &[(Kind, Result<Outcome, String>)]) -> Vec<String> {
        let mut table = Table::default();
        for (program, outcome) in runs {
            table.add(Topic::FanOut, "work", *program, outcome.clone());
        }
        let text = table.markdown();
        let rows = text.lines().filter(|line| line.starts_with("| ") || line.starts_with("Failed"));
        rows.skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn medians_are_of_clean_runs_and_ratios_say_how_much_better() {
        let shown = table(&[
            (Kind::PocketBase, Ok(run(100.0, 8.0, 0.0))),
            (Kind::PocketBase, Ok(run(1.0, 80.0, 0.5))),
            (Kind::Tidewire, Ok(run(123_456.0, 2.0, 0.3))),
        ]);
        assert_eq!(shown[0], "| work | PocketBase | 100 | 8.00 |");
        assert_eq!(shown[1], "|  | Tidewire | 123 000† | 2.00† |");
        assert_eq!(shown[2], "| | *Tidewire, better by* | **1235 ×** | **4.00 ×** |");
    }

    #[test]
    fn a_failed_row_is_told() {
        let shown =
            table(&[(Kind::PocketBase, Ok(run(1.0, 1.0, 0.0))), (Kind::Tidewire, Err("why".to_owned()))]);
        assert_eq!(shown[1], "|  | Tidewire | failed | failed |");
        assert_eq!(shown[2], "Failed: work, Tidewire: why");
    }
}
