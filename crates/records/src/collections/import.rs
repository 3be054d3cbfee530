use super::draft::{self, Draft};
use super::fault::{Faults, fault};
use super::save::save;
use super::update::rotate_secret;
use super::validate::{Check, with_changed, with_new};
use super::{draft as drafts, fields};
use crate::error::{Fault, FieldErrors};
use crate::{Body, RecordError};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Field, TenantId};
use tidewire_store::Tx;

/// One definition of an import, with the stored one it stands for.
struct Imported {
    draft: Draft,
    new: Arc<Collection>,
    old: Option<Arc<Collection>>,
}

/// Creates and changes collections together: they may refer to each other. Fields that an import does not name are kept,
/// and so are other collections, unless `delete_missing`.
pub fn import(
    tx: &mut Tx<'_>,
    tenant: &TenantId,
    collections: &[Body],
    delete_missing: bool,
) -> Result<(), RecordError> {
    let mut catalog = tx.catalog().clone();
    let imported = load(&mut catalog, tenant, collections, delete_missing)?;
    let named: HashSet<_> = imported.iter().map(|one| one.new.id.clone()).collect();
    let missing = |other: &Arc<Collection>| {
        delete_missing && !other.system && !named.contains(&other.id) && is_of(tenant, other)
    };
    let gone: Vec<_> = catalog.all().iter().filter(|other| missing(other)).cloned().collect();
    let left = catalog.all().iter().filter(|other| !missing(other)).cloned().collect();
    let catalog = Arc::new(Catalog::new(catalog.revision, left));
    for one in &imported {
        let check = Check { catalog: &catalog, tenant, new: &one.new, old: one.old.as_deref() };
        let faults = check.run(&one.draft);
        if !faults.is_empty() {
            return Err(refusal(&one.new, &faults.0));
        }
    }
    for collection in gone {
        super::delete::remove(tx, &collection)?;
    }
    for one in imported {
        save(tx, Arc::unwrap_or_clone(one.new))?;
    }
    Ok(())
}

fn is_of(tenant: &TenantId, collection: &Collection) -> bool {
    match &collection.owner {
        Some(owner) => owner == tenant,
        None => tenant.as_str() == TenantId::DEFAULT,
    }
}

/// Reads all definitions; `catalog` becomes the one they are part of.
fn load(
    catalog: &mut Arc<Catalog>,
    tenant: &TenantId,
    collections: &[Body],
    delete_missing: bool,
) -> Result<Vec<Imported>, RecordError> {
    let mut imported = Vec::with_capacity(collections.len());
    for body in collections {
        let old = stored(catalog, tenant, body);
        let mut draft = match &old {
            Some(old) => load_over(old, body, delete_missing)?,
            None => draft::create(catalog, tenant, body)?,
        };
        let new = Arc::new(std::mem::take(&mut draft.collection));
        *catalog = if old.is_some() { with_changed(catalog, &new) } else { with_new(catalog, &new) };
        imported.push(Imported { draft, new, old });
    }
    Ok(imported)
}

/// The stored collection that a definition stands for: by id, or without one by name.
fn stored(catalog: &Catalog, tenant: &TenantId, body: &Body) -> Option<Arc<Collection>> {
    let text = |key: &str| body.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let found = catalog.find(tenant, text("id").or_else(|| text("name"))?)?;
    is_of(tenant, found).then(|| found.clone())
}

fn load_over(old: &Arc<Collection>, body: &Body, delete_missing: bool) -> Result<Draft, RecordError> {
    let mut body = body.clone();
    if delete_missing && body.get("fields").is_none_or(Json::is_null) {
        body.insert("fields".into(), Json::Array(Vec::new()));
    }
    let mut draft = drafts::load(Collection::clone(old), &body)?;
    for field in old.fields.iter().filter(|field| field.system || !delete_missing) {
        keep(&mut draft.collection.fields, field);
    }
    drafts::complete(&mut draft.collection);
    rotate_secret(old, &mut draft.collection);
    Ok(draft)
}

/// Adds the stored field unless the import has it, by id or by name and type.
fn keep(list: &mut Vec<Field>, stored: &Field) {
    let same =
        |field: &&mut Field| field.name == stored.name && field.kind.type_name() == stored.kind.type_name();
    if fields::by_id(list, &stored.id).is_some() {
        return;
    }
    match list.iter_mut().find(same) {
        Some(field) => field.id = stored.id.clone(),
        None => fields::add(list, stored.clone()),
    }
}

/// PocketBase puts all faults of a definition into one text.
fn refusal(collection: &Collection, faults: &FieldErrors) -> RecordError {
    let (name, id) = (&collection.name, &collection.id);
    let details = serde_json::to_string_pretty(&texts(faults)).unwrap_or_default();
    let text = format!("Data validations failed for collection \"{name}\" ({id}):\n{details}.");
    let mut all = Faults::default();
    all.add(&["collections"], fault("validation_collections_import_failure", text));
    RecordError::Invalid(all.0)
}

fn texts(faults: &FieldErrors) -> Json {
    let text = |fault: &Fault| match fault {
        Fault::Field(error) => Json::String(plain(&error.message)),
        Fault::Nested(nested) => texts(nested),
    };
    Json::Object(faults.0.iter().map(|(name, fault)| (name.clone(), text(fault))).collect::<Map<_, _>>())
}

/// A sentence without its capital and its full stop.
fn plain(sentence: &str) -> String {
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", characters.as_str())
}
