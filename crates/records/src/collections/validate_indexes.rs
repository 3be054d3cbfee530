//! Indexes of a definition.

use super::fault::{Faults, fault, with};
use super::index::{Index, unique_on};
use super::validate::Check;
use crate::error::Fault;
use serde_json::json;
use tidewire_model::Collection;

pub(super) fn check(check: &Check<'_>, faults: &mut Faults) {
    let indexes: Vec<_> = check.new.indexes.iter().map(|sql| Index::parse(sql)).collect();
    for (at, index) in indexes.iter().enumerate() {
        let fault = match index {
            None => Some(fault("validation_invalid_index_expression", "Invalid CREATE INDEX expression.")),
            Some(index) => duplicate(index, &indexes[..at]).or_else(|| taken_elsewhere(check, index)),
        };
        if fault.is_some() {
            return faults.check(&["indexes", &at.to_string()], fault);
        }
    }
    faults.check(&["indexes"], system_index(check, &indexes).or_else(|| auth_index(check.new)));
    // As in PocketBase, where SQLite is asked only once all else is well.
    if faults.is_empty() {
        for (at, index) in indexes.iter().enumerate() {
            let fault = index.as_ref().and_then(|index| missing_column(check.new, index));
            faults.check(&["indexes", &at.to_string()], fault);
        }
    }
}

fn duplicate(index: &Index, before: &[Option<Index>]) -> Option<Fault> {
    let before = || before.iter().flatten();
    if before().any(|other| other.name.eq_ignore_ascii_case(&index.name)) {
        return Some(fault("validation_duplicated_index_name", "The index name already exists."));
    }
    let nameless = |index: &Index| Index { name: "i".into(), schema: "i".into(), ..index.clone() };
    before()
        .any(|other| nameless(other) == nameless(index))
        .then(|| fault("validation_duplicated_index_definition", "The index definition already exists."))
}

fn taken_elsewhere(check: &Check<'_>, index: &Index) -> Option<Fault> {
    let has = |other: &&std::sync::Arc<Collection>| {
        other
            .indexes
            .iter()
            .filter_map(|sql| Index::parse(sql))
            .any(|other| other.name.eq_ignore_ascii_case(&index.name))
    };
    let other = check.catalog.all().iter().filter(|other| other.id != check.new.id).find(has)?;
    let name = &other.name;
    Some(with(
        "validation_existing_index_name",
        format!("The index name is already used in {name} collection."),
        json!({ "usedTableName": name }),
    ))
}

fn missing_column(collection: &Collection, index: &Index) -> Option<Fault> {
    let exists = |name: &str| collection.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
    let column = index.columns.iter().find(|column| !column.is_expression() && !exists(&column.name))?;
    let (index, column) = (&index.name, &column.name);
    Some(fault(
        "validation_invalid_index_expression",
        format!("Failed to create index {index} - SQL logic error: no such column: {column} (1)."),
    ))
}

/// Unique indexes on system fields must stay; their name, collation and order may change.
fn system_index(check: &Check<'_>, indexes: &[Option<Index>]) -> Option<Fault> {
    let old = check.old?;
    let is_system =
        |name: &str| old.fields.iter().any(|field| field.system && field.name.eq_ignore_ascii_case(name));
    for before in old.indexes.iter().filter_map(|sql| Index::parse(sql)).filter(|index| index.unique) {
        let Some(column) = before.columns.iter().find(|column| is_system(&column.name)) else { continue };
        let kept = indexes.iter().flatten().any(|index| index.unique && columns(index) == columns(&before));
        if !kept {
            let name = &column.name;
            return Some(with(
                "validation_invalid_unique_system_field_index",
                format!("Unique index definition on system fields ({name}) is invalid or missing."),
                json!({ "fieldName": name }),
            ));
        }
    }
    None
}

fn columns(index: &Index) -> Vec<&str> {
    index.columns.iter().map(|column| column.name.as_str()).collect()
}

fn auth_index(collection: &Collection) -> Option<Fault> {
    let missing = |name: &&str| collection.is_auth() && unique_on(&collection.indexes, name).is_none();
    let name = ["tokenKey", "email"].into_iter().find(missing)?;
    Some(with(
        "validation_missing_required_unique_index",
        format!("Missing required unique index for field \"{name}\"."),
        json!({ "fieldName": name }),
    ))
}
