//! Sends rows: many in one transaction where the server takes batches, else several requests at once.

use crate::failure::explain;
use crate::remote::{record, records};
use crate::rows::Row;
use crate::{Failure, Remote};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use tidewire_client::Error;
use tokio::task::JoinSet;

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// Line of a row, and why it was refused.
type Refused = (u64, String);

pub struct Sender {
    remote: Remote,
    collection: String,
    /// the server has not said yet that it takes none
    batches: bool,
}

impl Sender {
    pub fn new(remote: Remote, collection: &str) -> Result<Self, Failure> {
        records(collection)?;
        Ok(Self { remote, collection: collection.to_owned(), batches: true })
    }

    /// Answers the rows that were refused; without `go_on` the first of them is a failure.
    pub async fn send(&mut self, rows: &[Row], go_on: bool) -> Result<Vec<Refused>, Failure> {
        if rows.len() > 1 && self.batches {
            match self.batch(rows).await {
                Ok(()) => return Ok(Vec::new()),
                Err(error) if takes_none(&error) => self.batches = false,
                Err(error) => match refused_row(&error, rows) {
                    // the transaction is undone as a whole: the good rows come again, one by one
                    Some(_) if go_on => {}
                    Some((line, reason)) => return self.stop_at(rows, line, reason).await,
                    None => return Err(error.into()),
                },
            }
        }
        let refused = self.singly(rows).await?;
        match refused.first() {
            Some((line, reason)) if !go_on => Err(Failure::Failed(format!("line {line}: {reason}"))),
            _ => Ok(refused),
        }
    }

    /// Sends what stands before the refused row, and fails.
    async fn stop_at(&self, rows: &[Row], line: u64, reason: String) -> Result<Vec<Refused>, Failure> {
        let before: Vec<_> = rows.iter().filter(|row| row.line < line).cloned().collect();
        if !before.is_empty() {
            self.batch(&before).await?;
        }
        Err(Failure::Failed(format!("line {line}: {reason}")))
    }

    async fn batch(&self, rows: &[Row]) -> Result<(), Error> {
        let url = format!("/api/collections/{}/records", self.collection);
        let request = |row: &Row| {
            let method = if row.fields.contains_key("id") { "PUT" } else { "POST" };
            json!({ "method": method, "url": url, "body": row.fields })
        };
        let body = json!({ "requests": rows.iter().map(request).collect::<Vec<_>>() });
        self.remote.client.send("POST", "api/batch").json(&body).read().await.map(drop)
    }

    async fn singly(&self, rows: &[Row]) -> Result<Vec<Refused>, Failure> {
        let mut refused = Vec::new();
        // rows of one id keep their order
        let mut ids = HashSet::new();
        let together =
            rows.iter().all(|row| row.fields.get("id").is_none_or(|id| ids.insert(id.to_string())));
        let at_once = if together { AT_ONCE } else { 1 };
        let mut running = JoinSet::new();
        for row in rows {
            if running.len() >= at_once {
                collect(&mut running, &mut refused).await?;
            }
            running.spawn(save(self.remote.clone(), self.collection.clone(), row.clone()));
        }
        while !running.is_empty() {
            collect(&mut running, &mut refused).await?;
        }
        refused.sort();
        Ok(refused)
    }
}

async fn collect(
    running: &mut JoinSet<Result<(), (u64, Failure)>>,
    refused: &mut Vec<Refused>,
) -> Result<(), Failure> {
    match running.join_next().await {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err((_, failure @ Failure::NoConnection(_))))) => Err(failure),
        Some(Ok(Err((line, failure)))) => {
            refused.push((line, failure.to_string()));
            Ok(())
        }
        Some(Err(error)) => Err(Failure::Failed(error.to_string())),
    }
}

async fn save(remote: Remote, collection: String, row: Row) -> Result<(), (u64, Failure)> {
    let line = row.line;
    upsert(&remote, &collection, row).await.map_err(|failure| (line, failure))
}

async fn upsert(remote: &Remote, collection: &str, row: Row) -> Result<(), Failure> {
    let created = remote.client.send("POST", &records(collection)?).json(&row.fields).read().await;
    match (created, row.fields.get("id").and_then(Json::as_str)) {
        (Err(error), Some(id)) if is_taken(&error) => {
            let path = record(collection, id)?;
            Ok(remote.client.send("PATCH", &path).json(&row.fields).read().await.map(drop)?)
        }
        (created, _) => Ok(created.map(drop)?),
    }
}

/// Whether there is a record with this id.
fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Response { status: 400, body, .. } if body["data"]["id"]["code"] == "validation_not_unique")
}

fn takes_none(error: &Error) -> bool {
    // servers without the path answer 404
    matches!(error, Error::Response { status: 403 | 404, .. })
}

/// The row that a batch failed with, and why.
fn refused_row(error: &Error, rows: &[Row]) -> Option<Refused> {
    let Error::Response { status: 400, body, .. } = error else { return None };
    let (index, fault) = body["data"]["requests"].as_object()?.iter().next()?;
    let row = rows.get(index.parse::<usize>().ok()?)?;
    let response = &fault["response"];
    let message = response["message"].as_str().or(fault["message"].as_str()).unwrap_or("refused");
    Some((row.line, explain(message, response)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    fn refusal(status: u16, body: Json) -> Error {
        Error::Response { status, message: "m".into(), body, url: "u".into(), retry_after: None }
    }

    #[test]
    fn the_refused_row_is_named_by_its_line() {
        let rows: Vec<_> = [2, 5].map(|line| Row { line, fields: Map::new() }).into();
        let fault = json!({ "data": { "title": { "code": "c", "message": "Cannot be blank." } }, "message": "Failed." });
        let body = json!({ "data": { "requests": { "1": { "message": "Batch request failed.", "response": fault } } } });
        let found = refused_row(&refusal(400, body), &rows);
        assert_eq!(found, Some((5, "Failed: title: Cannot be blank".into())));
        let too_many =
            json!({ "data": { "requests": { "code": "validation_length_too_long", "message": "x" } } });
        for other in [Json::Null, too_many, json!({ "data": { "requests": { "9": {} } } })] {
            assert_eq!(refused_row(&refusal(400, other), &rows), None);
        }
    }

    #[test]
    fn a_server_without_batches_says_so() {
        for (status, none) in [(403, true), (404, true), (400, false), (500, false)] {
            assert_eq!(takes_none(&refusal(status, Json::Null)), none, "{status}");
        }
        let taken = json!({ "data": { "id": { "code": "validation_not_unique", "message": "x" } } });
        assert!(is_taken(&refusal(400, taken)) && !is_taken(&refusal(400, Json::Null)));
    }
}
