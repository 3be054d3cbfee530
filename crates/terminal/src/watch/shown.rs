//! The current result of a filter, as a table that is written over itself.

use super::WatchArgs;
use crate::records::table;
use crate::{Failure, Output};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_client::realtime::LiveQueryBuilder;
use tidewire_client::{Client, filter};

/// Rows that are shown where there is no terminal to tell how many fit.
const ROWS: usize = 1000;

/// What the table shows, and in which order.
pub fn query(args: &WatchArgs, client: &Client) -> Result<LiveQueryBuilder<Json>, Failure> {
    let what = args.what.as_deref().unwrap_or_default();
    let (collection, record) = what.split_once('/').map_or((what, None), |(name, id)| (name, Some(id)));
    let mut query = client.collection(collection).live_query();
    let one = record.map(|id| filter("id = {:id}", &[("id", id.into())])).transpose()?;
    let all: Vec<String> = args.filter.iter().cloned().chain(one).map(|part| format!("({part})")).collect();
    if !all.is_empty() {
        query = query.filter(all.join(" && "));
    }
    if let Some(sort) = &args.sort {
        query = query.sort(sort);
    }
    if let Some(expand) = &args.expand {
        query = query.expand(expand);
    }
    Ok(query)
}

/// The table as it stands.
#[derive(Debug, Default)]
pub struct Shown {
    /// columns, if not all are wanted
    fields: Vec<String>,
    /// lines of the last one
    lines: usize,
}

impl Shown {
    pub fn new(fields: Option<&str>) -> Self {
        let fields = fields.unwrap_or_default().split(',').map(str::trim).filter(|field| !field.is_empty());
        Self { fields: fields.map(str::to_owned).collect(), lines: 0 }
    }

    /// Writes as many as fit over what was there.
    pub fn draw(&mut self, records: &[Arc<Json>], out: &mut Output) -> Result<(), Failure> {
        let terminal = out.is_terminal();
        let room = if terminal { out.height().map_or(ROWS, |height| height.saturating_sub(3)) } else { ROWS };
        let rows: Vec<Json> = records.iter().take(room).map(|record| only(record, &self.fields)).collect();
        let lines = lines(&rows, records.len(), out.width());
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
}

/// The record's values at these places, e.g. `expand.author.name`; all of it if none are named.
fn only(record: &Json, fields: &[String]) -> Json {
    if fields.is_empty() {
        return record.clone();
    }
    let value = |field: &str| field.split('.').fold(record, |value, name| &value[name]).clone();
    Json::Object(fields.iter().map(|field| (field.clone(), value(field))).collect())
}

fn lines(records: &[Json], matching: usize, width: Option<usize>) -> Vec<String> {
    let mut lines = table(records).lines(width);
    let count = if matching == 1 { "1 record".to_owned() } else { format!("{matching} records") };
    lines.push(match matching.saturating_sub(records.len()) {
        0 => count,
        more => format!("{count}, {more} of them below"),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_fields_that_are_named_are_shown() {
        let record = json!({ "id": "a", "n": 1, "expand": { "author": { "name": "Ann" } } });
        for (fields, expected) in [
            ("", record.clone()),
            ("n", json!({ "n": 1 })),
            (" id, expand.author.name,x.y ", json!({ "id": "a", "expand.author.name": "Ann", "x.y": null })),
        ] {
            assert_eq!(only(&record, &Shown::new(Some(fields)).fields), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let record = json!({ "id": "a", "n": 1 });
        for (records, matching, expected) in [
            (vec![], 0, &["", "0 records"][..]),
            (vec![record.clone()], 1, &["id  n", "a   1", "1 record"]),
            (vec![record.clone()], 3, &["id  n", "a   1", "3 records, 2 of them below"]),
        ] {
            assert_eq!(lines(&records, matching, None), expected);
        }
    }
}
