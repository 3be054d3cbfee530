use super::{auth_options, defaults};
use crate::user;
use serde_json::{Map, Value as Json, json};
use tidewire_model::{AuthOptions, Collection, CollectionKind, Field, FieldKind, id};

/// The definition as superusers see it (PocketBase's JSON; secrets are left out).
pub fn show(collection: &Collection) -> Json {
    // PocketBase's clients compare and send back what they know
    let is_known = |field: &&Field| !(collection.is_users() && user::is_member_field(&field.name));
    let fields: Vec<_> = collection.fields.iter().filter(is_known).map(show_field).collect();
    let rules = &collection.rules;
    let mut json = json!({
        "id": collection.id,
        "listRule": rules.list,
        "viewRule": rules.view,
        "createRule": rules.create,
        "updateRule": rules.update,
        "deleteRule": rules.delete,
        "name": collection.name,
        "type": collection.kind.as_str(),
        "fields": fields,
        "indexes": collection.indexes,
        "created": collection.created,
        "updated": collection.updated,
        "system": collection.system,
    });
    if let (Some(auth), Json::Object(json)) = (&collection.auth, &mut json) {
        json.append(&mut show_auth(auth));
    }
    if collection.kind == CollectionKind::View {
        json["viewQuery"] = collection.view_query.as_deref().unwrap_or("").into();
    }
    json
}

/// An empty definition of a kind with its default fields.
pub fn scaffold(kind: CollectionKind) -> Json {
    let mut collection = defaults::new(kind, "", &id::lower(10));
    collection.id = "".into();
    show(&collection)
}

fn show_field(field: &Field) -> Json {
    let Ok(Json::Object(mut json)) = serde_json::to_value(field) else { return Json::Null };
    for list in ["exceptDomains", "onlyDomains", "mimeTypes", "thumbs"] {
        if let Some(value) = json.get_mut(list).filter(|value| value.is_null()) {
            *value = json!([]);
        }
    }
    if matches!(field.kind, FieldKind::Autodate(_)) {
        json.remove("required");
        json.remove("help");
    }
    if let FieldKind::Number(options) = &field.kind {
        for (key, value) in [("min", options.min), ("max", options.max)] {
            json.insert(key.into(), value.map_or(Json::Null, tidewire_model::json::number));
        }
    }
    Json::Object(json)
}

fn show_auth(auth: &AuthOptions) -> Map<String, Json> {
    let Ok(Json::Object(mut json)) = serde_json::to_value(auth) else { return Map::new() };
    for key in auth_options::TOKENS {
        if let Some(Json::Object(token)) = json.get_mut(key) {
            token.remove("secret");
        }
    }
    if let Some(Json::Array(providers)) =
        json.get_mut("oauth2").and_then(|oauth2| oauth2.get_mut("providers"))
    {
        for provider in providers.iter_mut().filter_map(Json::as_object_mut) {
            provider.remove("clientSecret");
        }
    }
    json
}
