//! How records look in an answer: the `expand` and `fields` options, and the short way to bytes without them.

use crate::query::Query;
use std::sync::Arc;
use tidewire_model::json::{self, Escape};
use tidewire_model::{Catalog, Collection, Record};
use tidewire_records::Asker;
use tidewire_records::show::{Expand, Fields, Sight, show_all};
use tidewire_store::{Snapshot, Store, StoreError};

#[derive(Clone, Debug, Default)]
pub struct Shape {
    expand: Option<Expand>,
    fields: Option<Fields>,
}

impl Shape {
    pub fn of(query: &Query) -> Self {
        Self { expand: Expand::parse(query.get("expand")), fields: Fields::parse(query.get("fields")) }
    }

    /// Appends one record.
    pub fn write(
        &self,
        snapshot: &Snapshot<'_>,
        asker: &Asker,
        record: &Arc<Record>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        self.write_all(snapshot, asker, &record.collection, std::slice::from_ref(record), out)
    }

    /// Appends records of one collection, separated by commas.
    pub fn write_all(
        &self,
        snapshot: &Snapshot<'_>,
        asker: &Asker,
        collection: &Arc<Collection>,
        records: &[Arc<Record>],
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if let Some(sight) = self.plain_sight(asker, snapshot.catalog(), collection) {
            write_separated(out, records, |record, out| self.write_plain(&sight, record, out));
            return Ok(());
        }
        let shown = show_all(snapshot, asker, records, self.expand.as_ref(), self.fields.as_ref())?;
        write_separated(out, &shown, |record, out| json::write(out, record, Escape::Minimal));
        Ok(())
    }

    /// One record that was just written, as text. Asks the database only if the shape needs it.
    pub async fn text(
        self,
        store: &Store,
        asker: Arc<Asker>,
        record: Arc<Record>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut text = Vec::with_capacity(512);
        if let Some(sight) = self.plain_sight(&asker, &store.catalog(), &record.collection) {
            self.write_plain(&sight, &record, &mut text);
            return Ok(text);
        }
        store
            .read(move |snapshot| {
                self.write(snapshot, &asker, &record, &mut text)?;
                Ok(text)
            })
            .await
    }

    fn write_plain(&self, sight: &Sight, record: &Record, out: &mut Vec<u8>) {
        match &self.fields {
            Some(fields) => sight.write_fields(record, fields, Escape::Minimal, out),
            None => sight.write(record, Escape::Minimal, out),
        }
    }

    /// `Some` if a record's own values decide how it looks.
    fn plain_sight(
        &self,
        asker: &Asker,
        catalog: &Arc<Catalog>,
        collection: &Arc<Collection>,
    ) -> Option<Sight> {
        if self.expand.is_some() {
            return None;
        }
        Some(Sight::of(asker, catalog, collection)).filter(|sight| sight.email.is_local())
    }
}

fn write_separated<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
}
