//! The `expand` option: references that are replaced by the records they name.

use crate::error::ApiError;
use crate::field_type::FieldType;
use crate::records::answer::Writer;
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_model::{Collection, Field, Record, json};
use tidewire_records::{RecordError, view};
use tidewire_store::StoreError;

const DEPTH_MAX: usize = 3;
/// Paths in one option; more are ignored.
const PATHS_MAX: usize = 50;

/// Names to expand, each with what to expand below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion(BTreeMap<Box<str>, Expansion>);

impl Expansion {
    /// `a,b.c`; the first name of each path must be a reference of the collection.
    pub fn read(collection: &Collection, text: &str) -> Result<Self, ApiError> {
        let mut tree = Self::default();
        let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
        for path in paths.take(PATHS_MAX) {
            let name = path.split('.').next().unwrap_or(path);
            if !collection.field(name).is_some_and(is_expandable) {
                let message = format!("Field '{name}' is not a reference field");
                return Err(ApiError::message(StatusCode::BAD_REQUEST, "Invalid expand field", &message));
            }
            let mut at = &mut tree;
            for name in path.split('.').take(DEPTH_MAX) {
                at = at.0.entry(name.into()).or_default();
            }
        }
        Ok(tree)
    }

    pub fn below(&self, name: &str) -> Option<&Self> {
        self.0.get(name)
    }
}

impl Writer<'_> {
    /// Writes what a reference names, null if it is not there or not to be seen.
    pub fn write_expanded(
        &self,
        record: &Record,
        field: &Field,
        below: &Expansion,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let id = record.text(&field.name);
        let target = field.kind.relation().and_then(|relation| {
            self.snapshot.catalog().by_id(&relation.collection_id).filter(|_| !id.is_empty())
        });
        let Some(target) = target else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        if FieldType::of(field) == FieldType::User {
            return self.write_user(record, target, id, out);
        }
        let asker = tidewire_records::Asker { tenant: record.tenant.clone(), ..self.asker.clone() };
        match view::view(self.snapshot, &asker, target, id) {
            Ok(found) => self.nested(target).write_record(&found, below, out),
            Err(RecordError::Store(error)) => Err(error),
            Err(_) => {
                out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }

    fn write_user(
        &self,
        record: &Record,
        users: &Arc<Collection>,
        id: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let Some(user) = self.snapshot.get(users, &record.tenant, id)? else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
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
            json::write_text(out, name, json::Escape::Minimal);
            out.push(b':');
            match text {
                "" => out.extend_from_slice(b"null"),
                text => json::write_text(out, text, json::Escape::Minimal),
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn is_expandable(field: &Field) -> bool {
    !field.hidden && matches!(FieldType::of(field), FieldType::Reference | FieldType::User)
}
