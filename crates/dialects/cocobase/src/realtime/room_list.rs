//! `GET /realtime/rooms`: the rooms of the key's project, and who is in them.

use crate::App;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use tidewire_connection::answer;
use tidewire_feed::RoomInfo;

pub async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let project = crate::realtime::visitor::project_of_header(&app, &headers)?;
    let rooms = app.feed.rooms(&project).await;
    let shown: Vec<Json> = rooms.iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "rooms": shown, "total": rooms.len() })))
}

fn shown(room: &RoomInfo) -> Json {
    let participants: Vec<Json> =
        room.participants.iter().map(|one| json!({ "id": one.user, "name": one.name })).collect();
    json!({
        "id": room.id,
        "title": room.title,
        "created_by": room.creator,
        "participants": participants.len(),
        "participant_list": participants,
        "created_at": room.created_at.seconds(),
    })
}
