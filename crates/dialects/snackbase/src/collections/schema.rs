//! Fields as SnackBase shows them.

use crate::field_type::FieldType;
use crate::record_json::is_system;
use serde::Serialize;
use serde_json::Value as Json;
use tidewire_model::field::{Mask, OnDelete};
use tidewire_model::{Catalog, Collection, Field};
use tidewire_records::collections::is_unique;

/// A field with every key, in the order in which SnackBase writes them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SchemaField {
    pub name: Box<str>,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub required: bool,
    pub default: Json,
    pub unique: bool,
    pub options: Json,
    pub collection: Option<Box<str>>,
    pub on_delete: Option<OnDelete>,
    pub pii: bool,
    pub mask_type: Option<Mask>,
    pub encrypted: bool,
    pub expression: Option<Box<str>>,
    pub return_type: Option<Box<str>>,
}

/// The fields that a client may set and see.
pub fn schema(catalog: &Catalog, collection: &Collection) -> Vec<SchemaField> {
    let fields = own_fields(collection);
    fields.map(|field| SchemaField::new(catalog, collection, field)).collect()
}

/// All fields but those that every record has, and hidden ones.
pub fn own_fields(collection: &Collection) -> impl Iterator<Item = &Field> {
    collection.fields.iter().filter(|field| !is_system(&field.name) && !field.hidden)
}

impl SchemaField {
    fn new(catalog: &Catalog, collection: &Collection, field: &Field) -> Self {
        let extra = field.extra.as_deref().cloned().unwrap_or_default();
        let some = |text: Box<str>| (!text.is_empty()).then_some(text);
        let target = field.kind.relation().and_then(|relation| catalog.by_id(&relation.collection_id));
        let kind = FieldType::of(field);
        Self {
            name: field.name.clone(),
            kind: kind.name(),
            required: field.required,
            default: extra.default,
            unique: is_unique(collection, &field.name),
            options: extra.options,
            collection: target.filter(|_| kind == FieldType::Reference).map(|target| target.name.clone()),
            on_delete: extra.on_delete,
            pii: extra.mask.is_some(),
            mask_type: extra.mask,
            encrypted: extra.encrypted,
            expression: some(extra.expression),
            return_type: some(extra.returns),
        }
    }
}
