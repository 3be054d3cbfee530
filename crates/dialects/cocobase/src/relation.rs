//! Documents that other documents name: `author_id` leads to `authors`, `user_id` to the app users.

use crate::body::Object;
use crate::call::{Deed, permits};
use crate::{collection, document, users};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Record, TenantId, Timestamp};
use tidewire_records::gate::{Which, gate};
use tidewire_records::{Asker, app_user};
use tidewire_rules::{DocumentFilter, Query, Residual};
use tidewire_store::{Snapshot, StoreError};

/// children that are shown of one document
const CHILDREN: u64 = 100;
/// relations in one path
const DEPTH: usize = 4;
/// paths in one request
const PATHS: usize = 16;

/// What the records of a relation are looked up in.
pub fn target(catalog: &Catalog, tenant: &TenantId, relation: &str) -> Option<Arc<Collection>> {
    let plural = plural(relation);
    if is_users(relation) || is_users(&plural) {
        return app_user::find(catalog, tenant);
    }
    collection::find(catalog, tenant, &plural).or_else(|| collection::find(catalog, tenant, relation))
}

/// Which records of a related collection the asker may see.
pub fn visible(snapshot: &Snapshot<'_>, asker: &Asker, target: &Arc<Collection>) -> Residual {
    if &*target.name == app_user::COLLECTION {
        return Residual::always();
    }
    if !target.open {
        return gate(snapshot.catalog(), target, Which::List, asker, "");
    }
    if permits(target, Deed::Read, &asker.principal) { Residual::always() } else { Residual::never() }
}

/// Who reads documents with their relations.
pub struct Reader<'a> {
    pub asker: &'a Asker,
    /// addresses of users are shown
    pub sees_addresses: bool,
}

/// Adds what `paths` name to the fields of each document.
pub fn populate(
    snapshot: &Snapshot<'_>,
    reader: &Reader<'_>,
    collection: &Collection,
    records: &[Arc<Record>],
    data: &mut [Object],
    paths: &[&str],
) -> Result<(), StoreError> {
    for path in paths.iter().take(PATHS) {
        for (record, data) in records.iter().zip(data.iter_mut()) {
            follow(snapshot, reader, collection, record, data, path, DEPTH)?;
        }
    }
    Ok(())
}

fn follow(
    snapshot: &Snapshot<'_>,
    reader: &Reader<'_>,
    collection: &Collection,
    record: &Record,
    data: &mut Object,
    path: &str,
    depth: usize,
) -> Result<(), StoreError> {
    let asker = reader.asker;
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, source) = step.split_once(':').unwrap_or((step, ""));
    let wanted = if source.is_empty() { name } else { source };
    let Some(target) = target(snapshot.catalog(), &asker.tenant, wanted).filter(|_| depth > 0) else {
        return Ok(());
    };
    let seen = visible(snapshot, asker, &target);
    let ids = |key: String| match data.get(&key) {
        Some(Json::String(id)) => vec![id.clone()],
        Some(Json::Array(ids)) => ids.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let (one, many) = (data.contains_key(&format!("{name}_id")), data.contains_key(&format!("{name}_ids")));
    let query = Query::new(&target, &asker.tenant, Timestamp::now()).filter(&seen);
    let query = if one || many {
        let ids = if one { ids(format!("{name}_id")) } else { ids(format!("{name}_ids")) };
        query.only("id", &ids.iter().map(String::as_str).take(1000).collect::<Vec<_>>())
    } else {
        let key = format!("{}_id", singular(&collection.name));
        let children = DocumentFilter::from_pairs([(key.as_str(), record.id())]).unwrap_or_default();
        query.filter(&children.residual(&target)).page(CHILDREN, 0)
    };
    let found = snapshot.select(&target, &query)?;
    let mut shown = Vec::with_capacity(found.len());
    let fields = document::data(snapshot, asker, &found)?;
    for (related, mut fields) in found.iter().zip(fields) {
        if !rest.is_empty() {
            follow(snapshot, reader, &target, related, &mut fields, rest, depth - 1)?;
        }
        shown.push(flat(reader, related, fields));
    }
    let value = if one { shown.into_iter().next().unwrap_or(Json::Null) } else { Json::Array(shown) };
    data.insert(name.to_owned(), value);
    Ok(())
}

/// A related record: its fields beside its id.
fn flat(reader: &Reader<'_>, record: &Record, fields: Object) -> Json {
    if &*record.collection.name == app_user::COLLECTION {
        let mut user = app_user::data(record);
        for (key, value) in [
            ("id", json!(record.id())),
            ("created_at", users::created_at(record)),
            ("roles", json!(app_user::roles(record))),
        ] {
            user.insert(key.to_owned(), value);
        }
        if reader.sees_addresses || reader.asker.principal.id() == record.id() {
            user.insert("email".to_owned(), record.text("email").into());
        }
        return Json::Object(user);
    }
    let mut object = fields;
    object.insert("id".to_owned(), record.id().into());
    Json::Object(object)
}

fn is_users(name: &str) -> bool {
    matches!(name, "user" | "users" | "app_user" | "app_users" | "appuser" | "appusers")
}

fn plural(name: &str) -> String {
    match name {
        name if name.ends_with('s') => format!("{name}es"),
        name => match name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{name}s"),
        },
    }
}

fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = name.strip_suffix("ses") {
        return format!("{stem}s");
    }
    name.strip_suffix('s').unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_and_of_many() {
        for (one, many) in
            [("post", "posts"), ("category", "categories"), ("bus", "buses"), ("author", "authors")]
        {
            assert_eq!((plural(one).as_str(), singular(many).as_str()), (many, one));
        }
    }
}
