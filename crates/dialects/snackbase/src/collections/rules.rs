//! Rules of a collection and the fields that each operation may show or set.

use crate::call::Call;
use crate::collections::all;
use crate::collections::define::{Refusal, keep_in};
use crate::error::ApiError;
use crate::record_json::is_system;
use crate::records::scope::object;
use crate::wire::{self, naive_time};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Timestamp};
use tidewire_records::collections::{RuleOf, check_rule};
use tidewire_records::{Body, RecordError};

/// The thirteen keys, in their order.
#[derive(Clone, Debug, Serialize)]
pub struct RulesShown {
    id: Box<str>,
    collection_id: Box<str>,
    #[serde(flatten)]
    rules: RuleTexts,
    created_at: String,
    updated_at: String,
}

/// Rules and lists of fields as texts.
#[derive(Clone, Debug, Serialize)]
pub struct RuleTexts {
    list_rule: Option<Box<str>>,
    view_rule: Option<Box<str>>,
    create_rule: Option<Box<str>>,
    update_rule: Option<Box<str>>,
    delete_rule: Option<Box<str>>,
    list_fields: String,
    view_fields: String,
    create_fields: String,
    update_fields: String,
}

impl RulesShown {
    fn of(collection: &Collection) -> Self {
        Self {
            id: collection.id.clone(),
            collection_id: collection.id.clone(),
            rules: RuleTexts::of(collection),
            created_at: naive_time(&collection.created),
            updated_at: naive_time(&collection.updated),
        }
    }
}

impl RuleTexts {
    pub fn of(collection: &Collection) -> Self {
        let (rules, fields) = (collection.rules.clone(), &collection.projections);
        Self {
            list_rule: rules.list,
            view_rule: rules.view,
            create_rule: rules.create,
            update_rule: rules.update,
            delete_rule: rules.delete,
            list_fields: fields_text(&fields.list),
            view_fields: fields_text(&fields.view),
            create_fields: fields_text(&fields.create),
            update_fields: fields_text(&fields.update),
        }
    }
}

/// `GET /collections/{name}/rules`
pub async fn view(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    Ok(wire::ok(&RulesShown::of(&*named(&call)?)))
}

/// `PUT /collections/{name}/rules`: keys that are absent keep their value.
pub async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let collection = named(&call)?;
    let body = object(call.json().await?)?;
    let updated = call.app.store.write(move |tx| {
        let old = tx.catalog().by_id(&collection.id).cloned().ok_or(RecordError::NotFound)?;
        let mut new = Collection::clone(&old);
        lay_over(tx.catalog(), &mut new, &body)?;
        new.updated = Timestamp::now().to_text().into();
        Ok::<_, Refusal>(RulesShown::of(&*keep_in(tx, new)?))
    });
    Ok(wire::ok(&updated.await?))
}

/// Lays the rules and lists of fields of a body over a definition.
pub fn lay_over(catalog: &Arc<Catalog>, collection: &mut Collection, body: &Body) -> Result<(), Refusal> {
    let judged = Arc::new(collection.clone());
    let rules = &mut collection.rules;
    for (of, rule) in [
        (RuleOf::List, &mut rules.list),
        (RuleOf::View, &mut rules.view),
        (RuleOf::Create, &mut rules.create),
        (RuleOf::Update, &mut rules.update),
        (RuleOf::Delete, &mut rules.delete),
    ] {
        let key = format!("{}_rule", of.as_str());
        let invalid = |reason: &str| Refusal::Rules(format!("Invalid {key}: {reason}"));
        match body.get(&key) {
            None => {}
            Some(Json::Null) => *rule = None,
            Some(Json::String(text)) => {
                let text = text.trim();
                if !text.is_empty() {
                    check_rule(catalog, &judged, of, text).map_err(|fault| invalid(&fault.message))?;
                }
                *rule = Some(text.into());
            }
            Some(_) => return Err(invalid("a rule must be a string or null")),
        }
    }
    let fields = &mut collection.projections;
    for (key, list) in [
        ("list_fields", &mut fields.list),
        ("view_fields", &mut fields.view),
        ("create_fields", &mut fields.create),
        ("update_fields", &mut fields.update),
    ] {
        if let Some(json) = body.get(key) {
            *list =
                names(&judged, json).map_err(|reason| Refusal::Rules(format!("Invalid {key}: {reason}")))?;
        }
    }
    Ok(())
}

/// `None` for `*`.
fn names(collection: &Collection, json: &Json) -> Result<Option<Vec<Box<str>>>, String> {
    let parsed;
    let list = match json {
        Json::Null => return Ok(None),
        Json::String(text) if text.trim() == "*" || text.trim().is_empty() => return Ok(None),
        Json::String(text) => {
            parsed = serde_json::from_str(text).unwrap_or_default();
            &parsed
        }
        other => other,
    };
    let Json::Array(items) = list else {
        return Err("must be \"*\" or a JSON array of field names".to_owned());
    };
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        let name = item.as_str().unwrap_or("");
        let known = is_system(name) || collection.field(name).is_some_and(|field| !field.hidden);
        if !known {
            return Err(format!("unknown field '{name}'"));
        }
        names.push(name.into());
    }
    Ok(Some(names))
}

fn fields_text(list: &Option<Vec<Box<str>>>) -> String {
    match list {
        None => "*".to_owned(),
        Some(names) => serde_json::to_string(names).unwrap_or_default(),
    }
}

fn named(call: &Call) -> Result<Arc<Collection>, ApiError> {
    let name = call.param("collection");
    let found =
        all(call).into_iter().find(|found| found.name.eq_ignore_ascii_case(name) || &*found.id == name);
    found.ok_or_else(|| ApiError::not_found(&format!("Collection '{name}' not found")))
}
