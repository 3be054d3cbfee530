//! Which records a request is about: what the asker may see, filters, relationship filters, order and page.

use crate::call::Call;
use crate::collection;
use crate::error::{ApiError, FORBIDDEN};
use crate::relation;
use std::sync::Arc;
use tidewire_model::{Collection, Record, Timestamp};
use tidewire_records::gate::{Which, gate};
use tidewire_records::{Asker, app_user};
use tidewire_rules::{DocumentFilter, Query, Residual, Sort};
use tidewire_store::Snapshot;

/// related records that a relationship filter follows at most
const RELATED: u64 = 5000;
/// ids in one condition
const IDS: usize = 64;

/// A question that a request asks of a collection.
pub struct Listing {
    asker: Asker,
    is_owner: bool,
    sees_addresses: bool,
    collection: Arc<Collection>,
    /// as the query string has them
    filters: Vec<(String, String)>,
    /// the key and whether it goes down
    sort: Option<(String, bool)>,
    page: Option<(u64, u64)>,
}

impl Listing {
    /// All records that the filters of the query let through, in the order in which they were made.
    pub fn all(call: &Call, collection: Arc<Collection>) -> Self {
        let filters = call.query.filters().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let (asker, is_owner) = (call.asker.clone(), call.is_owner());
        let sees_addresses = call.sees_addresses();
        Self {
            asker,
            is_owner,
            sees_addresses,
            collection,
            filters: filters.collect(),
            sort: None,
            page: None,
        }
    }

    /// One page in the order that the query asks for.
    pub fn page(call: &Call, collection: Arc<Collection>) -> Self {
        let (page, (key, descending)) = (call.query.page(), call.query.sort());
        let sort = Some((key.to_owned(), descending));
        Self { sort, page: Some((page.limit, page.offset)), ..Self::all(call, collection) }
    }

    /// At most `limit` from the start.
    pub fn first(self, limit: u64) -> Self {
        Self { page: Some((limit, 0)), ..self }
    }

    pub fn collection(&self) -> &Arc<Collection> {
        &self.collection
    }

    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    pub fn select(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Arc<Record>>, ApiError> {
        Ok(snapshot.select(&self.collection, &self.query(snapshot)?)?)
    }

    pub fn count(&self, snapshot: &Snapshot<'_>) -> Result<u64, ApiError> {
        Ok(snapshot.count(&self.query(snapshot)?)?)
    }

    fn query(&self, snapshot: &Snapshot<'_>) -> Result<Query, ApiError> {
        let seen = condition(snapshot, &self.asker, self.is_owner, &self.collection)?;
        let mut query = Query::new(&self.collection, &self.asker.tenant, Timestamp::now()).filter(&seen);
        let (related, plain): (Vec<_>, Vec<_>) =
            self.filters.iter().partition(|(key, _)| self.is_related(snapshot, key));
        let filter = read(plain.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        query = query.filter(&filter.residual(&self.collection));
        for (key, value) in related {
            query = query.filter(&self.related(snapshot, key, value)?);
        }
        if let Some((key, descending)) = &self.sort {
            query = query.sort(&Sort::by_document(&self.collection, key, *descending));
        }
        Ok(match self.page {
            Some((limit, offset)) => query.page(limit, offset),
            None => query,
        })
    }

    fn is_related(&self, snapshot: &Snapshot<'_>, key: &str) -> bool {
        let Some((relation, _)) = key.split_once('.') else { return false };
        self.collection.open
            && !key.contains("__or__")
            && !key.contains("__and__")
            && relation::target(snapshot.catalog(), &self.asker.tenant, relation).is_some()
    }

    /// `author.role=admin`: the document's own path, or a related record for which the rest holds.
    fn related(&self, snapshot: &Snapshot<'_>, key: &str, value: &str) -> Result<Residual, ApiError> {
        let own = read([(key, value)])?.residual(&self.collection);
        let Some((relation, rest)) = key.split_once('.') else { return Ok(own) };
        let tenant = &self.asker.tenant;
        let Some(target) = relation::target(snapshot.catalog(), tenant, relation) else { return Ok(own) };
        if &*target.name == app_user::COLLECTION && rest.contains("email") && !self.sees_addresses {
            return Ok(own);
        }
        let filter = read([(rest, value)])?.residual(&target);
        let seen = relation::visible(snapshot, &self.asker, &target);
        let query =
            Query::new(&target, tenant, Timestamp::now()).filter(&seen).filter(&filter).page(RELATED, 0);
        let records = snapshot.select(&target, &query)?;
        let mut either = own;
        for ids in records.chunks(IDS) {
            let ids = ids.iter().map(|record| record.id()).collect::<Vec<_>>().join(",");
            let (one, many) = (format!("{relation}_id_in"), format!("{relation}_ids_in"));
            for key in [&one, &many] {
                either = either.or(read([(key.as_str(), ids.as_str())])?.residual(&self.collection));
            }
        }
        Ok(either)
    }
}

fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<DocumentFilter, ApiError> {
    DocumentFilter::from_pairs(pairs).map_err(|error| ApiError::bad_request(&error.to_string()))
}

/// Which records of a collection the asker may see: all of an open one, and those of a typed one that its list rule
/// lets through, but all for an owner.
pub fn condition(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    is_owner: bool,
    collection: &Arc<Collection>,
) -> Result<Residual, ApiError> {
    if collection.open || is_owner {
        return Ok(Residual::always());
    }
    if collection.rules.list.is_none() && !asker.is_superuser() {
        return Err(ApiError::forbidden(FORBIDDEN));
    }
    Ok(gate(snapshot.catalog(), collection, Which::List, asker, ""))
}

/// The collection that a request lists, if it may; `None` if there is none.
pub fn readable(call: &Call) -> Result<Option<Arc<Collection>>, ApiError> {
    let found = call.collection();
    call.require(crate::call::Deed::Read, found.as_deref())?;
    debug_assert!(found.as_ref().is_none_or(|found| collection::is_visible(found, call.tenant())));
    Ok(found)
}
