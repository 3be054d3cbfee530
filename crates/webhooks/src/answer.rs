//! What a receiver's answer means.

use serde_json::{Map, Value as Json};
use tidewire_hooks::{HookError, Occasion};
use tidewire_outbound::Response;

/// Refused with these statuses was not what happens, but the call.
const OF_THE_CALL: [u16; 3] = [408, 425, 429];

/// Takes over what a good answer says; anything but an answer and a refusal is a failure.
pub(crate) fn take(occasion: &mut Occasion, response: &Response) -> Result<(), HookError> {
    let Response { status, body, .. } = response;
    match status {
        200..300 if !occasion.event.may_refuse() => Ok(()),
        200..300 => laid_over(occasion, body),
        400..500 if occasion.event.may_refuse() && !OF_THE_CALL.contains(status) => {
            let message = object(body).and_then(|answer| answer.get("message")?.as_str().map(str::to_owned));
            Err(HookError::abort(*status, message.unwrap_or_else(|| "Refused by a hook.".to_owned())))
        }
        _ => Err(HookError::Failed(format!("the answer has status {status}"))),
    }
}

/// `data` replaces the fields that it names; of `record` single members.
fn laid_over(occasion: &mut Occasion, body: &[u8]) -> Result<(), HookError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let Some(mut answer) = object(body) else {
        return Err(HookError::Failed("the answer is no JSON object".to_owned()));
    };
    match answer.remove("data") {
        None | Some(Json::Null) => {}
        Some(Json::Object(data)) => data.into_iter().for_each(|(name, value)| set(occasion, name, value)),
        Some(_) => return Err(HookError::Failed("`data` of the answer is no object".to_owned())),
    }
    match answer.remove("reply") {
        None | Some(Json::Null) => {}
        reply => occasion.reply = reply,
    }
    Ok(())
}

fn set(occasion: &mut Occasion, name: String, value: Json) {
    match (name.as_str(), occasion.fields.get_mut(&name), value) {
        ("record", Some(Json::Object(record)), Json::Object(members)) => record.extend(members),
        ("record", ..) => {}
        (_, _, value) => drop(occasion.fields.insert(name, value)),
    }
}

fn object(body: &[u8]) -> Option<Map<String, Json>> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidewire_hooks::Event;
    use tidewire_model::TenantId;

    #[test]
    fn answers_go_on_change_refuse_or_fail() {
        let before = Event::RecordBeforeCreate;
        let same = json!({"a": 1, "record": {"x": 1, "y": 2}});
        let failed = |text: &str| Err(HookError::Failed(text.to_owned()));
        for (event, status, body, expected) in [
            (before, 200, "", Ok(same.clone())),
            (before, 204, "", Ok(same.clone())),
            (before, 200, "{}", Ok(same.clone())),
            (before, 200, r#"{"data":null,"reply":null}"#, Ok(same.clone())),
            (
                before,
                200,
                r#"{"data":{"record":{"y":null},"b":2}}"#,
                Ok(json!({"a": 1, "b": 2, "record": {"x": 1, "y": null}})),
            ),
            (before, 200, r#"{"data":{"record":5}}"#, Ok(same.clone())),
            (before, 200, "fine", failed("the answer is no JSON object")),
            (before, 200, "[]", failed("the answer is no JSON object")),
            (before, 200, r#"{"data":1}"#, failed("`data` of the answer is no object")),
            (before, 403, r#"{"message":"no"}"#, Err(HookError::abort(403, "no"))),
            (before, 422, "<html>", Err(HookError::abort(422, "Refused by a hook."))),
            (before, 429, r#"{"message":"no"}"#, failed("the answer has status 429")),
            (before, 301, "", failed("the answer has status 301")),
            (before, 500, r#"{"message":"no"}"#, failed("the answer has status 500")),
            (Event::RecordAfterCreate, 200, "fine", Ok(same.clone())),
            (Event::RecordAfterCreate, 403, r#"{"message":"no"}"#, failed("the answer has status 403")),
        ] {
            let mut occasion = Occasion::new(event, TenantId::default());
            occasion.fields = same.as_object().unwrap().clone();
            let response = Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
            let outcome = take(&mut occasion, &response).map(|()| Json::Object(occasion.fields));
            assert_eq!(outcome, expected, "{status} {body}");
        }
        let mut occasion = Occasion::new(Event::RealtimeMessage, TenantId::default());
        let response = Response { status: 200, body: br#"{"reply":[1]}"#.to_vec(), ..Response::default() };
        take(&mut occasion, &response).unwrap();
        assert_eq!(occasion.reply, Some(json!([1])));
    }
}
