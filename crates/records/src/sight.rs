//! How records of one collection look to one reader, written without a JSON tree.

use crate::fields::Fields;
use crate::formulas::Formulas;
use crate::mask::{BULLETS, masked};
use crate::personal;
use crate::rule::{bind_text, layout};
use crate::{Asker, Body};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::sync::Arc;
use tidewire_model::field::Mask;
use tidewire_model::json::{self, Escape};
use tidewire_model::{Catalog, Collection, Field, Record, Timestamp, Value};
use tidewire_rules::{Audience, Residual, Truth};

/// How records of one collection look to one reader (or one class of readers).
#[derive(Clone, Debug)]
pub struct Sight {
    /// hidden fields are shown
    pub superuser: bool,
    /// personal data are masked
    masked: bool,
    /// for auth collections: in which records the e-mail address is shown
    pub email: Residual,
    layout: Arc<Layout>,
}

/// The members of a collection's records in the order of their names.
#[derive(Debug)]
pub(crate) struct Layout {
    collection: Arc<Collection>,
    members: Vec<Member>,
    /// some member holds personal data
    personal: bool,
    pub(crate) formulas: Arc<Formulas>,
}

#[derive(Debug)]
struct Member {
    name: Box<str>,
    /// the name in quotes with its colon
    key: Box<[u8]>,
    source: Source,
    hidden: bool,
    look: Look,
}

/// What is shown instead of what is stored.
#[derive(Debug)]
struct Look {
    /// for null: clients of this format know no nulls
    unset: Option<Value>,
    mask: Option<Mask>,
    encrypted: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Field(usize),
    /// a field that is not stored
    Computed(usize),
    /// the address of an auth record
    Email(usize),
    /// the same in all records
    Fixed(Box<str>),
}

impl Sight {
    pub fn of(asker: &Asker, catalog: &Arc<Catalog>, collection: &Arc<Collection>) -> Self {
        let superuser = asker.is_superuser();
        let email = if superuser || !collection.is_auth() {
            Residual::always()
        } else {
            shown_address(asker, catalog, collection)
        };
        let layout = layout(catalog, collection);
        let masked = layout.personal && !personal::may_see(asker);
        Self { superuser, masked, email, layout }
    }

    /// Appended to class keys: equal texts, equal sight.
    pub fn write_key(&self, out: &mut String) {
        out.push(if self.superuser { 's' } else { 'c' });
        if self.masked {
            out.push('m');
        }
        if !self.superuser && self.layout.collection.is_auth() {
            self.email.write_key(out);
        }
    }

    /// Writes the record's JSON without asking the store; `Truth::Ask` counts as no.
    pub fn write(&self, record: &Record, escape: Escape, out: &mut Vec<u8>) {
        self.write_members(record, self.shows_email(record), None, escape, out);
    }

    /// The same with `fields` applied.
    pub fn write_fields(&self, record: &Record, fields: &Fields, escape: Escape, out: &mut Vec<u8>) {
        let email = self.shows_email(record);
        if fields.is_flat() {
            self.write_members(record, email, Some(fields), escape, out);
        } else {
            json::write(out, &fields.pick(&Json::Object(self.members(record, email))), escape);
        }
    }

    fn shows_email(&self, record: &Record) -> bool {
        !record.collection.is_auth() || self.email.eval(record, Timestamp::now()) == Truth::Yes
    }

    fn write_members(
        &self,
        record: &Record,
        email: bool,
        fields: Option<&Fields>,
        escape: Escape,
        out: &mut Vec<u8>,
    ) {
        let layout = self.layout_for(record);
        let mut separator = b'{';
        for member in self.visible(&layout, email) {
            if fields.is_some_and(|fields| !fields.keeps(&member.name)) {
                continue;
            }
            out.push(separator);
            separator = b',';
            out.extend_from_slice(&member.key);
            match &member.source {
                Source::Field(index) | Source::Email(index) => {
                    json::write_value(out, &member.look.of(&record.values[*index], self.masked), escape);
                }
                Source::Computed(index) => {
                    let value = layout.formulas.value(*index, record);
                    json::write_value(out, &member.look.of(&value, self.masked), escape);
                }
                Source::Fixed(text) => json::write_text(out, text, escape),
            }
        }
        for (key, value) in keys_of(record, &layout) {
            if fields.is_none_or(|fields| fields.keeps(key)) {
                out.push(separator);
                separator = b',';
                json::write_text(out, key, escape);
                out.push(b':');
                json::write(out, value, escape);
            }
        }
        if separator == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }

    /// The members as a map, to be expanded and picked from.
    pub(crate) fn members(&self, record: &Record, email: bool) -> Map<String, Json> {
        let layout = self.layout_for(record);
        let shown = self.visible(&layout, email).map(|member| {
            let value = match &member.source {
                Source::Field(index) | Source::Email(index) => {
                    member.look.of(&record.values[*index], self.masked).to_json()
                }
                Source::Computed(index) => {
                    member.look.of(&layout.formulas.value(*index, record), self.masked).to_json()
                }
                Source::Fixed(text) => Json::String(text.to_string()),
            };
            (member.name.to_string(), value)
        });
        let keys = keys_of(record, &layout).map(|(key, value)| (key.clone(), value.clone()));
        shown.chain(keys).collect()
    }

    fn visible<'a>(&self, layout: &'a Layout, email: bool) -> impl Iterator<Item = &'a Member> {
        let superuser = self.superuser;
        layout.members.iter().filter(move |member| {
            (superuser || !member.hidden) && (email || !matches!(member.source, Source::Email(_)))
        })
    }

    /// Images that were written with an older definition are laid out by that.
    fn layout_for(&self, record: &Record) -> Arc<Layout> {
        if Arc::ptr_eq(&self.layout.collection, &record.collection) {
            return self.layout.clone();
        }
        Arc::new(Layout::new(&record.collection))
    }
}

impl Layout {
    pub(crate) fn new(collection: &Arc<Collection>) -> Self {
        let auth = collection.is_auth();
        let formulas = Formulas::new(collection);
        let mut members: Vec<Member> = Vec::with_capacity(collection.fields.len() + 2);
        for (index, field) in collection.fields.iter().enumerate() {
            let source = match &*field.name {
                // never shown, not even to superusers
                "password" | "tokenKey" if auth => continue,
                "email" if auth => Source::Email(index),
                // its keys are shown beside the other fields
                Collection::DATA if collection.open => continue,
                _ if field.formula().is_some() => Source::Computed(index),
                _ => Source::Field(index),
            };
            let hidden = field.hidden || !is_projected(collection, &field.name);
            let mut look = Look::new(field);
            look.mask = look.mask.or(formulas.mask(index));
            members.push(Member { hidden, look, ..Member::new(&field.name, source) });
        }
        members.push(Member::new("collectionId", Source::Fixed(collection.id.clone())));
        members.push(Member::new("collectionName", Source::Fixed(collection.name.clone())));
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let personal = members.iter().any(|member| member.look.mask.is_some());
        Self { collection: collection.clone(), members, personal, formulas: Arc::new(formulas) }
    }

    pub(crate) fn is_of(&self, collection: &Arc<Collection>) -> bool {
        Arc::ptr_eq(&self.collection, collection)
    }
}

impl Member {
    fn new(name: &str, source: Source) -> Self {
        let mut key = Vec::with_capacity(name.len() + 3);
        json::write_text(&mut key, name, Escape::Ascii);
        key.push(b':');
        let look = Look { unset: None, mask: None, encrypted: false };
        Self { name: name.into(), key: key.into(), source, hidden: false, look }
    }
}

impl Look {
    fn new(field: &Field) -> Self {
        let extra = field.extra.as_deref();
        Self {
            unset: field.nullable.then(|| field.kind.zero()),
            mask: extra.and_then(|extra| extra.mask),
            encrypted: extra.is_some_and(|extra| extra.encrypted),
        }
    }

    fn of<'a>(&'a self, value: &'a Value, hide: bool) -> Cow<'a, Value> {
        match (value, &self.unset) {
            (Value::Null, Some(unset)) => Cow::Borrowed(unset),
            _ if self.encrypted => Cow::Owned(Value::text(BULLETS)),
            _ => match self.mask.filter(|_| hide) {
                Some(mask) => Cow::Owned(masked(mask, value)),
                None => Cow::Borrowed(value),
            },
        }
    }
}

/// The keys of an open collection's record; those that are called as a member are not shown.
fn keys_of<'a>(record: &'a Record, layout: &'a Layout) -> impl Iterator<Item = (&'a String, &'a Json)> {
    let data = match record.get(Collection::DATA).filter(|_| record.collection.open) {
        Some(Value::Json(Json::Object(data))) => Some(data),
        _ => None,
    };
    let is_free = |key: &str| !layout.members.iter().any(|member| *member.name == *key);
    data.into_iter().flatten().filter(move |(key, _)| is_free(key))
}

/// Lists and single records are not told apart here: what either leaves out is left out.
fn is_projected(collection: &Collection, name: &str) -> bool {
    let projections = &collection.projections;
    let keeps = |names: &Option<Vec<Box<str>>>| {
        names.as_ref().is_none_or(|names| names.iter().any(|shown| **shown == *name))
    };
    let system = matches!(name, "id" | "created_at" | "created_by" | "updated_at" | "updated_by");
    system || (keeps(&projections.list) && keeps(&projections.view))
}

/// Shown if the record says so, to the record itself, and to those who manage it.
fn shown_address(asker: &Asker, catalog: &Arc<Catalog>, collection: &Arc<Collection>) -> Residual {
    let bound = |text: &str| {
        bind_text(catalog, collection, asker, Audience::Rule, text, &Body::new())
            .unwrap_or_else(|_| Residual::never())
    };
    let visible = bound("emailVisibility = true");
    if asker.principal.identity().is_none() {
        return visible;
    }
    let own_or_open = visible.or(bound("id = @request.auth.id"));
    let manage = collection.auth.as_ref().and_then(|auth| auth.manage_rule.as_deref());
    match manage.filter(|rule| !rule.is_empty()) {
        Some(rule) => own_or_open.or(bound(rule)),
        None => own_or_open,
    }
}
