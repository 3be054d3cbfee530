//! `POST /api/realtime`: who a client is, and what it wants to hear from now on.

use crate::App;
use crate::asker;
use crate::body::{LIMIT, Payload};
use crate::call::Call;
use crate::error::ApiError;
use crate::realtime::clients::{Client, Topics};
use crate::realtime::interest::{TopicInterest, tenant_of};
use crate::realtime::permission;
use crate::realtime::start::{self, Beginning};
use crate::wire;
use axum::response::Response;
use http::HeaderName;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tidewire_connection::events::{Grant, Turn};
use tidewire_feed::{Start, Subscription};
use tidewire_hooks::Occasion;
use tidewire_model::{Catalog, Principal};

/// bytes
const CLIENT_ID_LENGTH: usize = 255;
const TOPICS: usize = 1000;
/// bytes
const TOPIC_LENGTH: usize = 2500;
/// Names the answer's header: every commit after this position is told.
const CURSOR: HeaderName = HeaderName::from_static("tidewire-cursor");
const NO_CLIENT: &str = "Missing or invalid client id.";

pub async fn subscribe(mut call: Call) -> Result<Response, ApiError> {
    let payload = call.read_body(LIMIT).await.map_err(|error| error.or(""))?;
    let form = Form::read(payload)?;
    form.validate()?;
    let clients = &call.app.realtime.clients;
    let client = clients.find(&form.client_id).ok_or_else(|| ApiError::not_found(NO_CLIENT))?;
    if call.app.realtime.options.check_address && client.address != asker::address(&call.parts) {
        return Err(ApiError::bad_request("Invalid realtime client."));
    }
    let _turn = client.turn.acquire().await.map_err(|_| ApiError::internal())?;
    check_principal(&client.connection.principal(), &call.asker.principal)?;
    // before anything is set, so that a client that hears nothing can go on from here without a gap
    let cursor = start::cursor(&call.app, call.app.store.head());
    set(&call.app, &client, call.asker.principal.clone(), &form.topics).await?;
    let mut answer = wire::no_content();
    if let Ok(cursor) = cursor.parse() {
        answer.headers_mut().insert(CURSOR, cursor);
    }
    Ok(answer)
}

/// A guest may become anybody, anybody else may only stay what it is.
fn check_principal(current: &Principal, new: &Principal) -> Result<(), ApiError> {
    if current.record().is_none() || current.is_same(new) {
        return Ok(());
    }
    Err(ApiError::forbidden("The current and the previous request authorization don't match."))
}

/// The caller has the client's turn.
pub(crate) async fn set(
    app: &App,
    client: &Client,
    principal: Principal,
    topics: &[String],
) -> Result<(), ApiError> {
    // what is owed already must be read before more is promised
    if client.connection.owed() > app.realtime.options.snapshot_bytes {
        return Err(ApiError::too_many_requests());
    }
    let mut asking = Asking::begin(client, &principal).await?;
    let mut names = Topics::with_capacity(topics.len());
    let mut interests = Vec::with_capacity(topics.len());
    for (index, text) in topics.iter().enumerate() {
        if !text.is_empty() && !names.contains_key(text.as_str()) {
            let mut interest = TopicInterest::new(text, &client.id, app.store.clone());
            if client.topic(text).is_none() {
                check_allowed(app, &interest, &principal, index)?;
            }
            let name = asking.name(&app.store.catalog(), &mut interest).await?;
            names.insert(text.as_str().into(), (*name != **text).then(|| name.clone()));
            interests.push((name, interest));
        }
    }
    let mut subscriptions = Vec::with_capacity(interests.len());
    let mut beginning = Beginning::new(app, client, &principal);
    for (name, interest) in interests {
        let interest = Arc::new(interest);
        let is_held = client.topic(&interest.topic.text).is_some();
        let start = if is_held { Start::Now } else { beginning.of(&interest).await? };
        subscriptions.push(Subscription { name, interest, start });
    }
    let told = asking.done(&names);
    client.connection.set(principal, subscriptions).await;
    client.set_topics(names);
    if let Some((turn, ends)) = told {
        turn.tell(ends);
    }
    Ok(())
}

/// User code that is asked about the topics of one request.
struct Asking<'a> {
    client: &'a Client,
    principal: &'a Principal,
    /// `None`: nobody follows the stream
    turn: Option<Turn>,
    /// who becomes somebody else is asked about everything anew
    stays: bool,
    grants: Vec<Grant>,
}

impl<'a> Asking<'a> {
    async fn begin(client: &'a Client, principal: &'a Principal) -> Result<Self, ApiError> {
        let mut turn = client.visit.turn().await;
        let mut stays = true;
        if let Some(turn) = &mut turn {
            if turn.is_over() {
                return Err(ApiError::not_found(NO_CLIENT));
            }
            stays = turn.principal().is_same(principal);
            turn.ask_as(principal, permission::token_type(principal));
        }
        Ok(Self { client, principal, turn, stays, grants: Vec::new() })
    }

    /// The subscription's name. One that is held goes on under the name that it has.
    async fn name(&mut self, catalog: &Catalog, interest: &mut TopicInterest) -> Result<Box<str>, ApiError> {
        let held = self.client.topic(&interest.topic.text).filter(|_| self.stays);
        if let (Some(turn), None) = (&self.turn, &held) {
            let grant = permission::ask(turn, catalog, self.principal, interest).await;
            self.grants.push(grant.map_err(|refusal| permission::refused(&refusal))?);
        }
        Ok(held.unwrap_or_else(|| interest.name()))
    }

    /// What was granted holds from now on; gives what ends by that.
    fn done(self, names: &Topics) -> Option<(Turn, Vec<Occasion>)> {
        let mut turn = self.turn?;
        let ends = turn.end(|text| !self.stays || !names.contains_key(text));
        turn.become_who_asks();
        self.grants.into_iter().for_each(|grant| turn.begin(grant));
        Some((turn, ends))
    }
}

/// Who may hear record events is decided event by event; a custom topic has a rule of its own.
fn check_allowed(
    app: &App,
    interest: &TopicInterest,
    principal: &Principal,
    index: usize,
) -> Result<(), ApiError> {
    let catalog = app.store.catalog();
    let names_records = interest.collection(&catalog, &tenant_of(principal)).is_some();
    if names_records || interest.may_hear(&catalog, principal, interest.topic.name()) {
        return Ok(());
    }
    let fault = json!({
        "code": "validation_forbidden_topic", "message": "You are not allowed to subscribe to this topic.",
    });
    let faults = Map::from_iter([(index.to_string(), fault)]);
    let mut error = ApiError::forbidden("You are not allowed to subscribe to this topic.");
    error.data.insert("subscriptions".to_owned(), Json::Object(faults));
    Err(error)
}

#[derive(Debug, PartialEq)]
struct Form {
    client_id: String,
    topics: Vec<String>,
}

impl Form {
    fn read(payload: Payload) -> Result<Self, ApiError> {
        let read = || {
            let fixed = payload.into_fixed()?;
            let client_id = fixed.text("clientId")?.unwrap_or_default();
            let topics = fixed.texts("subscriptions")?.unwrap_or_default();
            Ok(Self { client_id, topics })
        };
        read().map_err(|error: crate::body::BodyError| error.or(""))
    }

    /// All faults are told at once.
    fn validate(&self) -> Result<(), ApiError> {
        let mut data = Map::new();
        if let Some(fault) = self.client_id_fault() {
            data.insert("clientId".to_owned(), fault);
        }
        if let Some(fault) = self.topics_fault() {
            data.insert("subscriptions".to_owned(), fault);
        }
        if data.is_empty() {
            return Ok(());
        }
        Err(ApiError { data, ..ApiError::bad_request("") })
    }

    fn client_id_fault(&self) -> Option<Json> {
        match self.client_id.len() {
            0 => Some(json!({ "code": "validation_required", "message": "Cannot be blank." })),
            length if length > CLIENT_ID_LENGTH => Some(json!({
                "code": "validation_length_out_of_range",
                "message": format!("The length must be between 1 and {CLIENT_ID_LENGTH}."),
                "params": { "max": CLIENT_ID_LENGTH, "min": 1 },
            })),
            _ => None,
        }
    }

    fn topics_fault(&self) -> Option<Json> {
        if self.topics.len() > TOPICS {
            return Some(too_long(TOPICS));
        }
        let faults = self
            .topics
            .iter()
            .enumerate()
            .filter_map(|(index, topic)| Some((index.to_string(), topic_fault(topic)?)));
        let faults: Map<String, Json> = faults.collect();
        (!faults.is_empty()).then_some(Json::Object(faults))
    }
}

/// A line break would let a topic forge events in its own stream.
fn topic_fault(topic: &str) -> Option<Json> {
    if topic.len() > TOPIC_LENGTH {
        return Some(too_long(TOPIC_LENGTH));
    }
    topic
        .contains(['\r', '\n'])
        .then(|| json!({ "code": "validation_match_invalid", "message": "Must not contain line breaks." }))
}

fn too_long(max: usize) -> Json {
    json!({
        "code": "validation_length_too_long",
        "message": format!("The length must be no more than {max}."),
        "params": { "max": max, "min": 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;
    use axum::body::Body;
    use http::{Request, header};

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=B";
    const DEFAULT: &str =
        r#"{"data":{},"message":"Something went wrong while processing your request.","status":400}"#;

    async fn read(kind: &str, body: &str) -> Result<Form, ApiError> {
        let request = Request::builder().header(header::CONTENT_TYPE, kind).body(()).unwrap();
        let payload = body::read(&request.into_parts().0, Body::from(body.to_owned()), LIMIT).await;
        let form = Form::read(payload.map_err(|error| error.or(""))?)?;
        form.validate()?;
        Ok(form)
    }

    #[tokio::test]
    async fn forms_are_read_from_every_encoding() {
        let multipart = "--B\r\nContent-Disposition: form-data; name=\"clientId\"\r\n\r\nc\r\n--B\r\n\
            Content-Disposition: form-data; name=\"subscriptions\"\r\n\r\na\r\n--B\r\n\
            Content-Disposition: form-data; name=\"subscriptions\"\r\n\r\nb\r\n--B--\r\n";
        for (kind, body, topics) in [
            (JSON, r#"{"clientId":"c","subscriptions":["a","b"]}"#, vec!["a", "b"]),
            ("application/json; charset=utf-8", r#"{"ClientID":"c","x":1}trailing"#, vec![]),
            (JSON, r#"{"clientId":"c","subscriptions":null}"#, vec![]),
            (JSON, r#"{"clientId":"c","subscriptions":["","a",""]}"#, vec!["", "a", ""]),
            (FORM, "clientId=c&subscriptions=a&subscriptions=b%2F*", vec!["a", "b/*"]),
            (FORM, r#"clientId=c&subscriptions=["a"]"#, vec!["[\"a\"]"]),
            (FORM, "clientId=c&subscriptions[]=a&subscriptions.0=b", vec![]),
            (FORM, r#"@jsonPayload={"clientId":"c","subscriptions":["a"]}"#, vec!["a"]),
            (MULTIPART, multipart, vec!["a", "b"]),
        ] {
            let form = read(kind, body).await.unwrap();
            assert_eq!(
                (form.client_id.as_str(), form.topics),
                ("c", topics.into_iter().map(str::to_owned).collect())
            );
        }
    }

    fn body_with(data: &str) -> String {
        DEFAULT.replacen("{}", data, 1)
    }

    async fn check_refused(kind: &str, body: &str, expected: &str) {
        let error = read(kind, body).await.unwrap_err();
        assert_eq!(
            tidewire_model::json::to_string(&error.to_json()),
            expected,
            "{}",
            &body[..body.len().min(60)]
        );
    }

    #[tokio::test]
    async fn unreadable_bodies_get_the_default_answer() {
        for (kind, body) in [
            (JSON, r#"{"clientId":123}"#),
            (JSON, r#"{"clientId":"c","subscriptions":"a"}"#),
            (JSON, r#"{"clientId":"c","subscriptions":[1]}"#),
            (JSON, "[1]"),
            (JSON, r#""str""#),
            (JSON, "{"),
            ("text/plain", "x"),
            ("", "x"),
        ] {
            check_refused(kind, body, DEFAULT).await;
        }
    }

    #[tokio::test]
    async fn faults_are_told_at_once_and_to_the_byte() {
        let blank = r#""clientId":{"code":"validation_required","message":"Cannot be blank."}"#;
        let long = r#""clientId":{"code":"validation_length_out_of_range","message":"The length must be between 1 and 255.","params":{"max":255,"min":1}}"#;
        let many = r#""subscriptions":{"code":"validation_length_too_long","message":"The length must be no more than 1000.","params":{"max":1000,"min":0}}"#;
        let wide = r#""subscriptions":{"1":{"code":"validation_length_too_long","message":"The length must be no more than 2500.","params":{"max":2500,"min":0}}}"#;
        let breaks = r#""subscriptions":{"0":{"code":"validation_match_invalid","message":"Must not contain line breaks."}}"#;
        let topics = |count: usize| json!(vec!["t"; count]).to_string();
        let both = |topic: String| json!(["a", topic]).to_string();
        for (id, topics, data) in [
            ("".to_owned(), "null".to_owned(), format!("{{{blank}}}")),
            ("c".repeat(256), "[]".to_owned(), format!("{{{long}}}")),
            ("é".repeat(128), "[]".to_owned(), format!("{{{long}}}")),
            ("c".to_owned(), topics(1001), format!("{{{many}}}")),
            ("c".to_owned(), both("x".repeat(2501)), format!("{{{wide}}}")),
            ("c".to_owned(), both("é".repeat(1251)), format!("{{{wide}}}")),
            ("".to_owned(), both("x".repeat(2501)), format!("{{{blank},{wide}}}")),
            ("c".to_owned(), r#"["a\nb"]"#.to_owned(), format!("{{{breaks}}}")),
            ("c".to_owned(), r#"["a\r"]"#.to_owned(), format!("{{{breaks}}}")),
        ] {
            let body = format!(r#"{{"clientId":"{id}","subscriptions":{topics}}}"#);
            check_refused(JSON, &body, &body_with(&data)).await;
        }
        check_refused(JSON, "", &body_with(&format!("{{{blank}}}"))).await;
        assert!(read(JSON, &format!(r#"{{"clientId":"c","subscriptions":{}}}"#, topics(1000))).await.is_ok());
        assert!(
            read(
                JSON,
                &json!({"clientId": "c".repeat(255), "subscriptions": ["x".repeat(2500)]}).to_string()
            )
            .await
            .is_ok()
        );
    }
}
