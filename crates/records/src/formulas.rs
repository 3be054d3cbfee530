//! Computed fields: values made of the others when a record is read.

use crate::rule::layout;
use std::sync::Arc;
use tidewire_model::field::Mask;
use tidewire_model::{Catalog, Collection, FieldKind, Record, Timestamp, Value};
use tidewire_rules::Formula;

/// The computed fields of one collection, by their places among all fields.
#[derive(Clone, Debug, Default)]
pub struct Formulas(Vec<(usize, Computed)>);

/// One computed field.
#[derive(Clone, Debug)]
struct Computed {
    formula: Formula,
    is_bool: bool,
}

impl Formulas {
    /// Made once per catalog.
    pub fn of(catalog: &Arc<Catalog>, collection: &Arc<Collection>) -> Arc<Self> {
        layout(catalog, collection).formulas.clone()
    }

    /// A formula that does not fit the schema any more gives nothing.
    pub(crate) fn new(collection: &Arc<Collection>) -> Self {
        let computed = |(index, field): (usize, &tidewire_model::Field)| {
            field.formula()?;
            let formula = Formula::of_field(collection, &field.name).ok()?;
            Some((index, Computed { formula, is_bool: matches!(field.kind, FieldKind::Bool {}) }))
        };
        Self(collection.fields.iter().enumerate().filter_map(computed).collect())
    }

    /// The value of the computed field at this place; the record must be of the collection's present definition.
    pub fn value(&self, index: usize, record: &Record) -> Value {
        let Some(computed) = self.at(index) else { return Value::Null };
        match computed.formula.value(record, Timestamp::now()) {
            Value::Number(number) if computed.is_bool => Value::Bool(number != 0.0),
            other => other,
        }
    }

    /// How it is masked if its definition does not say: what is computed from personal data is hidden with it.
    pub fn mask(&self, index: usize) -> Option<Mask> {
        self.at(index).filter(|computed| computed.formula.is_personal()).map(|_| Mask::Full)
    }

    fn at(&self, index: usize) -> Option<&Computed> {
        self.0.iter().find(|(at, _)| *at == index).map(|(_, computed)| computed)
    }
}
