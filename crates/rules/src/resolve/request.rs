//! `@request.*`: what is known of the request.

use super::path::{Modifier, Walk, element, split_modifier};
use super::{Resolver, Result, invalid};
use crate::compare::{Literals, Resolved};
use crate::node::{Operand, Source, Target};
use crate::rule::{Audience, ResolveError};
use crate::scalar::Scalar;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;
use tidewire_model::field::FieldKind;
use tidewire_model::{Field, Record, Value};

/// A value of the request by its path.
#[derive(Default)]
struct Found<'a> {
    /// something stands there, though it may be null
    present: bool,
    value: Option<Cow<'a, Json>>,
}

impl Resolver<'_> {
    /// `rest` is what follows `@request.`
    pub(super) fn request(&mut self, name: &str, rest: &str) -> Result<Resolved> {
        let props: Vec<_> = rest.split('.').collect();
        if self.audience == Audience::Realtime && props[0] != "auth" {
            return Err(ResolveError::RequestForbidden);
        }
        match props.as_slice() {
            ["context" | "method"] => self.plain(name, &props),
            ["auth", first, ..] => self.auth(first, &props),
            ["body", first, rest @ ..] => self.body(name, first, rest, &props),
            ["query" | "headers", _, ..] => self.plain(name, &props),
            _ => invalid(format!("failed to resolve field {name:?}")),
        }
    }

    fn auth(&mut self, first: &str, props: &[&str]) -> Result<Resolved> {
        let facts = self.facts;
        let Some(record) = facts.principal.record() else { return Ok(Resolved::null()) };
        let is_plain = matches!(
            first,
            "id" | "collectionId" | "collectionName" | "email" | "emailVisibility" | "verified"
        );
        if props.len() == 2 && is_plain {
            return Ok(plain_of(record, first));
        }
        let tenant = record.tenant.clone();
        let mut walk = Walk::of_record(record);
        let mut inner = Resolver {
            root: self.root,
            next: self.next,
            joins: std::mem::take(&mut self.joins),
            guarded: std::mem::take(&mut self.guarded),
            ..Resolver::new(self.catalog, &tenant, self.base, self.audience, self.facts)
        };
        let resolved = inner.walk(&mut walk, &props[1..]);
        (self.next, self.joins, self.guarded) = (inner.next, inner.joins, inner.guarded);
        resolved
    }

    fn body(&mut self, name: &str, first: &str, rest: &[&str], props: &[&str]) -> Result<Resolved> {
        let (field_name, modifier) = split_modifier(first)?;
        let base = self.base.clone();
        let Some(field) = base.field(field_name) else { return self.plain(name, props) };
        if matches!(field.kind, FieldKind::Relation(_)) && !rest.is_empty() {
            return self.body_relation(field, rest);
        }
        match modifier.filter(|_| rest.is_empty()) {
            Some(Modifier::Each) => self.body_each(field),
            Some(Modifier::Length) => self.body_length(field),
            Some(Modifier::Lower) => {
                let text = self.facts.body.get(field_name).map(go_text).unwrap_or_default();
                Ok(Resolved::literal(Scalar::Text(Cow::Owned(text)).lower()))
            }
            Some(Modifier::Changed) => self.changed(field_name),
            _ => self.plain(name, props),
        }
    }

    fn body_relation(&mut self, field: &Field, rest: &[&str]) -> Result<Resolved> {
        let collection_id = field.kind.relation().map_or("", |options| &options.collection_id);
        let Some(collection) = self.by_id(collection_id) else {
            let name = &field.name;
            return invalid(format!("failed to load collection {collection_id:?} from data field {name:?}"));
        };
        let ids = self.facts.body.get(&*field.name).map(ids_of).unwrap_or_default();
        if ids.is_empty() {
            return Ok(Resolved::null());
        }
        let target = Target { collection: collection.clone(), tenant: self.tenant.clone() };
        let source = Source::Ids { ids: ids.into(), target };
        let mut walk = Walk::of_source(source, &collection, field.kind.is_multiple());
        self.walk(&mut walk, rest)
    }

    fn body_each(&mut self, field: &Field) -> Result<Resolved> {
        check_multi_capable(field)?;
        let items: Arc<[_]> = self.body_items(field).iter().map(element_of).collect();
        let walk = Walk::of_items(Source::Items(items), self.base, field.kind.is_multiple());
        let resolved = self.lay_out(&walk, element)?;
        Ok(Resolved { literals: Literals::One { empty: false }, ..resolved })
    }

    fn body_length(&mut self, field: &Field) -> Result<Resolved> {
        check_multi_capable(field)?;
        let count = i64::try_from(self.body_items(field).len()).unwrap_or(i64::MAX);
        Ok(Resolved::new(Operand::int(count)))
    }

    fn body_items(&self, field: &Field) -> Vec<Json> {
        match self.facts.body.get(&*field.name) {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(items)) => items.clone(),
            Some(other) => vec![other.clone()],
        }
    }

    /// A value that is at hand, with `:isset` or `:lower`.
    fn plain(&mut self, name: &str, props: &[&str]) -> Result<Resolved> {
        let (last, before) = props.split_last().unwrap_or((&"", &[]));
        let (last, modifier) = split_modifier(last)?;
        if name.split('.').any(str::is_empty) {
            return invalid(format!("failed to resolve field {name:?}"));
        }
        let path: Vec<_> = before.iter().copied().chain([last]).collect();
        let found = self.lookup(&path);
        match modifier {
            Some(Modifier::IsSet) => return Ok(Resolved::new(Operand::int(found.present.into()))),
            None | Some(Modifier::Lower) => {}
            Some(other) => {
                let suffix = format!("{other:?}").to_ascii_lowercase();
                return invalid(format!("invalid modifier sequence {last}:{suffix}"));
            }
        }
        let Some(value) = found.value.as_deref().filter(|value| !value.is_null()) else {
            return Ok(Resolved::null());
        };
        let mut resolved = literal_of(self.as_number(last, value).as_ref().unwrap_or(value));
        if modifier == Some(Modifier::Lower) {
            resolved.operand = Operand::Lower(Box::new(resolved.operand));
        }
        Ok(resolved)
    }

    /// Forms send numbers as text: what is named as a number field is read as one.
    fn as_number(&self, name: &str, value: &Json) -> Option<Json> {
        let text = value.as_str()?;
        let is_number = matches!(self.base.field(name)?.kind, FieldKind::Number(_));
        let number: f64 = text.parse().ok().filter(|_| is_number)?;
        serde_json::Number::from_f64(number).map(Json::Number)
    }

    fn lookup(&self, path: &[&str]) -> Found<'_> {
        let text =
            |text: &str| Found { present: true, value: Some(Cow::Owned(Json::String(text.to_owned()))) };
        match path {
            ["context"] => text(&self.facts.context),
            ["method"] => text(&self.facts.method),
            ["query", name] => self.facts.query.get(*name).map_or_else(Found::default, |found| text(found)),
            ["headers", name] => {
                self.facts.headers.get(*name).map_or_else(Found::default, |found| text(found))
            }
            ["body", first, rest @ ..] => {
                let value = self.facts.body.get(*first).and_then(|value| descend(value, rest));
                Found { present: value.is_some(), value: value.map(Cow::Borrowed) }
            }
            _ => Found::default(),
        }
    }
}

fn descend<'a>(value: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter().try_fold(value, |value, part| match value {
        Json::Object(map) => map.get(*part),
        Json::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn check_multi_capable(field: &Field) -> Result<()> {
    if crate::node::is_multi_capable(&field.kind) {
        return Ok(());
    }
    invalid(format!("field {:?} doesn't support multivalue operations", field.name))
}

/// The fields that need no join even in PocketBase.
fn plain_of(record: &Record, name: &str) -> Resolved {
    match name {
        "collectionId" => Resolved::literal(Scalar::text(&record.collection.id).into_owned()),
        "collectionName" => Resolved::literal(Scalar::text(&record.collection.name).into_owned()),
        name => match record.get(name) {
            Some(Value::Bool(value)) => literal_of(&Json::Bool(*value)),
            Some(value) => Resolved::literal(Scalar::text(value.as_str()).into_owned()),
            None => Resolved::null(),
        },
    }
}

fn literal_of(value: &Json) -> Resolved {
    let scalar = match value {
        Json::Null => return Resolved::null(),
        Json::Bool(value) => {
            let pattern = Some(Operand::text(if *value { "%true%" } else { "%false%" }));
            return Resolved { pattern, ..Resolved::literal(Scalar::Int((*value).into())) };
        }
        Json::Number(number) => Scalar::Real(number.as_f64().unwrap_or_default()),
        Json::String(text) => Scalar::Text(Cow::Owned(text.clone())),
        other => Scalar::Text(Cow::Owned(other.to_string())),
    };
    Resolved::literal(scalar)
}

/// An element as `json_each` yields it.
fn element_of(item: &Json) -> Scalar<'static> {
    crate::eval::json_scalar(item).into_owned()
}

/// A plain value as text; lists and objects have none.
fn go_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.as_f64().unwrap_or_default().to_string(),
        _ => String::new(),
    }
}

/// The distinct ids that a relation value names; text may be a JSON list of them.
fn ids_of(value: &Json) -> Vec<Box<str>> {
    let mut ids: Vec<Box<str>> = Vec::new();
    let mut add = |id: String| {
        if !id.is_empty() && !ids.iter().any(|known| **known == *id) {
            ids.push(id.into());
        }
    };
    match value {
        Json::Array(items) => items.iter().for_each(|item| add(go_text(item))),
        Json::String(text) => match serde_json::from_str::<Vec<String>>(text) {
            Ok(list) => list.into_iter().for_each(add),
            Err(_) => add(text.clone()),
        },
        other => add(go_text(other)),
    }
    ids
}
