//! Records that belong to accounts of others: who signs in through a provider, and the links that remember it.

use crate::attached::{self, LINKS};
use crate::collections::index;
use crate::create::create;
use crate::draft::Draft;
use crate::save::{self, set_dates};
use crate::sign_in::{find_by_email, home, is_disabled};
use crate::{Asker, Body, Prepared, RecordError, prepare, unproven, validate};
use serde_json::Value as Json;
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_model::{Collection, FieldKind, Record, TenantId, Timestamp, Value, id};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, Store, StoreError, Tx};

/// What rules read as `@request.context` while somebody is created for a provider's account.
pub const CONTEXT: &str = "oauth2";
/// characters of a password that nobody knows
const PASSWORD: usize = 30;

/// Somebody as a provider knows them.
#[derive(Clone, Debug, Default)]
pub struct External {
    pub provider: String,
    /// the provider's own
    pub id: String,
    /// only if the provider says that it is theirs
    pub email: String,
    pub name: String,
    pub username: String,
    pub avatar_url: String,
}

/// Who signed in, and whether there was nobody before.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub record: Arc<Record>,
    pub is_new: bool,
}

/// What was found or made; or that a password is needed, which is not hashed within a transaction.
enum Outcome {
    Done(SignedIn),
    NeedsPassword,
}

/// A password that nobody knows with its hash, and a body for whoever has to be created.
#[derive(Clone)]
struct Ready {
    secret: String,
    hash: String,
    body: Prepared,
}

/// The record of this account: by a link; else the asker's, if it is of the collection; else by the address; else a new one, as
/// the create rule allows. `data` is what the client wants a new one to have.
pub async fn sign_in(
    store: &Store,
    passwords: &Passwords,
    asker: &Asker,
    collection: &Arc<Collection>,
    external: External,
    data: Body,
) -> Result<SignedIn, RecordError> {
    let asker = Asker { context: CONTEXT, ..asker.clone() };
    let tenant = home(collection, &asker.tenant);
    if let Some(record) = store.read_here(|snapshot| settled(snapshot, collection, &tenant, &external))? {
        return Ok(SignedIn { record, is_new: false });
    }
    let mut ready = None;
    for _ in 0..2 {
        let work = Work { asker: asker.clone(), collection: collection.clone(), tenant: tenant.clone() };
        let (who, prepared) = (external.clone(), ready.take());
        match store.write(move |tx| work.run(tx, &who, prepared)).await? {
            Outcome::Done(signed_in) => return Ok(signed_in),
            Outcome::NeedsPassword => {
                let body = body(store, collection, &tenant, &external, &data)?;
                ready = Some(get_ready(store, passwords, &asker, collection, body).await?);
            }
        }
    }
    Err(RecordError::BadRequest("the record changed while somebody signed in".into()))
}

/// Whether anybody is linked to this account and needs no change.
fn settled(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    external: &External,
) -> Result<Option<Arc<Record>>, RecordError> {
    let Some(link) = link_of(snapshot, collection, tenant, external)? else { return Ok(None) };
    let found = snapshot.get(collection, tenant, link.text("recordRef"))?;
    Ok(found
        .filter(|record| record.bool("verified") && !record.text("email").is_empty() && !is_disabled(record)))
}

/// What a new record is made of.
fn body(
    store: &Store,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    external: &External,
    data: &Body,
) -> Result<Body, RecordError> {
    let mut body = data.clone();
    if body.get("email").and_then(Json::as_str).is_none_or(str::is_empty) {
        body.insert("email".into(), external.email.as_str().into());
    }
    let Some(auth) = &collection.auth else { return Ok(body) };
    let mapped = &auth.oauth2.mapped_fields;
    let takes_username = store.read_here(|snapshot| {
        Ok::<_, RecordError>(takes_username(
            snapshot,
            collection,
            tenant,
            &mapped.username,
            &external.username,
        )?)
    });
    for (field, value, fits) in [
        (&mapped.id, &external.id, true),
        (&mapped.name, &external.name, true),
        (&mapped.username, &external.username, takes_username?),
        (&mapped.avatar_url, &external.avatar_url, !external.avatar_url.is_empty()),
    ] {
        let free = collection.field(field).filter(|field| fits && !body.contains_key(&*field.name));
        // files are not fetched: the address is told with the sign-in only
        if let Some(field) = free.filter(|field| !matches!(field.kind, FieldKind::File(_))) {
            body.insert(field.name.to_string(), value.as_str().into());
        }
    }
    Ok(body)
}

/// A name that the field refuses, or that somebody has already, is left out.
fn takes_username(
    snapshot: &Snapshot<'_>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    field: &str,
    username: &str,
) -> Result<bool, StoreError> {
    let Some(field) = collection.field(field) else { return Ok(false) };
    if validate::validate(field, &Value::text(username), None).is_err() {
        return Ok(false);
    }
    let Some(index) = index::unique_on(&collection.indexes, &field.name) else { return Ok(true) };
    let nocase = index.columns.first().is_some_and(|column| column.collate.eq_ignore_ascii_case("nocase"));
    Ok(snapshot.find_by(collection, tenant, &field.name, username, nocase)?.is_none())
}

async fn get_ready(
    store: &Store,
    passwords: &Passwords,
    asker: &Asker,
    collection: &Arc<Collection>,
    mut body: Body,
) -> Result<Ready, RecordError> {
    let secret = id::secret(PASSWORD);
    let has_own = body.get("password").and_then(Json::as_str).is_some_and(|text| !text.is_empty());
    if !has_own {
        body.insert("password".into(), secret.as_str().into());
        body.insert("passwordConfirm".into(), secret.as_str().into());
    }
    let body = prepare::prepare(store, passwords, asker, collection, None, body).await?;
    let hash = match body.hashes.get("password") {
        Some(hash) if !has_own => hash.clone(),
        _ => passwords.hash(&secret).await?,
    };
    Ok(Ready { secret, hash, body })
}

/// One sign-in inside of a transaction.
#[derive(Clone)]
struct Work {
    asker: Asker,
    collection: Arc<Collection>,
    tenant: TenantId,
}

/// How a record was found.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Link,
    Asker,
    Email,
}

impl Work {
    fn run(
        &self,
        tx: &mut Tx<'_>,
        external: &External,
        ready: Option<Ready>,
    ) -> Result<Outcome, RecordError> {
        let link = link_of(tx, &self.collection, &self.tenant, external)?;
        match self.find(tx, link.as_ref(), external)? {
            Some((record, by)) => self.take_up(tx, external, (record, by), link, ready),
            None => self.create(tx, external, ready),
        }
    }

    fn find(
        &self,
        tx: &Tx<'_>,
        link: Option<&Arc<Record>>,
        external: &External,
    ) -> Result<Option<(Arc<Record>, By)>, RecordError> {
        if let Some(link) = link {
            let found = tx.get(&self.collection, &self.tenant, link.text("recordRef"))?;
            return Ok(Some((found.ok_or(RecordError::NotFound)?, By::Link)));
        }
        if let Some(own) = self.asker.principal.record().filter(|own| own.collection.id == self.collection.id)
        {
            let found = tx.get(&self.collection, &self.tenant, own.id())?;
            return Ok(Some((found.ok_or(RecordError::NotFound)?, By::Asker)));
        }
        if external.email.is_empty() {
            return Ok(None);
        }
        let found = find_by_email(tx, &self.collection, &self.tenant, &external.email)?;
        Ok(found.map(|record| (record, By::Email)))
    }

    fn create(
        &self,
        tx: &mut Tx<'_>,
        external: &External,
        ready: Option<Ready>,
    ) -> Result<Outcome, RecordError> {
        if self.collection.is_superusers() {
            return Err(RecordError::BadRequest("superusers do not sign up".into()));
        }
        let Some(ready) = ready else { return Ok(Outcome::NeedsPassword) };
        let mut record = create(tx, &self.asker, &self.collection, &ready.body)?;
        if record.text("email") == external.email && !record.bool("verified") {
            record = self.change(tx, &record, |draft| draft.record.set("verified", Value::Bool(true)))?;
        }
        self.link(tx, &record, external)?;
        Ok(Outcome::Done(SignedIn { record, is_new: true }))
    }

    /// Somebody may have made the record with an address that is not theirs. Then nothing of what they know or have may open
    /// it any longer once its owner comes.
    fn take_up(
        &self,
        tx: &mut Tx<'_>,
        external: &External,
        (record, by): (Arc<Record>, By),
        link: Option<Arc<Record>>,
        ready: Option<Ready>,
    ) -> Result<Outcome, RecordError> {
        if is_disabled(&record) {
            return Err(RecordError::BadRequest("who is disabled is let in nowhere".into()));
        }
        let trusted = match by {
            By::Email if !record.collection.is_superusers() => unproven::is_proven(tx, &record)?,
            _ => record.bool("verified"),
        };
        let lock = match ready {
            _ if trusted || self.is_asker(&record) => None,
            None => return Ok(Outcome::NeedsPassword),
            ready => ready,
        };
        let email = record.text("email");
        let (is_bare, is_same) = (email.is_empty(), email == external.email);
        let gains_email = is_bare && !external.email.is_empty();
        let gains_trust = !record.bool("verified") && (is_bare || is_same);
        if !trusted {
            attached::remove_links(tx, &record, &self.actor())?;
        }
        let record = match lock.is_some() || gains_email || gains_trust {
            true => self.change(tx, &record, |draft| {
                if let Some(ready) = &lock {
                    draft.type_password(&ready.secret, &ready.hash);
                }
                if gains_email {
                    draft.record.set("email", Value::text(&external.email));
                }
                if gains_trust {
                    draft.record.set("verified", Value::Bool(true));
                }
            })?,
            false => record,
        };
        if is_bare || is_same {
            unproven::clear(tx, &record)?;
        }
        if link.is_none() || !trusted {
            self.link(tx, &record, external)?;
        }
        Ok(Outcome::Done(SignedIn { record, is_new: false }))
    }

    fn change(
        &self,
        tx: &mut Tx<'_>,
        record: &Arc<Record>,
        change: impl FnOnce(&mut Draft),
    ) -> Result<Arc<Record>, RecordError> {
        let mut draft = Draft::new(Record::clone(record), &Prepared::default(), true);
        change(&mut draft);
        save::replace(tx, &self.asker, record, draft)
    }

    fn is_asker(&self, record: &Record) -> bool {
        let own = self.asker.principal.record();
        own.is_some_and(|own| own.collection.id == record.collection.id && own.id() == record.id())
    }

    fn actor(&self) -> String {
        self.asker.principal.actor()
    }

    fn link(&self, tx: &mut Tx<'_>, record: &Record, external: &External) -> Result<(), RecordError> {
        let links = links(tx).ok_or(RecordError::NotFound)?;
        let mut link = Record::empty(links, record.tenant.clone());
        link.set("id", Value::text(&id::record_id()));
        link.set("collectionRef", Value::text(&record.collection.id));
        link.set("recordRef", Value::text(record.id()));
        link.set("provider", Value::text(&external.provider));
        link.set("providerId", Value::text(&external.id));
        set_dates(tx, &mut link, true);
        tx.insert(link, &self.actor())?;
        Ok(())
    }
}

fn links(snapshot: &Snapshot<'_>) -> Option<Arc<Collection>> {
    snapshot.catalog().by_name(&TenantId::default(), LINKS).cloned()
}

/// The link of a provider's account in a collection.
fn link_of(
    snapshot: &Snapshot<'_>,
    collection: &Collection,
    tenant: &TenantId,
    external: &External,
) -> Result<Option<Arc<Record>>, StoreError> {
    let Some(links) = links(snapshot) else { return Ok(None) };
    let query = Query::new(&links, tenant, Timestamp::now())
        .only("collectionRef", &[&collection.id])
        .only("provider", &[&external.provider])
        .only("providerId", &[&external.id]);
    Ok(snapshot.select(&links, &query)?.pop())
}
