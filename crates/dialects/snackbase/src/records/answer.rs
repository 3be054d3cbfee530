//! Records as answers.

use crate::record_json::{AccountName, RecordJson, Unset, has_masks};
use crate::records::expansion::Expansion;
use crate::records::related::Related;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tidewire_model::{Collection, Record, TenantId};
use tidewire_records::formulas::Formulas;
use tidewire_records::{Asker, personal};
use tidewire_store::{Snapshot, StoreError};

/// Writes records of one collection for one asker.
pub struct Writer<'a> {
    pub snapshot: &'a Snapshot<'a>,
    pub asker: &'a Asker,
    json: RecordJson,
    account: Account,
    unset: Unset,
}

/// What is said of the account's name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Account {
    Absent,
    Null,
    /// that of the record's tenant, looked up once per tenant
    Named(RefCell<Vec<(TenantId, Rc<str>)>>),
}

impl<'a> Writer<'a> {
    /// For answers that are about one record.
    pub fn of_one(snapshot: &'a Snapshot<'a>, asker: &'a Asker, collection: &Arc<Collection>) -> Self {
        let json = sight(asker, collection, &collection.projections.view, None);
        let json = json.computing(Formulas::of(snapshot.catalog(), collection));
        Self { snapshot, asker, json, account: Account::Null, unset: Unset::Null }
    }

    /// For lists; `fields`: the names that the client wants.
    pub fn of_list(
        snapshot: &'a Snapshot<'a>,
        asker: &'a Asker,
        collection: &Arc<Collection>,
        fields: Option<&[Box<str>]>,
    ) -> Self {
        let json = sight(asker, collection, &collection.projections.list, fields);
        let json = json.computing(Formulas::of(snapshot.catalog(), collection));
        let account = if fields.is_some() { Account::Null } else { Account::Named(Default::default()) };
        Self { snapshot, asker, json, account, unset: Unset::Null }
    }

    /// For records inside of others.
    pub(super) fn nested(&self, collection: &Arc<Collection>) -> Writer<'a> {
        let json = sight(self.asker, collection, &collection.projections.view, None);
        let json = json.computing(Formulas::of(self.snapshot.catalog(), collection));
        Writer {
            snapshot: self.snapshot,
            asker: self.asker,
            json,
            account: Account::Absent,
            unset: Unset::Null,
        }
    }

    /// Appends one record.
    pub fn write_record(
        &self,
        record: &Record,
        related: &Related<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let name = self.name_of(&record.tenant)?;
        let account = match (&self.account, &name) {
            (Account::Absent, _) => AccountName::Absent,
            (_, Some(name)) => AccountName::Is(name),
            (_, None) => AccountName::Null,
        };
        let mut failed = None;
        let mut replace = |field: &tidewire_model::Field, out: &mut Vec<u8>| {
            related.write(record, field, out).unwrap_or_else(|error| {
                failed = Some(error);
                true
            })
        };
        self.json.write_with(record, self.unset, account, &mut replace, out);
        failed.map_or(Ok(()), Err)
    }

    /// Appends records, separated by commas.
    pub fn write_all(
        &self,
        records: &[Arc<Record>],
        expand: &Expansion,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let related = Related::find(self, records, expand)?;
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_record(record, &related, out)?;
        }
        Ok(())
    }

    fn name_of(&self, tenant: &TenantId) -> Result<Option<Rc<str>>, StoreError> {
        let Account::Named(known) = &self.account else { return Ok(None) };
        if let Some((_, name)) = known.borrow().iter().find(|(known, _)| known == tenant) {
            return Ok(Some(name.clone()));
        }
        let name: Option<Rc<str>> = self.snapshot.account_name(tenant)?.map(Into::into);
        if let Some(name) = &name {
            known.borrow_mut().push((tenant.clone(), name.clone()));
        }
        Ok(name)
    }
}

/// A record that was just written: nothing of the store is needed.
pub fn written(asker: &Asker, record: &Record, unset: Unset, out: &mut Vec<u8>) {
    let json = sight(asker, &record.collection, &record.collection.projections.view, None);
    json.write(record, unset, AccountName::Null, out);
}

fn sight(
    asker: &Asker,
    collection: &Arc<Collection>,
    projection: &Option<Vec<Box<str>>>,
    fields: Option<&[Box<str>]>,
) -> RecordJson {
    let masked = has_masks(collection) && !personal::may_see(asker);
    let allowed = projection.as_deref().filter(|_| !asker.is_superuser());
    match (allowed, fields) {
        (Some(allowed), Some(fields)) => {
            let both: Vec<Box<str>> = fields.iter().filter(|name| allowed.contains(name)).cloned().collect();
            RecordJson::new(collection, Some(&both), masked)
        }
        (one, other) => RecordJson::new(collection, one.or(other), masked),
    }
}
