use crate::call::Call;
use crate::error::ApiError;
use crate::records::answer::Writer;
use crate::records::expansion::Expansion;
use crate::records::refusal;
use crate::records::scope::{Operation, Scope};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use tidewire_records::RecordError;

/// `GET /records/{collection}/{id}`: a point read, done on this thread.
pub async fn view(call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::View)?;
    let expand = Expansion::read(&scope.collection, call.query("expand").unwrap_or(""))?;
    let id = call.param("id");
    let text = call.app.store.read_here(|snapshot| {
        let asker = scope.asker_for(snapshot, id)?;
        let record = tidewire_records::view::view(snapshot, &asker, &scope.collection, id)?;
        let mut text = Vec::with_capacity(512);
        Writer::of_one(snapshot, &asker, &scope.collection).write_all(&[record], &expand, &mut text)?;
        Ok::<_, RecordError>(text)
    });
    Ok(wire::raw_json(StatusCode::OK, text.map_err(refusal::of)?))
}
