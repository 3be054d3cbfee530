//! What user code says to connections and their subscriptions.

use crate::App;
use crate::realtime::admission::Admitted;
use crate::realtime::interest::tenant_of;
use crate::realtime::wanted::Wanted;
use serde_json::json;
use tidewire_connection::events::{Grant, Origin, Turn, Visit, Who, Wish};
use tidewire_hooks::Refusal;
use tidewire_model::Language;
use tidewire_records::Asker;
use tidewire_records::account::random_uuid;

/// A connection as user code follows it.
pub fn visit(app: &App, origin: Option<Box<Origin>>, admitted: &Admitted) -> Visit {
    if origin.is_none() {
        return Visit::unseen();
    }
    Visit::new(&app.events, random_uuid(), origin, || Who {
        asker: Asker {
            principal: admitted.principal.clone(),
            tenant: tenant_of(&admitted.principal).unwrap_or_default(),
            language: Language::SnackBase,
            context: "realtime",
            method: "GET".to_owned(),
            ..Asker::default()
        },
        token_type: Some(admitted.token_type),
    })
}

/// Asks whether a subscription may begin, and narrows it.
pub async fn ask(turn: &Turn, wanted: &mut Wanted) -> Result<Grant, Refusal> {
    let extras = &wanted.extras;
    let options = json!({
        "since": extras.since, "snapshot": extras.snapshot, "cursor": extras.cursor, "leave": extras.leave,
    });
    let wish = Wish {
        key: &wanted.collection,
        collection: Some(&wanted.collection),
        topic: None,
        operations: wanted.operations,
        filter: json!(extras.filter),
        options,
    };
    let grant = turn.subscribe(&wish).await?;
    wanted.operations = grant.operations;
    wanted.narrowed = grant.texts();
    Ok(grant)
}
