//! A store with the collections and rows that the recorded cases are about, and shorthands to work on it.
#![allow(dead_code)]

use serde_json::Value as Json;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tidewire_auth::Passwords;
use tidewire_model::{Catalog, Change, Collection, Identity, Principal, Record, TenantId};
use tidewire_records::error::Fault;
use tidewire_records::hooks::Followers;
use tidewire_records::{
    Asker, Body, FieldErrors, Prepared, RecordError, bootstrap, collections, create, delete, update,
};
use tidewire_store::{Options, Retention, Store};

const FIXTURE: &str = include_str!("../../../../tests/oracle/fixture.json");

pub struct World {
    pub store: Store,
    changes: Arc<Mutex<Vec<Arc<Change>>>>,
    followers: Arc<Mutex<Option<Followers>>>,
    dir: Arc<TempDir>,
}

impl World {
    /// Only the collections that every store has.
    pub fn empty() -> Self {
        Self::keeping(Retention::default())
    }

    /// The same with bounds for the log.
    pub fn keeping(retention: Retention) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), retention)
    }

    /// Closes the store and opens it again.
    pub fn reopen(self) -> Self {
        self.followers.lock().unwrap().take();
        self.store.close();
        let dir = self.dir.clone();
        drop(self);
        Self::open(dir, Retention::default())
    }

    fn open(dir: Arc<TempDir>, retention: Retention) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let followers: Arc<Mutex<Option<Followers>>> = Arc::default();
        let (heard, ringing) = (changes.clone(), followers.clone());
        let announce = move |committed: tidewire_store::Committed| {
            heard.lock().unwrap().extend(committed.changes.iter().cloned());
            if let Some(followers) = &*ringing.lock().unwrap() {
                followers.ring();
            }
        };
        let options = Options { retention, ..Options::default() };
        let store = Store::open(dir.path(), options, Box::new(announce)).unwrap();
        bootstrap::bootstrap(&store).unwrap();
        Self { store, changes, followers, dir }
    }

    /// Tells after-hooks of commits.
    pub fn ring(&self, followers: &Followers) {
        *self.followers.lock().unwrap() = Some(followers.clone());
    }

    /// With the recorded requests played.
    pub fn recorded() -> Self {
        let world = Self::empty();
        let requests: Vec<Json> = serde_json::from_str(FIXTURE).unwrap();
        for request in &requests {
            let path = request["path"].as_str().unwrap();
            match path.strip_prefix("/api/collections/") {
                None => world.define(request["body"].clone()),
                Some(rest) => {
                    let name = rest.split('/').next().unwrap();
                    world.create(&world.superuser(), name, request["body"].clone()).unwrap();
                }
            }
        }
        world
    }

    /// Creates a collection; `<id of collection NAME>` stands for ids.
    pub fn define(&self, body: Json) {
        let mut text = body.to_string();
        for collection in self.catalog().all() {
            text = text.replace(&format!("<id of collection {}>", collection.name), &collection.id);
        }
        let body: Body = serde_json::from_str(&text).unwrap();
        self.store
            .write_blocking(move |tx| collections::create(tx, &TenantId::default(), &body))
            .unwrap_or_else(|error: RecordError| panic!("{error:?} {text}"));
    }

    /// Sets members of a stored definition.
    pub fn alter(&self, name: &str, change: Json) {
        let collection = self.collection(name);
        let body = object(change);
        self.store
            .write_blocking(move |tx| collections::update(tx, &TenantId::default(), &collection, &body))
            .unwrap_or_else(|error: RecordError| panic!("{error:?}"));
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    pub fn collection(&self, name: &str) -> Arc<Collection> {
        self.catalog().by_name(&TenantId::default(), name).unwrap_or_else(|| panic!("no {name}")).clone()
    }

    pub fn record(&self, collection: &str, id: &str) -> Option<Arc<Record>> {
        let collection = self.collection(collection);
        self.store
            .read_here(|snapshot| snapshot.get(&collection, &TenantId::default(), id))
            .unwrap_or_else(|error: tidewire_store::StoreError| panic!("{error}"))
    }

    pub fn guest(&self) -> Asker {
        Asker { context: "default", ..Asker::default() }
    }

    pub fn superuser(&self) -> Asker {
        let record = Record::empty(self.collection("_superusers"), TenantId::default());
        self.signed_in(Arc::new(record))
    }

    pub fn signed_in(&self, record: Arc<Record>) -> Asker {
        let identity = Identity {
            superuser: record.collection.is_superusers(),
            record,
            tenant: TenantId::default(),
            expires_at: None,
        };
        Asker { principal: Principal::Known(Arc::new(identity)), ..self.guest() }
    }

    /// The signed-in record of `users` with this address.
    pub fn user(&self, email: &str) -> Asker {
        let users = self.collection("users");
        let found = self
            .store
            .read_here(|snapshot| snapshot.find_by(&users, &TenantId::default(), "email", email, false))
            .unwrap_or_else(|error: tidewire_store::StoreError| panic!("{error}"));
        self.signed_in(found.unwrap_or_else(|| panic!("no {email}")))
    }

    pub fn create(&self, asker: &Asker, collection: &str, body: Json) -> Result<Arc<Record>, RecordError> {
        let (asker, collection) = (asker.clone(), self.collection(collection));
        let prepared = prepared(&collection, body);
        self.store.write_blocking(move |tx| create::create(tx, &asker, &collection, &prepared))
    }

    pub fn update(
        &self,
        asker: &Asker,
        collection: &str,
        id: &str,
        body: Json,
    ) -> Result<Arc<Record>, RecordError> {
        let (asker, collection, id) = (asker.clone(), self.collection(collection), id.to_owned());
        let prepared = prepared(&collection, body);
        self.store.write_blocking(move |tx| update::update(tx, &asker, &collection, &id, &prepared))
    }

    pub fn delete(&self, asker: &Asker, collection: &str, id: &str) -> Result<(), RecordError> {
        let (asker, collection, id) = (asker.clone(), self.collection(collection), id.to_owned());
        self.store.write_blocking(move |tx| delete::delete(tx, &asker, &collection, &id))
    }

    /// "action collection/id" of the changes since the last call.
    pub fn heard(&self) -> Vec<String> {
        let changes = std::mem::take(&mut *self.changes.lock().unwrap());
        let told = changes.iter().map(|change| {
            format!("{} {}/{}", change.action.as_str(), change.collection.name, change.record().id())
        });
        told.collect()
    }
}

/// Hashes what is to be hashed, on this thread.
pub fn prepared(collection: &Collection, body: Json) -> Prepared {
    let body = object(body);
    let mut prepared = Prepared::default();
    for field in &collection.fields {
        if let (tidewire_model::FieldKind::Password(_), Some(Json::String(plain))) =
            (&field.kind, body.get(&*field.name))
        {
            prepared.hashes.insert(field.name.to_string(), Passwords::hash_here(plain).unwrap());
        }
    }
    prepared.body = body;
    prepared
}

pub fn object(json: Json) -> Body {
    match json {
        Json::Object(map) => map,
        _ => Body::new(),
    }
}

/// Faults as an answer's `data` shows them.
pub fn faults(errors: &FieldErrors) -> Json {
    let shown = errors.0.iter().map(|(name, fault)| {
        let json = match fault {
            Fault::Nested(nested) => faults(nested),
            Fault::Field(error) => {
                let mut shown = serde_json::json!({ "code": error.code, "message": error.message });
                if !error.params.is_empty() {
                    shown["params"] = Json::Object(error.params.clone());
                }
                shown
            }
        };
        (name.clone(), json)
    });
    Json::Object(shown.collect())
}

/// Equal as JSON numbers are: 1 is 1.0.
pub fn same(a: &Json, b: &Json) -> bool {
    tidewire_model::json::to_string(a) == tidewire_model::json::to_string(b)
}

/// "field code" of each fault, in order.
pub fn fault_codes(error: &RecordError) -> String {
    let RecordError::Invalid(errors) = error else { panic!("no faults of fields: {error:?}") };
    let all = errors.0.iter().map(|(name, fault)| match fault {
        Fault::Field(error) => format!("{name} {}", error.code),
        Fault::Nested(_) => format!("{name} nested"),
    });
    all.collect::<Vec<_>>().join(", ")
}
