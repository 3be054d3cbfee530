//! The current result of a filter, as a table that is written over itself.

use super::Told;
use crate::records::table;
use crate::{Failure, Output};
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::collections::HashMap;
use tidewire_client::realtime::{Action, Event};

/// Rows that are shown where there is no terminal to tell how many fit.
const ROWS: usize = 1000;

pub struct Shown {
    /// fields, and whether the order is turned round
    sort: Vec<(String, bool)>,
    records: HashMap<String, Json>,
    /// a snapshot that is not complete yet takes the place of the records when it is
    coming: Option<HashMap<String, Json>>,
    /// lines of the last table
    lines: usize,
}

impl Shown {
    pub fn new(sort: Option<&str>) -> Self {
        let fields = sort.unwrap_or_default().split(',').map(str::trim).filter(|field| !field.is_empty());
        let field = |text: &str| match text.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (text.trim_start_matches('+').to_owned(), false),
        };
        Self { sort: fields.map(field).collect(), records: HashMap::new(), coming: None, lines: 0 }
    }

    /// Shows what has changed by it.
    pub fn hear(&mut self, told: &Told, out: &mut Output) -> Result<(), Failure> {
        if self.take(told)? { self.draw(out) } else { Ok(()) }
    }

    /// Whether there is something else to see.
    fn take(&mut self, told: &Told) -> Result<bool, Failure> {
        match told {
            Event::Record { action, record, .. } => {
                let id = record["id"].as_str().unwrap_or_default().to_owned();
                match action {
                    Action::Snapshot => {
                        self.coming.get_or_insert_default().insert(id, record.clone());
                        return Ok(false);
                    }
                    Action::Delete | Action::Leave => drop(self.records.remove(&id)),
                    _ => drop(self.records.insert(id, record.clone())),
                }
                Ok(true)
            }
            Event::Live { .. } => {
                self.records = self.coming.take().unwrap_or_default();
                Ok(true)
            }
            Event::Reset { reason, .. } if reason == "snapshot_too_large" => Err(Failure::Failed(
                "the result is too large to be shown: narrow it with --filter".to_owned(),
            )),
            // a snapshot follows
            Event::Reset { .. } => {
                self.coming = None;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn draw(&mut self, out: &mut Output) -> Result<(), Failure> {
        let terminal = out.is_terminal();
        let room = if terminal { out.height().map_or(ROWS, |height| height.saturating_sub(3)) } else { ROWS };
        let sorted = self.sorted();
        let shown = sorted.len().min(room);
        let mut lines = table(&sorted[..shown]).lines(out.width());
        let count =
            if sorted.len() == 1 { "1 record".to_owned() } else { format!("{} records", sorted.len()) };
        lines.push(match sorted.len() - shown {
            0 => count,
            more => format!("{count}, {more} of them below"),
        });
        let mut text = String::new();
        if terminal && self.lines > 0 {
            // back to the first line of the last table, and away with it
            text.push_str(&format!("\u{1b}[{}A\u{1b}[J", self.lines));
        }
        self.lines = lines.len();
        text.push_str(&lines.join("\n"));
        text.push_str(if terminal { "\n" } else { "\n\n" });
        out.text(&text)
    }

    fn sorted(&self) -> Vec<Json> {
        let mut sorted: Vec<_> = self.records.values().cloned().collect();
        sorted.sort_by(|a, b| self.order(a, b));
        sorted
    }

    fn order(&self, a: &Json, b: &Json) -> Ordering {
        for (field, turned) in &self.sort {
            let order = compare(&a[field.as_str()], &b[field.as_str()]);
            let order = if *turned { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        a["id"].as_str().cmp(&b["id"].as_str())
    }
}

fn compare(a: &Json, b: &Json) -> Ordering {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

fn rank(value: &Json) -> u8 {
    match value {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(_) => 2,
        Json::String(_) => 3,
        Json::Array(_) | Json::Object(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(action: Action, id: &str, n: i64) -> Told {
        Event::Record { action, record: json!({ "id": id, "n": n }), cursor: None }
    }

    fn live() -> Told {
        Event::Live { cursor: "c".into() }
    }

    #[test]
    fn the_result_follows_what_happens() {
        let mut shown = Shown::new(Some("-n"));
        let steps: [(Told, &[&str]); 9] = [
            (event(Action::Snapshot, "a", 1), &[]),
            (event(Action::Snapshot, "b", 2), &[]),
            (live(), &["b", "a"]),
            (event(Action::Create, "c", 2), &["b", "c", "a"]),
            (event(Action::Update, "a", 9), &["a", "b", "c"]),
            (event(Action::Leave, "b", 0), &["a", "c"]),
            (event(Action::Delete, "a", 0), &["c"]),
            // what went while there was no connection is not in the new snapshot
            (event(Action::Snapshot, "d", 1), &["c"]),
            (live(), &["d"]),
        ];
        for (told, ids) in steps {
            shown.take(&told).unwrap();
            let found = shown.sorted();
            assert_eq!(
                found.iter().map(|record| record["id"].as_str().unwrap()).collect::<Vec<_>>(),
                ids,
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_result_that_is_too_large_is_refused() {
        let reset = |reason: &str| Event::Reset { reason: reason.into(), cursor: None };
        assert!(!Shown::new(None).take(&reset("retention")).unwrap());
        assert_eq!(Shown::new(None).take(&reset("snapshot_too_large")).unwrap_err().code(), 1);
    }
}
