use crate::document::{Lookup, canonical, canonical_texts};
use std::sync::Arc;
use tidewire_model::{Record, Value};

/// What an index of conditions reads of a record: a field, or what a name of a filter on documents leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet(Source);

#[derive(Clone, Debug, PartialEq)]
enum Source {
    Field(Box<str>),
    Document(Arc<Lookup>),
}

impl Facet {
    pub fn field(name: &str) -> Self {
        Self(Source::Field(name.into()))
    }

    pub(crate) fn document(lookup: Arc<Lookup>) -> Self {
        Self(Source::Document(lookup))
    }

    /// The value by which a document with this text is found.
    pub(crate) fn document_value(text: &str) -> Value {
        Value::text(&canonical(text))
    }

    /// True for the one field by which records are told apart.
    pub(crate) fn is_id(&self) -> bool {
        matches!(&self.0, Source::Field(name) if &**name == "id")
    }

    /// The values that a record has there: one or none of a field; of a document as many as may equal a constant.
    pub fn each_value(&self, record: &Record, visit: &mut dyn FnMut(&Value)) {
        match &self.0 {
            Source::Field(name) => {
                if let Some(value) = record.get(name) {
                    visit(value);
                }
            }
            Source::Document(lookup) => {
                if let Some(value) = lookup.value_of(record) {
                    canonical_texts(&value, &mut |text| visit(&Value::text(text)));
                }
            }
        }
    }
}

impl From<&str> for Facet {
    fn from(name: &str) -> Self {
        Self::field(name)
    }
}
