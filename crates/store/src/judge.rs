//! Rules judged on images of records.

use crate::row::Param;
use crate::stand_in::ImageTables;
use crate::{Snapshot, StoreError};
use rusqlite::params_from_iter;
use std::sync::Arc;
use tidewire_model::{Record, Timestamp};
use tidewire_rules::{Choice, Panel, Query, Residual, Statement, Truth};

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

    /// The same for several residuals, at `now`, with few statements.
    pub fn holds_each(
        &self,
        residuals: &[&Residual],
        image: &Record,
        gone: &[Arc<Record>],
        now: Timestamp,
    ) -> Result<Vec<Result<bool, StoreError>>, StoreError> {
        let tables = ImageTables::fill(self.database, image, gone)?;
        let Panel { known, choices } = Panel::new(residuals, image, now, &tables);
        let mut answers: Vec<_> = known.into_iter().map(|answer| Ok(answer.unwrap_or(false))).collect();
        for choice in choices {
            match self.chosen(&choice) {
                Ok(places) => places.into_iter().for_each(|place| answers[place] = Ok(true)),
                // one of them may be at fault for all
                Err(_) => {
                    for place in choice.of {
                        answers[place] = self.exists(residuals[place], image, now, &tables);
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Places of the residuals that hold.
    fn chosen(&self, choice: &Choice) -> Result<Vec<usize>, StoreError> {
        let mut statement = self.connection().prepare_cached(&choice.statement.sql)?;
        let mut rows = statement.query(params_from_iter(choice.statement.params.iter().map(Param)))?;
        if choice.all {
            return Ok(if rows.next()?.is_some() { choice.of.clone() } else { Vec::new() });
        }
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            places.extend(choice.of.get(row.get::<_, u32>(0)? as usize));
        }
        Ok(places)
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
