//! Rules judged on images of records.

use crate::row::Param;
use crate::stand_in::ImageTables;
use crate::{Snapshot, StoreError};
use rusqlite::params_from_iter;
use std::sync::Arc;
use tidewire_model::{Record, Timestamp};
use tidewire_rules::{Query, Residual, Statement, Truth};

impl Snapshot<'_> {
    /// Whether `residual` holds for this image of a record: in memory if it can, else by SQL with the image standing in
    /// for the stored row. `gone` are records deleted by the same transaction, which count as if they were still there.
    pub fn holds(
        &self,
        residual: &Residual,
        image: &Record,
        gone: &[Arc<Record>],
    ) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        match residual.eval(image, now) {
            Truth::Yes => return Ok(true),
            Truth::No => return Ok(false),
            Truth::Ask => {}
        }
        let tables = ImageTables::fill(self.database, image, gone)?;
        self.exists(residual, image, now, &tables)
    }

    /// Whether each of `residuals` holds for the image, at `now`.
    pub fn holds_each(
        &self,
        residuals: &[&Residual],
        image: &Record,
        gone: &[Arc<Record>],
        now: Timestamp,
    ) -> Result<Vec<Result<bool, StoreError>>, StoreError> {
        let tables = ImageTables::fill(self.database, image, gone)?;
        Ok(residuals.iter().map(|residual| self.exists(residual, image, now, &tables)).collect())
    }

    fn exists(
        &self,
        residual: &Residual,
        image: &Record,
        now: Timestamp,
        tables: &ImageTables,
    ) -> Result<bool, StoreError> {
        let query = Query::new(&image.collection, &image.tenant, now).filter(residual);
        let Statement { sql, params } = query.exists(tables);
        let mut statement = self.connection().prepare_cached(&sql)?;
        Ok(statement.exists(params_from_iter(params.iter().map(Param)))?)
    }
}
