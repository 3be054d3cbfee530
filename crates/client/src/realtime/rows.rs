use crate::realtime::order::{Key, Order, Unknown};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::sync::Arc;

/// more are not held here
pub(crate) const MOST: usize = 20_000;

/// Records in the order of a sort.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    order: Order,
    rows: Vec<Row<T>>,
}

#[derive(Debug)]
struct Row<T> {
    id: Box<str>,
    key: Key,
    item: Arc<T>,
}

/// Why a record has no place.
#[derive(Debug)]
pub(crate) enum Fault {
    /// its order, or there are too many
    Unknown,
    Decode(String),
}

impl From<Unknown> for Fault {
    fn from(Unknown: Unknown) -> Self {
        Self::Unknown
    }
}

impl<T: DeserializeOwned> Rows<T> {
    pub(crate) fn new(order: Order) -> Self {
        Self { order, rows: Vec::new() }
    }

    /// Makes these all there are. Gives the faults of those that are no `T`, which are left out.
    pub(crate) fn load(&mut self, records: Vec<Json>) -> Result<Vec<String>, Unknown> {
        let mut faults = Vec::new();
        self.rows.clear();
        for record in records {
            match self.row(record) {
                Ok(row) => self.rows.push(row),
                Err(Fault::Decode(reason)) => faults.push(reason),
                Err(Fault::Unknown) => return Err(Unknown),
            }
        }
        let order = &self.order;
        self.rows.sort_by(|left, right| order.compare(&left.key, &right.key));
        Ok(faults)
    }

    /// A record as it is now. Gives the first place whose row is another one by that, and whether it is new.
    pub(crate) fn put(&mut self, record: Json) -> Result<(usize, bool), Fault> {
        let id = record["id"].as_str().unwrap_or_default();
        let old = self.remove(id);
        let row = self.row(record)?;
        let place = self.rows.partition_point(|other| self.order.compare(&other.key, &row.key).is_lt());
        self.rows.insert(place, row);
        if self.rows.len() > MOST {
            return Err(Fault::Unknown);
        }
        Ok((old.map_or(place, |old| old.min(place)), old.is_none()))
    }

    /// The place that it had.
    pub(crate) fn remove(&mut self, id: &str) -> Option<usize> {
        let place = self.rows.iter().position(|row| *row.id == *id)?;
        self.rows.remove(place);
        Some(place)
    }

    /// The first ones.
    pub(crate) fn items(&self, limit: usize) -> Vec<Arc<T>> {
        self.rows.iter().take(limit).map(|row| row.item.clone()).collect()
    }

    fn row(&self, record: Json) -> Result<Row<T>, Fault> {
        let key = self.order.key(&record)?;
        let id = record["id"].as_str().ok_or_else(|| Fault::Decode("a record without id".to_owned()))?.into();
        let item = serde_json::from_value(record).map_err(|error| Fault::Decode(error.to_string()))?;
        Ok(Row { id, key, item: Arc::new(item) })
    }
}
