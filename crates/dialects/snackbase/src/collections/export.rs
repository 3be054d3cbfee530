use crate::call::Call;
use crate::collections::all;
use crate::collections::rules::RuleTexts;
use crate::collections::schema::{SchemaField, schema};
use crate::error::ApiError;
use crate::records::page::names;
use crate::wire;
use axum::response::Response;
use serde::Serialize;
use tidewire_model::{Catalog, Collection, Timestamp};

#[derive(Serialize)]
struct Export {
    version: &'static str,
    exported_at: String,
    exported_by: String,
    collections: Vec<Exported>,
}

#[derive(Serialize)]
struct Exported {
    name: Box<str>,
    schema: Vec<SchemaField>,
    rules: RuleTexts,
}

/// `GET /collections/export`, of all collections or of those in `collection_ids`.
pub async fn export(call: Call) -> Result<Response, ApiError> {
    let superadmin = call.superadmin()?;
    let wanted = names(call.query("collection_ids").unwrap_or(""));
    let mut found = all(&call);
    if let Some(wanted) = wanted {
        found.retain(|collection| wanted.contains(&collection.id) || wanted.contains(&collection.name));
    }
    let catalog = call.catalog();
    Ok(wire::ok(&Export {
        version: "1.0",
        exported_at: wire::naive_time(&Timestamp::now().to_text()),
        exported_by: superadmin.record.text("email").to_owned(),
        collections: found.iter().map(|collection| exported(&catalog, collection)).collect(),
    }))
}

fn exported(catalog: &Catalog, collection: &Collection) -> Exported {
    let rules = RuleTexts::of(collection);
    Exported { name: collection.name.clone(), schema: schema(catalog, collection), rules }
}
