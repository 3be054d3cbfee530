//! One request inside of a batch.

use crate::asker::snake_case;
use crate::body::BodyError;
use crate::call::Call;
use crate::error::ApiError;
use crate::fault::{blank, fault, too_long};
use crate::query::Query;
use crate::records::{CREATE_FAILED, DELETE_FAILED, MISSING, UPDATE_FAILED, require_open};
use crate::shape::Shape;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Record};
use tidewire_records::error::FieldErrors;
use tidewire_records::{Asker, Body, RecordError, prepare};
use tidewire_store::Tx;

/// Bytes of a URL.
const MAX_URL: usize = 2000;

/// A member of `requests`, as it was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: Body,
}

/// What it asks for.
#[derive(Clone, Debug, PartialEq)]
enum Action {
    Create,
    Update(String),
    Upsert,
    Delete(String),
}

/// An operation that only needs the transaction.
#[derive(Clone)]
pub struct Prepared {
    action: Action,
    collection: Arc<Collection>,
    asker: Asker,
    shape: Shape,
    body: tidewire_records::Prepared,
}

impl Operation {
    pub fn read(item: &Json) -> Result<Self, BodyError> {
        let mut operation = Self::default();
        let Json::Object(map) = item else {
            return if item.is_null() { Ok(operation) } else { Err(BodyError::Malformed) };
        };
        for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            match (name.to_lowercase().as_str(), value) {
                ("method", Json::String(text)) => operation.method.clone_from(text),
                ("url", Json::String(text)) => operation.url.clone_from(text),
                ("body", Json::Object(body)) => operation.body.clone_from(body),
                ("headers", Json::Object(headers)) => operation.headers = read_headers(headers)?,
                ("method" | "url" | "body" | "headers", _) => return Err(BodyError::Malformed),
                _ => {}
            }
        }
        Ok(operation)
    }

    /// What is wrong with method and URL by themselves.
    pub fn faults(&self) -> FieldErrors {
        let method = match self.method.as_str() {
            "" => Some(blank()),
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => None,
            _ => Some(fault("validation_in_invalid", "Must be a valid value.", Map::new())),
        };
        let url = match self.url.len() {
            0 => Some(blank()),
            length if length > MAX_URL => Some(too_long(MAX_URL)),
            _ => None,
        };
        let named = [("method", method), ("url", url)].into_iter();
        FieldErrors(named.filter_map(|(name, fault)| Some((name.to_owned(), fault?))).collect())
    }

    /// Finds the collection and hashes a password, so that the transaction does not have to.
    pub async fn prepare(self, call: &Call) -> Result<Prepared, ApiError> {
        let (name, action, raw_query) = self.target().ok_or_else(|| ApiError::bad_request(""))?;
        let catalog: Arc<Catalog> = call.catalog();
        let collection =
            catalog.find(&call.asker.tenant, &name).ok_or_else(|| ApiError::not_found(MISSING))?;
        let query = Query::parse(&raw_query);
        let asker = self.asker(&call.asker, &query);
        if let Action::Create = action {
            require_open(&collection.rules.create, &asker)?;
        }
        let failure = if action == Action::Create { CREATE_FAILED } else { UPDATE_FAILED };
        let id = match &action {
            Action::Update(id) => Some(id.clone()),
            Action::Upsert => self.body.get("id").and_then(Json::as_str).map(str::to_owned),
            Action::Create | Action::Delete(_) => None,
        };
        let (store, passwords) = (&call.app.store, &call.app.passwords);
        if let Action::Delete(_) = &action {
            let (collection, shape) = (collection.clone(), Shape::of(&query));
            let body = tidewire_records::Prepared::default();
            return Ok(Prepared { action, collection, asker, shape, body });
        }
        let body = prepare::prepare(store, passwords, &asker, collection, id.as_deref(), self.body).await;
        let body = body.map_err(|error| ApiError::of_record(error, failure))?;
        Ok(Prepared { action, collection: collection.clone(), asker, shape: Shape::of(&query), body })
    }

    /// Collection, action and query that method and URL stand for; `None` for any other request.
    fn target(&self) -> Option<(String, Action, String)> {
        let (path, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let mut parts = path.strip_prefix("/api/collections/")?.split('/');
        let collection = parts.next().filter(|name| !name.is_empty())?;
        if parts.next() != Some("records") {
            return None;
        }
        let id = parts.next();
        if parts.next().is_some() {
            return None;
        }
        let action = match (self.method.as_str(), id) {
            ("POST", None) => Action::Create,
            ("PUT", None) => Action::Upsert,
            ("PATCH", Some(id)) if !id.is_empty() => Action::Update(id.to_owned()),
            ("DELETE", Some(id)) if !id.is_empty() => Action::Delete(id.to_owned()),
            _ => return None,
        };
        Some((collection.to_owned(), action, query.to_owned()))
    }

    /// Who sent the batch, with this operation's own query and headers. It cannot change who that is.
    fn asker(&self, sender: &Asker, query: &Query) -> Asker {
        let mut headers = sender.headers.clone();
        let own = self.headers.iter().filter(|(name, _)| name.as_str() != "authorization");
        headers.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        Asker {
            context: "batch",
            method: self.method.clone(),
            query: query.first_values(),
            headers,
            principal: sender.principal.clone(),
            tenant: sender.tenant.clone(),
            language: sender.language,
        }
    }
}

impl Prepared {
    /// Does it and appends its result.
    pub fn run(mut self, tx: &mut Tx<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let current = tx.catalog().by_id(&self.collection.id).cloned();
        self.collection = current.ok_or_else(|| ApiError::not_found(MISSING))?;
        if self.action == Action::Upsert {
            self.settle(tx)?;
        }
        let record = match &self.action {
            Action::Delete(id) => {
                let deleted = tidewire_records::delete::delete(tx, &self.asker, &self.collection, id);
                deleted.map_err(|error| ApiError::of_record(error, DELETE_FAILED))?;
                out.extend_from_slice(b"{\"body\":null,\"status\":204}");
                return Ok(());
            }
            Action::Update(id) => self.update(tx, id)?,
            Action::Create | Action::Upsert => self.create(tx)?,
        };
        out.extend_from_slice(b"{\"body\":");
        self.shape.write(tx, &self.asker, &record, out)?;
        out.extend_from_slice(b",\"status\":200}");
        Ok(())
    }

    /// An upsert is an update if the record exists, else a create.
    fn settle(&mut self, tx: &Tx<'_>) -> Result<(), ApiError> {
        let id = match self.body.body.get("id") {
            Some(Json::String(id)) => id.clone(),
            Some(Json::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let exists = !id.is_empty() && tx.get(&self.collection, &self.asker.tenant, &id)?.is_some();
        let (action, method) = if exists { (Action::Update(id), "PATCH") } else { (Action::Create, "POST") };
        self.action = action;
        self.asker.method = method.to_owned();
        Ok(())
    }

    fn create(&self, tx: &mut Tx<'_>) -> Result<Arc<Record>, ApiError> {
        let record = tidewire_records::create::create(tx, &self.asker, &self.collection, &self.body);
        record.map_err(|error| ApiError::of_record(error, CREATE_FAILED))
    }

    fn update(&self, tx: &mut Tx<'_>, id: &str) -> Result<Arc<Record>, ApiError> {
        let record: Result<_, RecordError> =
            tidewire_records::update::update(tx, &self.asker, &self.collection, id, &self.body);
        record.map_err(|error| ApiError::of_record(error, UPDATE_FAILED))
    }
}

fn read_headers(headers: &Body) -> Result<BTreeMap<String, String>, BodyError> {
    let text = |(name, value): (&String, &Json)| match value {
        Json::String(value) => Ok((snake_case(name), value.clone())),
        Json::Null => Ok((snake_case(name), String::new())),
        _ => Err(BodyError::Malformed),
    };
    headers.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_record_writes_may_be_batched() {
        for (method, url, expected) in [
            ("POST", "/api/collections/a/records", Some(("a", Action::Create, ""))),
            ("POST", "/api/collections/a/records?fields=id", Some(("a", Action::Create, "fields=id"))),
            ("PUT", "/api/collections/a/records", Some(("a", Action::Upsert, ""))),
            ("PATCH", "/api/collections/a/records/1", Some(("a", Action::Update("1".into()), ""))),
            ("DELETE", "/api/collections/a/records/1", Some(("a", Action::Delete("1".into()), ""))),
            ("GET", "/api/collections/a/records", None),
            ("POST", "/api/collections/a/records/1", None),
            ("PATCH", "/api/collections/a/records", None),
            ("PATCH", "/api/collections/a/records/", None),
            ("DELETE", "/api/collections/a/records/1/x", None),
            ("POST", "/api/collections//records", None),
            ("POST", "http://h/api/collections/a/records", None),
            ("POST", "/api/settings", None),
            ("", "", None),
        ] {
            let operation = Operation::read(&json!({ "method": method, "url": url })).unwrap();
            let expected = expected.map(|(name, action, query)| (name.to_owned(), action, query.to_owned()));
            assert_eq!(operation.target(), expected, "{method} {url}");
        }
    }

    #[test]
    fn method_and_url_are_checked_first() {
        let long = "x".repeat(MAX_URL + 1);
        for (method, url, faults) in [
            ("POST", "x", vec![]),
            ("post", "x", vec!["method"]),
            ("", "", vec!["method", "url"]),
            ("GET", long.as_str(), vec!["url"]),
        ] {
            let operation = Operation::read(&json!({ "method": method, "url": url })).unwrap();
            assert_eq!(operation.faults().0.into_keys().collect::<Vec<_>>(), faults, "{method} {url}");
        }
    }

    #[test]
    fn members_of_another_type_are_malformed() {
        for (item, sound) in [
            (json!(null), true),
            (json!({}), true),
            (json!({"METHOD": "POST", "other": 1, "body": null}), true),
            (json!("x"), false),
            (json!({"method": 1}), false),
            (json!({"body": []}), false),
            (json!({"headers": {"a": 1}}), false),
        ] {
            assert_eq!(Operation::read(&item).is_ok(), sound, "{item}");
        }
    }
}
