use crate::Asker;
use serde_json::{Value as Json, json};
use tidewire_hooks::{Event, Occasion};
use tidewire_model::{Action, Catalog, Collection};

/// System collections whose records belong to an auth record.
const ATTACHED: [&str; 4] = ["_authOrigins", "_externalAuths", "_mfas", "_otps"];

/// Whether its records are records to users, and not what the server keeps for itself.
pub(crate) fn is_seen(collection: &Collection) -> bool {
    !collection.internal && !ATTACHED.contains(&&*collection.name)
}

pub(crate) fn operation(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    }
}

/// A write to a collection on behalf of this asker.
pub(crate) fn writing(event: Event, action: Action, asker: &Asker, collection: &Collection) -> Occasion {
    let auth = asker.principal.record().filter(|record| !record.id().is_empty());
    Occasion::new(event, asker.tenant.clone())
        .of(&collection.name)
        .with("operation", operation(action))
        .with("user_id", asker.principal.id())
        .with("account_id", asker.tenant.as_str())
        .with("auth", auth.map_or(Json::Null, |record| who(record.id(), &record.collection)))
}

/// The fields that tell who wrote, from the actor of a change.
pub(crate) fn by(catalog: &Catalog, actor: &str) -> (String, Json) {
    let Some((collection, id)) = actor.split_once('/').filter(|(_, id)| !id.is_empty()) else {
        return (String::new(), Json::Null);
    };
    let auth = match catalog.by_id(collection) {
        Some(collection) => who(id, collection),
        None => json!({ "id": id, "collectionId": collection, "collectionName": "" }),
    };
    (id.to_owned(), auth)
}

fn who(id: &str, collection: &Collection) -> Json {
    json!({ "id": id, "collectionId": &*collection.id, "collectionName": &*collection.name })
}
