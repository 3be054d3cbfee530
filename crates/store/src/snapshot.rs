use crate::StoreError;
use crate::change_log;
use crate::database::Database;
use crate::layout::{Layout, Stored, quote};
use crate::row::{self, Param};
use crate::{definition, schema, state};
use rusqlite::{Connection, OptionalExtension, Params, params_from_iter};
use std::sync::Arc;
use tidewire_model::{Catalog, Change, Collection, Epoch, Record, Seq, TenantId};
use tidewire_rules::{Aggregate, Query, SqlValue, Statement, TENANT_COLUMN};

/// A consistent view of the database: a reader's transaction, or the writer's own with its uncommitted writes.
pub struct Snapshot<'a> {
    pub(crate) database: &'a Database,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) epoch: Epoch,
    pub(crate) head: Seq,
}

impl<'a> Snapshot<'a> {
    /// The view of a connection whose transaction has begun. `published` saves reading the catalog if it is the one of
    /// this view.
    pub(crate) fn of(database: &'a Database, published: Arc<Catalog>) -> Result<Self, StoreError> {
        let (epoch, revision, head) = state::view(&database.connection)?;
        let catalog = if published.revision == revision {
            published
        } else {
            definition::load(&database.connection, revision)?
        };
        Ok(Self { database, catalog, epoch, head })
    }
}

impl Snapshot<'_> {
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The position of the last change that this view contains.
    pub fn head(&self) -> Result<Seq, StoreError> {
        Ok(self.head)
    }

    /// Changes after this position can be read in this view.
    pub fn floor(&self) -> Result<Seq, StoreError> {
        change_log::floor(self.connection(), self.head)
    }

    pub fn get(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(layout) = self.layout(collection) else { return Ok(None) };
        Ok(self.records(&layout, tenant, &layout.get, (tenant.as_str(), id))?.pop())
    }

    /// Whether there is a record of this id.
    pub fn has(&self, collection: &Arc<Collection>, tenant: &TenantId, id: &str) -> Result<bool, StoreError> {
        let Some(layout) = self.layout(collection) else { return Ok(false) };
        Ok(self.connection().prepare_cached(&layout.has)?.exists((tenant.as_str(), id))?)
    }

    /// The tenant that has a record of this id, for those who may see all; the first if several do.
    pub fn tenant_of(&self, collection: &Arc<Collection>, id: &str) -> Result<Option<TenantId>, StoreError> {
        let Some(layout) = self.layout(collection) else { return Ok(None) };
        let (table, tenant) = (&layout.table, quote(TENANT_COLUMN));
        // by account, so that the index over tenant and id serves
        let sql = format!(
            "SELECT r.{tenant} FROM tw_account a CROSS JOIN {table} r ON r.{tenant}=a.id AND r.\"id\"=? LIMIT 1"
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let found: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
        Ok(found.map(|tenant| TenantId::new(&tenant)))
    }

    /// In the order of `ids`; missing ones are left out.
    pub fn get_many(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        ids: &[&str],
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.get(collection, tenant, id)?);
        }
        Ok(found)
    }

    /// The first record whose `field` equals `text`; `nocase` folds ASCII case.
    pub fn find_by(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        field: &str,
        text: &str,
        nocase: bool,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(layout) = self.layout(collection) else { return Ok(None) };
        let Some(field) = layout.collection.field(field) else { return Ok(None) };
        let column = quote(&field.name);
        let collate = if nocase { " COLLATE NOCASE" } else { "" };
        // the second condition opens partial indexes that leave out empty values
        let filled = if text.is_empty() { String::new() } else { format!(" AND {column} != ''") };
        let sql = layout.select(&format!("{column}=?{collate}{filled} ORDER BY rowid LIMIT 1"));
        Ok(self.records(&layout, tenant, &sql, (tenant.as_str(), text))?.pop())
    }

    /// Records whose relation field `field` (single or multiple) names `id`.
    pub fn referencing(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        field: &str,
        id: &str,
        limit: u64,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let Some(layout) = self.layout(collection) else { return Ok(Vec::new()) };
        let Some(field) = layout.collection.field(field) else { return Ok(Vec::new()) };
        let column = format!("{}.{}", layout.table, quote(&field.name));
        let condition = if field.kind.is_multiple() {
            format!("EXISTS (SELECT 1 FROM json_each({column}) WHERE value=?) ORDER BY rowid LIMIT ?")
        } else {
            format!("{column}=? ORDER BY rowid LIMIT ?")
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.records(&layout, tenant, &layout.select(&condition), (tenant.as_str(), id, limit))
    }

    pub fn select(
        &self,
        collection: &Arc<Collection>,
        query: &Query,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let Statement { sql, params } = query.select(&self.stored(query)?);
        let mut statement = self.connection().prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(params.iter().map(Param)))?;
        let mut records = Vec::new();
        let fields = collection.fields.len();
        while let Some(row) = rows.next()? {
            let record = match query.tenant() {
                Some(tenant) => row::read(row, collection, tenant)?,
                // the last column says whose it is
                None => {
                    row::read(row, collection, &TenantId::new(row.get_ref(fields)?.as_str().unwrap_or("")))?
                }
            };
            records.push(record);
        }
        Ok(records)
    }

    /// The rows of `Query::aggregate`.
    pub fn aggregate(
        &self,
        query: &Query,
        of: &[Aggregate],
        by: &[&str],
        limit: u64,
    ) -> Result<Vec<Vec<SqlValue>>, StoreError> {
        let Statement { sql, params } = query.aggregate(of, by, limit, &self.stored(query)?);
        let mut statement = self.connection().prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(params.iter().map(Param)))?;
        let mut groups = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = (0..of.len() + by.len()).map(|index| row.get_ref(index).map(row::plain));
            groups.push(columns.collect::<Result<_, _>>()?);
        }
        Ok(groups)
    }

    /// How a selection would be carried out, in SQLite's words.
    pub fn explain(&self, query: &Query) -> Result<Vec<String>, StoreError> {
        let Statement { sql, params } = query.select(&self.stored(query)?);
        let mut statement = self.connection().prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let steps = statement.query_map(params_from_iter(params.iter().map(Param)), |row| row.get(3))?;
        Ok(steps.collect::<Result<_, _>>()?)
    }

    /// What is asked is counted: an index may be worth it.
    fn stored(&self, query: &Query) -> Result<Stored<'_>, StoreError> {
        let (demand, collection) = (&*self.database.demand, query.collection());
        if collection.open {
            demand.count(collection, &query.document_keys());
        }
        let only_tenant = match (query.tenant(), self.layout(collection)) {
            (Some(_), Some(layout)) => layout.only_tenant(self.connection(), self.head)?,
            _ => None,
        };
        Ok(Stored { demand, only_tenant })
    }

    pub fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let Statement { sql, params } = query.count(&self.stored(query)?);
        let mut statement = self.connection().prepare_cached(&sql)?;
        let count: i64 = statement.query_row(params_from_iter(params.iter().map(Param)), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Changes after `seq` in order, at most `limit`. None is ever left out: those of a deleted collection come with the
    /// last definition it had, under an id that is in no catalog. So a first change other than `seq + 1` means that the
    /// ones between are gone.
    pub fn changes_after(&self, seq: Seq, limit: usize) -> Result<Vec<Arc<Change>>, StoreError> {
        self.log().after(seq, limit)
    }

    /// Changes of one transaction id.
    pub fn changes_of(&self, transaction: u64) -> Result<Vec<Arc<Change>>, StoreError> {
        self.log().of(transaction)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.database.connection
    }

    /// By the definition of this view, whatever revision the caller's is of; `None` if it has no table.
    pub(crate) fn layout(&self, collection: &Arc<Collection>) -> Option<Arc<Layout>> {
        let current = self.catalog.by_id(&collection.id).filter(|current| schema::has_table(current))?;
        Some(self.database.layout(current))
    }

    fn log(&self) -> change_log::Reader<'_> {
        change_log::Reader { connection: self.connection(), catalog: &self.catalog, epoch: self.epoch }
    }

    fn records(
        &self,
        layout: &Layout,
        tenant: &TenantId,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(row::read(row, &layout.collection, tenant)?);
        }
        Ok(records)
    }
}
