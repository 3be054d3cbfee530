use crate::draft::Draft;
use crate::hooks::before;
use crate::rule::bind;
use crate::save::{check, set_dates};
use crate::view::permits;
use crate::{Asker, Body, RecordError, attached, unproven};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tidewire_model::field::OnDelete;
use tidewire_model::{Collection, CollectionKind, Record, Timestamp, Value};
use tidewire_rules::Query;
use tidewire_store::{StoreError, Tx};

/// Referencing records read at a time.
const BATCH: u64 = 1000;

/// Checks the delete rule, deletes what cascades, cleans relations, deletes the record.
pub fn delete(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
) -> Result<(), RecordError> {
    if collection.kind == CollectionKind::View {
        return Err(RecordError::BadRequest("unsupported collection type".into()));
    }
    let rule = bind(tx.catalog(), collection, asker, collection.rules.delete.as_deref(), &Body::new())?;
    let record = tx.get(collection, &asker.tenant, id)?.ok_or(RecordError::NotFound)?;
    if !permits(tx, &rule, &record)? {
        return Err(RecordError::NotFound);
    }
    cascade(tx, record, asker)
}

/// Deletes every record of the collection in the asker's tenant, one change each.
pub fn truncate(tx: &mut Tx<'_>, asker: &Asker, collection: &Arc<Collection>) -> Result<(), RecordError> {
    if !asker.is_superuser() {
        return Err(RecordError::SuperusersOnly);
    }
    loop {
        let query = Query::new(collection, &asker.tenant, Timestamp::now()).page(BATCH, 0);
        let records = tx.select(collection, &query)?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            // a cascade may have taken it already
            if tx.get(collection, &asker.tenant, record.id())?.is_some() {
                cascade(tx, record, asker)?;
            }
        }
    }
}

/// A record on its way out: what refers to it is dealt with first.
struct Doomed {
    record: Arc<Record>,
    /// collections and their relation fields that still have to be looked through
    references: VecDeque<(Arc<Collection>, usize)>,
    /// referring records of the first reference
    referring: VecDeque<Arc<Record>>,
}

/// Depth first with a stack of its own: chains of records may be longer than the thread's.
fn cascade(tx: &mut Tx<'_>, record: Arc<Record>, asker: &Asker) -> Result<(), RecordError> {
    let actor = asker.principal.actor();
    let mut seen = HashSet::from([key(&record)]);
    let mut stack: Vec<Doomed> = doom(tx, record, asker)?.into_iter().collect();
    while let Some(mut top) = stack.pop() {
        let Some(referring) = next_referring(tx, &mut top, &seen)? else {
            remove(tx, &top.record, &actor)?;
            continue;
        };
        let child = release(tx, &top, &referring, asker)?;
        stack.push(top);
        if let Some(child) = child
            && seen.insert(key(&child))
        {
            stack.extend(doom(tx, child, asker)?);
        }
    }
    Ok(())
}

fn key(record: &Record) -> (Box<str>, Box<str>) {
    (record.collection.id.clone(), record.id().into())
}

/// `None` if a hook deleted the record meanwhile.
fn doom(tx: &mut Tx<'_>, record: Arc<Record>, asker: &Asker) -> Result<Option<Doomed>, RecordError> {
    let Some(record) = before::deleting(tx, asker, record)? else { return Ok(None) };
    if record.collection.is_superusers() {
        let query = Query::new(&record.collection, &record.tenant, Timestamp::now());
        if tx.count(&query)? <= 1 {
            return Err(RecordError::BadRequest("You can't delete the only existing superuser.".into()));
        }
    }
    let mut references: Vec<(Arc<Collection>, usize)> = tx
        .catalog()
        .references_to(&record.collection.id)
        .into_iter()
        .filter(|(collection, _)| collection.kind != CollectionKind::View)
        .map(|(collection, index)| (collection.clone(), index))
        .collect();
    references.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok(Some(Doomed { record, references: references.into(), referring: VecDeque::new() }))
}

/// The next record that refers to the doomed one and is not doomed itself.
fn next_referring(
    tx: &Tx<'_>,
    doomed: &mut Doomed,
    seen: &HashSet<(Box<str>, Box<str>)>,
) -> Result<Option<Arc<Record>>, StoreError> {
    loop {
        if let Some(record) = doomed.referring.pop_front() {
            // a cascade in between may have changed or taken it
            if let Some(current) = tx.get(&record.collection, &record.tenant, record.id())? {
                return Ok(Some(current));
            }
            continue;
        }
        let Some((collection, index)) = doomed.references.front() else { return Ok(None) };
        let field = &collection.fields[*index].name;
        let limit = BATCH + seen.len() as u64;
        let (tenant, id) = (&doomed.record.tenant, doomed.record.id());
        let found = tx.referencing(collection, tenant, field, id, limit)?;
        doomed.referring.extend(found.into_iter().filter(|record| !seen.contains(&key(record))));
        if doomed.referring.is_empty() {
            doomed.references.pop_front();
        }
    }
}

/// Takes the doomed record out of one relation. Returns the record that has to go with it.
fn release(
    tx: &mut Tx<'_>,
    doomed: &Doomed,
    referring: &Arc<Record>,
    asker: &Asker,
) -> Result<Option<Arc<Record>>, RecordError> {
    let Some((collection, index)) = doomed.references.front() else { return Ok(None) };
    let field = &collection.fields[*index];
    let id = doomed.record.id();
    let value = &referring.values[*index];
    if !value.items().contains(&id) {
        return Ok(None);
    }
    let left: Vec<&str> = value.items().into_iter().filter(|item| *item != id).collect();
    if left.is_empty() {
        let on_delete = field.extra.as_ref().and_then(|extra| extra.on_delete);
        let cascades = field.kind.relation().is_some_and(|relation| relation.cascade_delete);
        match on_delete {
            Some(OnDelete::Restrict) => return Err(RecordError::Referenced),
            Some(OnDelete::Cascade) => return Ok(Some(referring.clone())),
            None if cascades => return Ok(Some(referring.clone())),
            _ if field.required => return Err(RecordError::Referenced),
            _ => {}
        }
    }
    let mut released = Record::clone(referring);
    released.values[*index] = if left.is_empty() { field.unset() } else { Value::list(left) };
    write_released(tx, asker, referring, released)?;
    Ok(None)
}

fn write_released(
    tx: &mut Tx<'_>,
    asker: &Asker,
    old: &Arc<Record>,
    released: Record,
) -> Result<(), RecordError> {
    let mut draft = Draft::of(released);
    let current = before::updating(tx, asker, old, &mut draft)?;
    if let Some(current) = &current {
        check(tx, &draft, Some(current))?;
    }
    set_dates(tx, &mut draft.record, false);
    tx.update(current.as_ref().unwrap_or(old), draft.record, &asker.principal.actor())?;
    Ok(())
}

fn remove(tx: &mut Tx<'_>, record: &Arc<Record>, actor: &str) -> Result<(), StoreError> {
    if record.collection.is_auth() {
        attached::remove(tx, record, actor)?;
        unproven::clear(tx, record)?;
    }
    tx.delete(record, actor)
}
