//! One asker and one collection, for one kind of operation.

use crate::asker::Caller;
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::record_json::is_system;
use crate::records::check::{self, Purpose};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Collection, CollectionKind, Rules, TenantId};
use tidewire_records::{Asker, Body, RecordError};
use tidewire_store::{Snapshot, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    List,
    View,
    Create,
    Update,
    Delete,
}

/// Who may do it, and with what.
#[derive(Clone, Debug)]
pub struct Scope {
    pub asker: Asker,
    pub collection: Arc<Collection>,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::View => "view",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn rule(self, rules: &Rules) -> Option<&str> {
        match self {
            Self::List => rules.list.as_deref(),
            Self::View => rules.view.as_deref(),
            Self::Create => rules.create.as_deref(),
            Self::Update => rules.update.as_deref(),
            Self::Delete => rules.delete.as_deref(),
        }
    }
}

impl Scope {
    /// Refuses what is refused whatever the record: unknown collections, locked operations, guests behind a rule.
    pub fn open(call: &Call, operation: Operation) -> Result<Self, ApiError> {
        let caller = call.caller()?;
        let tenant = caller.tenant()?;
        let name = call.param("collection");
        let catalog = call.catalog();
        let Some(collection) = catalog.by_name(tenant, name).filter(|found| is_shown(found)) else {
            return Err(unknown(&caller, operation, name));
        };
        if !caller.is_superadmin() {
            permit(&caller, operation, collection)?;
        }
        let asker = caller.asker(tenant, call.parts.method.as_str());
        Ok(Self { asker, collection: collection.clone() })
    }

    pub fn is_superadmin(&self) -> bool {
        self.asker.is_superuser()
    }

    /// The definition as the writer sees it: it may have changed since the request was looked at.
    pub fn current(&self, tx: &Tx<'_>) -> Result<Arc<Collection>, RecordError> {
        tx.catalog().by_id(&self.collection.id).cloned().ok_or(RecordError::NotFound)
    }

    /// The asker in the account of a record: superadmins reach those of all accounts.
    pub fn asker_for(&self, snapshot: &Snapshot<'_>, id: &str) -> Result<Asker, RecordError> {
        if !self.is_superadmin() {
            return Ok(self.asker.clone());
        }
        let tenant = snapshot.tenant_of(&self.collection, id)?.ok_or(RecordError::NotFound)?;
        Ok(Asker { tenant, ..self.asker.clone() })
    }

    /// Works in another account from here on, which must exist.
    pub fn enter(&mut self, call: &Call, account: &Json) -> Result<(), ApiError> {
        let id = TenantId::new(account.as_str().unwrap_or(""));
        let found = call.app.store.read_here(|snapshot| snapshot.account_name(&id))?;
        if found.is_none() {
            return Err(ApiError::not_found(&format!("Account '{id}' not found")));
        }
        self.asker.tenant = id;
        Ok(())
    }

    /// A body that may be written: system fields and closed fields are refused, computed ones left out.
    pub fn permit_body(&self, body: &mut Body, purpose: Purpose) -> Result<(), ApiError> {
        let verb = if purpose == Purpose::Create { "create" } else { "update" };
        let system: Vec<&str> = body.keys().map(String::as_str).filter(|name| is_system(name)).collect();
        if !system.is_empty() {
            return Err(denied(verb, &system, None));
        }
        let projections = &self.collection.projections;
        let open = if purpose == Purpose::Create { &projections.create } else { &projections.update };
        if let Some(open) = open.as_ref().filter(|_| !self.is_superadmin()) {
            let is_closed = |name: &&str| {
                self.collection.field(name).is_some() && !open.iter().any(|open| **open == **name)
            };
            let closed: Vec<&str> = body.keys().map(String::as_str).filter(is_closed).collect();
            if !closed.is_empty() {
                return Err(denied(verb, &closed, Some(open)));
            }
        }
        body.retain(|name, _| self.collection.field(name).is_none_or(|field| field.formula().is_none()));
        Ok(())
    }

    /// What is wrong with the body.
    pub fn faults(&self, body: &Body, purpose: Purpose) -> Vec<Detail> {
        check::body(&self.collection, body, purpose)
    }

    /// A body that is right in every way that needs no other record.
    pub fn check_body(&self, body: &mut Body, purpose: Purpose) -> Result<(), ApiError> {
        self.permit_body(body, purpose)?;
        let faults = self.faults(body, purpose);
        if faults.is_empty() { Ok(()) } else { Err(ApiError::validation(&faults)) }
    }
}

/// A body must be an object.
pub fn object(json: Option<Json>) -> Result<Body, ApiError> {
    let (kind, message, input) = match json {
        Some(Json::Object(body)) => return Ok(body),
        None => ("missing", "Field required", Json::Null),
        Some(other) => ("dict_type", "Input should be a valid dictionary", other),
    };
    Err(ApiError::unprocessable(&[json!({ "type": kind, "loc": ["body"], "msg": message, "input": input })]))
}

/// Users and what belongs to the system are reached by routes of their own.
pub fn is_shown(collection: &Collection) -> bool {
    collection.kind == CollectionKind::Base && !collection.system
}

fn permit(caller: &Caller, operation: Operation, collection: &Collection) -> Result<(), ApiError> {
    match operation.rule(&collection.rules) {
        None => {
            let text = format!("Access denied: {} is locked for this collection", operation.name());
            Err(ApiError::forbidden(&text))
        }
        Some(rule) if !rule.is_empty() => caller.identity().map(|_| ()),
        Some(_) => Ok(()),
    }
}

fn unknown(caller: &Caller, operation: Operation, name: &str) -> ApiError {
    if operation == Operation::List && !caller.is_superadmin() {
        return ApiError::forbidden(&format!("Permission denied for list on {name} (no rules defined)"));
    }
    ApiError::not_found(&format!("Collection '{name}' not found"))
}

/// `open`: the fields that may be set, where it is not the system that keeps the others.
fn denied(verb: &str, fields: &[&str], open: Option<&[Box<str>]>) -> ApiError {
    #[derive(Serialize)]
    struct Denied<'a> {
        error: &'static str,
        message: String,
        unauthorized_fields: &'a [&'a str],
        field_type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        allowed_fields: Option<&'a [Box<str>]>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        detail: Denied<'a>,
    }
    let names = fields.join(", ");
    let detail = Denied {
        error: "Field access denied",
        message: match open {
            None => format!("Cannot {verb} system fields via API: {names}"),
            Some(_) => format!("Permission denied to {verb} fields: {names}"),
        },
        unauthorized_fields: fields,
        field_type: if open.is_some() { "restricted" } else { "system" },
        allowed_fields: open,
    };
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, Body { detail })
}
