//! The records that references name, found together and written in their place.

use crate::field_type::FieldType;
use crate::records::answer::Writer;
use crate::records::expansion::Expansion;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tidewire_model::json::{self, Escape};
use tidewire_model::{Collection, Field, Record, TenantId};
use tidewire_records::{Asker, view};
use tidewire_store::StoreError;

/// What some records name by the references that are expanded.
#[derive(Default)]
pub struct Related<'a>(BTreeMap<Box<str>, Named<'a>>);

/// What they name by one reference.
struct Named<'a> {
    /// by account, then by id; those that are not there or not to be seen are missing
    records: HashMap<TenantId, HashMap<Box<str>, Arc<Record>>>,
    form: Form<'a>,
}

/// How they are written.
enum Form<'a> {
    User,
    Record(Box<Writer<'a>>, Related<'a>),
}

impl<'a> Related<'a> {
    /// One query per reference, level and account.
    pub fn find(
        writer: &Writer<'a>,
        records: &[Arc<Record>],
        expansion: &Expansion,
    ) -> Result<Self, StoreError> {
        let mut related = BTreeMap::new();
        let Some(first) = records.first() else { return Ok(Self::default()) };
        for (name, below) in expansion.names() {
            let Some(field) = first.collection.field(name) else { continue };
            if let Some(named) = named(writer, records, field, below)? {
                related.insert(name.into(), named);
            }
        }
        Ok(Self(related))
    }

    /// Writes what a field names, null if it is not there; false if the field is not expanded.
    pub fn write(&self, record: &Record, field: &Field, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(named) = self.0.get(&field.name) else { return Ok(false) };
        let found = named.records.get(&record.tenant).and_then(|of| of.get(record.text(&field.name)));
        match (found, &named.form) {
            (None, _) => out.extend_from_slice(b"null"),
            (Some(user), Form::User) => write_user(user, out),
            (Some(found), Form::Record(writer, below)) => writer.write_record(found, below, out)?,
        }
        Ok(true)
    }
}

/// `None` if the field names no records.
fn named<'a>(
    writer: &Writer<'a>,
    records: &[Arc<Record>],
    field: &Field,
    below: &Expansion,
) -> Result<Option<Named<'a>>, StoreError> {
    let relation = field.kind.relation();
    let target = relation.and_then(|to| writer.snapshot.catalog().by_id(&to.collection_id));
    let Some(target) = target else { return Ok(None) };
    let is_user = FieldType::of(field) == FieldType::User;
    let mut ids: HashMap<&TenantId, BTreeSet<&str>> = HashMap::new();
    for record in records {
        let id = record.text(&field.name);
        if !id.is_empty() {
            ids.entry(&record.tenant).or_default().insert(id);
        }
    }
    let mut all = Vec::new();
    let mut by_account = HashMap::new();
    for (tenant, ids) in ids {
        let found = fetch(writer, target, tenant, &Vec::from_iter(ids), is_user)?;
        all.extend(found.iter().cloned());
        let by_id = found.into_iter().map(|record| (record.id().into(), record)).collect();
        by_account.insert(tenant.clone(), by_id);
    }
    let form = if is_user {
        Form::User
    } else {
        let inner = writer.nested(target);
        let below = Related::find(&inner, &all, below)?;
        Form::Record(Box::new(inner), below)
    };
    Ok(Some(Named { records: by_account, form }))
}

/// Users show little of themselves, and that to all of their account.
fn fetch(
    writer: &Writer<'_>,
    target: &Arc<Collection>,
    tenant: &TenantId,
    ids: &[&str],
    is_user: bool,
) -> Result<Vec<Arc<Record>>, StoreError> {
    if is_user {
        return writer.snapshot.get_many(target, tenant, ids);
    }
    let asker = Asker { tenant: tenant.clone(), ..writer.asker.clone() };
    view::view_many(writer.snapshot, &asker, target, ids)
}

fn write_user(user: &Record, out: &mut Vec<u8>) {
    let (first, last) = user.text("name").split_once(' ').unwrap_or((user.text("name"), ""));
    let members = [
        ("id", user.id()),
        ("email", user.text("email")),
        ("first_name", first),
        ("last_name", last),
        ("avatar_url", ""),
    ];
    for (index, (name, text)) in members.into_iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        json::write_text(out, name, Escape::Minimal);
        out.push(b':');
        match text {
            "" => out.extend_from_slice(b"null"),
            text => json::write_text(out, text, Escape::Minimal),
        }
    }
    out.push(b'}');
}
