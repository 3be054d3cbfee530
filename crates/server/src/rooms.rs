//! What `rooms` tells of a running server.

use crate::command::Outcome;
use serde_json::{Value as Json, json};
use tidewire_feed::{Feed, RoomInfo};
use tidewire_model::TenantId;
use tidewire_records::account;
use tidewire_store::{Account, Store, StoreError};

/// The rooms of one account, or of all, as a JSON array.
pub async fn list(store: &Store, feed: &Feed, account: Option<&str>) -> Outcome {
    let mut rooms = Vec::new();
    for (owner, name) in owners(store, account)? {
        rooms.extend(feed.rooms(&owner).await.iter().map(|room| shown(&name, room)));
    }
    Ok(Json::from(rooms).to_string())
}

fn owners(store: &Store, account: Option<&str>) -> Result<Vec<(TenantId, String)>, String> {
    let named = |account: Account| (account.id, account.slug);
    let Some(wanted) = account else {
        let all = store.read_here(|snapshot| snapshot.accounts());
        let all = all.map_err(|error: StoreError| error.to_string())?;
        return Ok(all.into_iter().map(named).collect());
    };
    let found = store.read_here(|snapshot| account::find(snapshot, wanted));
    let found = found.map_err(|error: StoreError| error.to_string())?;
    found.map(|account| vec![named(account)]).ok_or_else(|| format!("there is no account {wanted:?}"))
}

fn shown(account: &str, room: &RoomInfo) -> Json {
    let member = |user: &str, name: &str| json!({ "id": user, "name": name });
    let members: Vec<Json> = room.participants.iter().map(|one| member(&one.user, &one.name)).collect();
    json!({
        "account": account, "id": room.id, "title": room.title, "created_by": room.creator,
        "created": room.created_at.to_text(), "participants": members,
    })
}
