//! Hooks that are called before a write begins, because they may take long: the one writer must not wait for them. They see
//! the stored record as it is then; what they set is laid over the draft inside of the transaction, after its rules.

use crate::draft::Draft;
use crate::hooks::image::image;
use crate::hooks::occasion::{is_seen, writing};
use crate::{Asker, Body, Prepared, RecordError};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_hooks::{Event, NoHands, Occasion};
use tidewire_model::{Action, Collection, Record};
use tidewire_store::Store;

/// What a request is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead<'a> {
    Create,
    Update(&'a str),
    /// a create if there is no such record
    Upsert(&'a str),
    Delete(&'a str),
}

/// What the hooks set, by field; `body` stays as it came. Nobody is asked about what is refused anyway.
pub async fn ahead(
    store: &Store,
    asker: &Asker,
    collection: &Arc<Collection>,
    what: Ahead<'_>,
    body: &Body,
) -> Result<Body, RecordError> {
    if !is_asked(store, collection, what) {
        return Ok(Body::new());
    }
    let Some((action, old)) = find(store, asker, collection, what)? else { return Ok(Body::new()) };
    let rules = &collection.rules;
    let rule = match action {
        Action::Create => &rules.create,
        Action::Update => &rules.update,
        Action::Delete => &rules.delete,
    };
    // open collections are guarded by their keys and roles, before this
    if !asker.is_superuser() && rule.is_none() && !collection.open {
        return Ok(Body::new());
    }
    ask(store, asker, collection, action, old, body).await
}

/// Whether anybody would be asked; costs a look at two lists at most.
fn is_asked(store: &Store, collection: &Collection, what: Ahead<'_>) -> bool {
    let has = |action| store.hooks().has_ahead(Event::before(action), &collection.name);
    let asked = match what {
        Ahead::Create => has(Action::Create),
        Ahead::Update(_) => has(Action::Update),
        Ahead::Upsert(_) => has(Action::Create) || has(Action::Update),
        Ahead::Delete(_) => has(Action::Delete),
    };
    asked && is_seen(collection)
}

type Found = Option<(Action, Option<Arc<Record>>)>;

/// The action and the record that it is about; `None` if there is no such record.
fn find(
    store: &Store,
    asker: &Asker,
    collection: &Arc<Collection>,
    what: Ahead<'_>,
) -> Result<Found, RecordError> {
    let stored = |id: &str| -> Result<_, RecordError> {
        store.read_here(|snapshot| Ok(snapshot.get(collection, &asker.tenant, id)?))
    };
    Ok(match what {
        Ahead::Create => Some((Action::Create, None)),
        Ahead::Update(id) => stored(id)?.map(|old| (Action::Update, Some(old))),
        Ahead::Delete(id) => stored(id)?.map(|old| (Action::Delete, Some(old))),
        Ahead::Upsert(id) => match stored(id)? {
            Some(old) => Some((Action::Update, Some(old))),
            None => Some((Action::Create, None)),
        },
    })
}

async fn ask(
    store: &Store,
    asker: &Asker,
    collection: &Arc<Collection>,
    action: Action,
    old: Option<Arc<Record>>,
    body: &Body,
) -> Result<Body, RecordError> {
    let catalog = store.catalog();
    let mut occasion = writing(Event::before(action), action, asker, collection);
    let given = match (&old, action) {
        (Some(old), Action::Delete) => image(&catalog, old),
        _ => {
            let draft = draft(asker, collection, old.as_deref(), body);
            image(&catalog, &draft.record)
        }
    };
    if let (Some(old), Action::Update) = (&old, action) {
        occasion = occasion.with("old", image(&catalog, old));
    }
    let occasion: Occasion = occasion.with("record", given.clone());
    let (mut occasion, outcome) = store.hooks().ask_ahead(occasion, NoHands).await;
    outcome.map_err(|refusal| RecordError::Refused { status: refusal.status, message: refusal.message })?;
    Ok(match occasion.fields.remove("record") {
        Some(Json::Object(taken)) => differences(&given, taken),
        _ => Body::new(),
    })
}

/// The record as the request would make it.
fn draft(asker: &Asker, collection: &Arc<Collection>, old: Option<&Record>, body: &Body) -> Draft {
    let mut base = match old {
        Some(old) => old.clone(),
        None => Record::empty(collection.clone(), asker.tenant.clone()),
    };
    base.collection = collection.clone();
    let prepared = Prepared { body: body.clone(), ..Prepared::default() };
    let mut draft = Draft::new(base, &prepared, asker.is_superuser());
    if old.is_none() {
        draft.take_defaults();
    }
    draft
}

fn differences(given: &Map<String, Json>, mut taken: Map<String, Json>) -> Body {
    for name in given.keys().filter(|name| !taken.contains_key(*name)).cloned().collect::<Vec<_>>() {
        taken.insert(name, Json::Null);
    }
    taken.retain(|name, value| given.get(name) != Some(value));
    taken
}
