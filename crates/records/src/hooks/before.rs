//! Hooks inside of the transaction: after the rule, before validation. What they change is validated like a body; what they
//! write belongs to the same job.

use crate::draft::Draft;
use crate::hooks::hands::TxHands;
use crate::hooks::image::{image, lay_over};
use crate::hooks::occasion::{is_seen, writing};
use crate::{Asker, RecordError};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tidewire_hooks::{Event, HookError, HookId, Occasion, Refusal, Registration};
use tidewire_model::{Action, Collection, Record};
use tidewire_store::Tx;

/// Writes that are on behalf of each other.
pub(crate) const DEEPEST: u32 = 8;

/// True if any hook was called. What it left of the new record is laid over the draft.
pub(crate) fn creating(tx: &mut Tx<'_>, asker: &Asker, draft: &mut Draft) -> Result<bool, RecordError> {
    let collection = draft.record.collection.clone();
    let Some(occasion) = wanted(tx, Action::Create, asker, &collection) else { return Ok(false) };
    let given = image(tx.catalog(), &draft.record);
    let taken = call(tx, asker, occasion.with("record", given.clone()))?;
    lay_over(draft, &given, taken);
    Ok(true)
}

/// The stored record as it is after the hooks, on which the draft now stands; `None` if none was called.
pub(crate) fn updating(
    tx: &mut Tx<'_>,
    asker: &Asker,
    old: &Arc<Record>,
    draft: &mut Draft,
) -> Result<Option<Arc<Record>>, RecordError> {
    let collection = draft.record.collection.clone();
    let Some(occasion) = wanted(tx, Action::Update, asker, &collection) else { return Ok(None) };
    let position = tx.position();
    let given = image(tx.catalog(), &draft.record);
    let occasion = occasion.with("old", image(tx.catalog(), old)).with("record", given.clone());
    let taken = call(tx, asker, occasion)?;
    lay_over(draft, &given, taken);
    if tx.position() == position {
        return Ok(Some(old.clone()));
    }
    let current = tx.get(&collection, &old.tenant, old.id())?.ok_or(RecordError::NotFound)?;
    rebase(&mut draft.record, old, &current);
    Ok(Some(current))
}

/// The record as it is after the hooks; `None` if it is gone.
pub(crate) fn deleting(
    tx: &mut Tx<'_>,
    asker: &Asker,
    record: Arc<Record>,
) -> Result<Option<Arc<Record>>, RecordError> {
    let Some(occasion) = wanted(tx, Action::Delete, asker, &record.collection) else {
        return Ok(Some(record));
    };
    let position = tx.position();
    let occasion = occasion.with("record", image(tx.catalog(), &record));
    call(tx, asker, occasion)?;
    if tx.position() == position {
        return Ok(Some(record));
    }
    Ok(tx.get(&record.collection, &record.tenant, record.id())?)
}

/// What to ask about, if anybody is to be asked.
fn wanted(tx: &Tx<'_>, action: Action, asker: &Asker, collection: &Collection) -> Option<Occasion> {
    let event = Event::before(action);
    let asked = tx.has_hooks(event, &collection.name) && is_seen(collection);
    asked.then(|| writing(event, action, asker, collection))
}

fn call(tx: &mut Tx<'_>, asker: &Asker, mut occasion: Occasion) -> Result<Map<String, Json>, RecordError> {
    if tx.nesting().depth >= DEEPEST {
        let message = format!("hooks write on behalf of each other more than {DEEPEST} deep");
        return Err(RecordError::Refused { status: 508, message });
    }
    let hooks = tx.hooks();
    tx.nesting().depth += 1;
    let outcome = hooks.walk(&mut occasion, |id, hook, occasion| one(tx, asker, id, hook, occasion));
    tx.nesting().depth -= 1;
    outcome.map_err(|refusal| RecordError::Refused { status: refusal.status, message: refusal.message })?;
    match occasion.fields.remove("record") {
        Some(Json::Object(record)) => Ok(record),
        _ => Err(RecordError::Refused { status: 500, message: "A hook left no record.".to_owned() }),
    }
}

/// One hook in its turn. What it said in an earlier try of this write it is not asked again; one that lives elsewhere is asked
/// between two tries.
fn one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    id: HookId,
    hook: &Registration,
    occasion: &mut Occasion,
) -> Result<(), Refusal> {
    if tx.waits() {
        return Err(postponed());
    }
    if let Some(memory) = tx.memory() {
        if let Some(verdict) = memory.recall(id, occasion) {
            return verdict;
        }
        if hook.elsewhere.is_some() {
            memory.ask(id, hook, occasion);
            return Err(postponed());
        }
        return here(tx, asker, id, hook, occasion);
    }
    if hook.elsewhere.is_some() {
        // it was registered after this write began
        return Ok(());
    }
    let outcome = call_one(tx, asker, hook, occasion)?.0;
    hook.judge(occasion.event, outcome)
}

/// A hook of this process, in a write that may be done again. If it neither read nor wrote, it need not be called again.
fn here(
    tx: &mut Tx<'_>,
    asker: &Asker,
    id: HookId,
    hook: &Registration,
    occasion: &mut Occasion,
) -> Result<(), Refusal> {
    let asked = occasion.clone();
    let (outcome, worked) = call_one(tx, asker, hook, occasion)?;
    if tx.waits() {
        return Err(postponed());
    }
    let verdict = hook.judge(occasion.event, outcome);
    if let (Some(memory), false) = (tx.memory(), worked) {
        memory.keep(id, asked, occasion.clone(), verdict.clone());
    }
    verdict
}

/// Whether it read or wrote is told as well. What it wrote before it broke is undone.
fn call_one(
    tx: &mut Tx<'_>,
    asker: &Asker,
    hook: &Registration,
    occasion: &mut Occasion,
) -> Result<(Result<(), HookError>, bool), Refusal> {
    let mut hands = TxHands::new(tx, asker);
    let outcome = hook.call(occasion, &mut hands);
    let worked = hands.end(outcome.is_ok()).map_err(|error| {
        tracing::error!(hook = &*hook.name, %error, "what a hook wrote can be neither kept nor undone");
        Refusal::broken()
    })?;
    Ok((outcome, worked))
}

/// Ends the chain of hooks; nobody is told, for the write is undone and done again.
fn postponed() -> Refusal {
    Refusal { status: 503, message: "A hook elsewhere is asked first.".to_owned() }
}

/// Fields that the draft did not touch take the values that the hooks wrote meanwhile.
fn rebase(draft: &mut Record, old: &Record, current: &Record) {
    let pairs = old.values.iter().zip(current.values.iter());
    for (value, (before, now)) in draft.values.iter_mut().zip(pairs) {
        if value == before {
            value.clone_from(now);
        }
    }
}
