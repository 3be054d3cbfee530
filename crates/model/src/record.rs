use crate::collection::Collection;
use crate::tenant::TenantId;
use crate::value::Value;
use std::sync::Arc;

/// One row as it was at one moment, hidden fields included. What a client may see of it is decided later.
#[derive(Clone, Debug)]
pub struct Record {
    /// the definition it was read or written with
    pub collection: Arc<Collection>,
    pub tenant: TenantId,
    /// one value for each of `collection.fields`, in their order
    pub values: Box<[Value]>,
}

impl Record {
    /// A record in which no field was set.
    pub fn empty(collection: Arc<Collection>, tenant: TenantId) -> Self {
        let values = collection.fields.iter().map(crate::Field::unset).collect();
        Self { collection, tenant, values }
    }

    pub fn id(&self) -> &str {
        self.get("id").map_or("", Value::as_str)
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(self.collection.field_index(field)?)
    }

    /// The text of a text-like field, "" if there is none.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).map_or("", Value::as_str)
    }

    pub fn bool(&self, field: &str) -> bool {
        matches!(self.get(field), Some(Value::Bool(true)))
    }

    /// Sets a field that exists; an unknown name is ignored.
    pub fn set(&mut self, field: &str, value: Value) {
        if let Some(index) = self.collection.field_index(field) {
            self.values[index] = value;
        }
    }

    /// Fields with their values, in the order of the definition.
    pub fn fields(&self) -> impl Iterator<Item = (&crate::field::Field, &Value)> {
        self.collection.fields.iter().zip(self.values.iter())
    }
}
