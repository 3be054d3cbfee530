//! Where providers send users back to: the code goes to the client that began, on its own stream, as an event of the topic
//! `@oauth2`. The state says which client that is.

use crate::asker;
use crate::body::Payload;
use crate::call::Call;
use crate::error::ApiError;
use crate::realtime::{Client, subscribe};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use tidewire_model::TenantId;
use tidewire_model::json::{self, Escape};

/// The topic that a client subscribes to while it waits for the code.
pub const TOPIC: &str = "@oauth2";
const SUCCESS: &str = "../_/#/auth/oauth2-redirect-success";
const FAILURE: &str = "../_/#/auth/oauth2-redirect-failure";

/// bytes
const BODY: usize = 64 << 10;
const STATE: usize = 255;
const CODE: usize = 4096;
const ERROR: usize = 1024;

/// What the provider sends along.
#[derive(Debug, Default, PartialEq)]
struct Returned {
    state: String,
    code: String,
    error: String,
    /// of Apple
    user: String,
}

/// `GET` and `POST /api/oauth2-redirect`
pub async fn redirect(mut call: Call) -> Result<Response, ApiError> {
    // whoever only looks must not use up the one event
    if call.parts.method == Method::HEAD {
        return Err(ApiError::not_found(""));
    }
    let status = match call.parts.method {
        Method::POST => StatusCode::SEE_OTHER,
        _ => StatusCode::TEMPORARY_REDIRECT,
    };
    let delivered = match read(&mut call).await.filter(Returned::is_sound) {
        Some(returned) => deliver(&call, &returned).await?,
        None => false,
    };
    let place = HeaderValue::from_static(if delivered { SUCCESS } else { FAILURE });
    Ok((status, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response())
}

async fn read(call: &mut Call) -> Option<Returned> {
    if call.parts.method != Method::POST {
        let text = |name| call.query.get(name).to_owned();
        return Some(Returned {
            state: text("state"),
            code: text("code"),
            error: text("error"),
            user: String::new(),
        });
    }
    let form = call.read_body(BODY).await.and_then(Payload::into_fixed).ok()?;
    let text = |name| form.text(name).ok().map(Option::unwrap_or_default);
    Some(Returned { state: text("state")?, code: text("code")?, error: text("error")?, user: text("user")? })
}

impl Returned {
    fn is_sound(&self) -> bool {
        let fits = |text: &str, most: usize| text.len() <= most && !text.contains(['\r', '\n']);
        !self.state.is_empty()
            && fits(&self.state, STATE)
            && fits(&self.code, CODE)
            && fits(&self.error, ERROR)
    }

    fn is_success(&self) -> bool {
        self.error.is_empty() && !self.code.is_empty()
    }

    /// In the order that PocketBase writes it.
    fn event(&self) -> Bytes {
        let mut text = Vec::with_capacity(128);
        text.extend_from_slice(b"{\"state\":");
        json::write_text(&mut text, &self.state, Escape::Ascii);
        text.extend_from_slice(b",\"code\":");
        json::write_text(&mut text, &self.code, Escape::Ascii);
        if !self.error.is_empty() {
            text.extend_from_slice(b",\"error\":");
            json::write_text(&mut text, &self.error, Escape::Ascii);
        }
        text.push(b'}');
        text.into()
    }
}

/// Tells the client that waits, once. Whether somebody was signed in at the provider.
async fn deliver(call: &Call, returned: &Returned) -> Result<bool, ApiError> {
    let realtime = &call.app.realtime;
    let Some(client) = realtime.clients.find(&returned.state) else { return Ok(false) };
    let _turn = client.turn.acquire().await.map_err(|_| ApiError::internal())?;
    if client.topic(TOPIC).is_none() {
        return Ok(false);
    }
    // somebody else's browser must not bring its code to the client of whoever made it go there
    let is_same = !realtime.options.check_address || client.address == asker::address(&call.parts);
    if is_same {
        if returned.is_success() {
            call.app.oauth2.names.keep(&returned.code, &returned.user);
        }
        let (topic, event) = (own_topic(&client.id), returned.event());
        call.app.store.write_shortly(None, move |tx| tx.whisper(&TenantId::default(), &topic, event)).await?;
        // it must be on its way before the subscription ends
        call.app.feed.settled().await;
    }
    stop_waiting(call, &client).await?;
    Ok(is_same && returned.is_success())
}

/// The topic in the feed that only this client has. No client can write a line break in a topic.
pub fn own_topic(client_id: &str) -> String {
    format!("{TOPIC}\n{client_id}")
}

async fn stop_waiting(call: &Call, client: &Client) -> Result<(), ApiError> {
    let left = client.topics_but(TOPIC);
    subscribe::set(&call.app, client, client.connection.principal(), &left).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returned(state: &str, code: &str, error: &str) -> Returned {
        Returned { state: state.into(), code: code.into(), error: error.into(), user: String::new() }
    }

    #[test]
    fn events_are_equal_to_the_byte() {
        for (returned, expected) in [
            (returned("CID", "abc", ""), r#"{"state":"CID","code":"abc"}"#),
            (returned("CID", "", "denied"), r#"{"state":"CID","code":"","error":"denied"}"#),
            (returned("CID", "\"\u{2028}é", ""), r#"{"state":"CID","code":"\"\u2028\u00e9"}"#),
        ] {
            assert_eq!(returned.event(), expected);
        }
    }

    #[test]
    fn what_is_too_long_or_has_line_breaks_is_refused() {
        for (returned, sound) in [
            (returned("s", "", ""), true),
            (returned("", "c", ""), false),
            (returned(&"s".repeat(STATE), &"c".repeat(CODE), &"e".repeat(ERROR)), true),
            (returned(&"s".repeat(STATE + 1), "c", ""), false),
            (returned("s", &"c".repeat(CODE + 1), ""), false),
            (returned("s", "c", &"e".repeat(ERROR + 1)), false),
            (returned("s\n", "c", ""), false),
            (returned("s", "c\r", ""), false),
            (returned("s", "c", "e\n\ndata:x"), false),
        ] {
            assert_eq!(returned.is_sound(), sound, "{returned:?}");
        }
    }
}
