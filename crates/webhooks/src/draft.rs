//! A definition as a superuser sends it, laid over what is there.

use crate::{Fail, Hook, Secret, WebhookError};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use tidewire_hooks::Event;
use tidewire_model::{Timestamp, id};

const NAME: usize = 100;
const URL: usize = 2000;
const COLLECTION: usize = 255;
const HEADERS: usize = 20;
const HEADER_VALUE: usize = 2000;
const TIMEOUT: u64 = 1000;
const LONGEST: u64 = 5000;
/// set by the server alone
const OWN: [&str; 4] = ["content-length", "content-type", "host", "transfer-encoding"];

type Faults = BTreeMap<&'static str, String>;

/// A hook without anything that is required.
pub(crate) fn empty() -> Hook {
    let now = Timestamp::now().to_text();
    Hook {
        id: id::record_id(),
        name: String::new(),
        url: String::new(),
        secret: Secret::make(),
        events: Vec::new(),
        collection: String::new(),
        priority: 0,
        timeout_ms: TIMEOUT,
        fail: Fail::Open,
        enabled: true,
        headers: BTreeMap::new(),
        created: now.clone(),
        updated: now,
    }
}

/// Lays the body over the hook. True if its secret is another than before.
pub(crate) fn lay_over(hook: &mut Hook, body: &Map<String, Json>) -> Result<bool, WebhookError> {
    let mut faults = Faults::new();
    let before = hook.secret.clone();
    for (name, value) in body {
        if let Err((field, text)) = set(hook, name, value) {
            faults.insert(field, text);
        }
    }
    if hook.name.is_empty() {
        faults.entry("name").or_insert_with(|| "cannot be blank".to_owned());
    }
    if hook.url.is_empty() {
        faults.entry("url").or_insert_with(|| "cannot be blank".to_owned());
    }
    if hook.events.is_empty() {
        faults.entry("events").or_insert_with(|| "cannot be blank".to_owned());
    }
    hook.updated = Timestamp::now().to_text();
    if faults.is_empty() { Ok(hook.secret != before) } else { Err(WebhookError::Invalid(faults)) }
}

type Set = Result<(), (&'static str, String)>;

fn set(hook: &mut Hook, name: &str, value: &Json) -> Set {
    match name {
        "name" => hook.name = text("name", value, NAME)?,
        "url" => hook.url = url(value)?,
        "collection" => hook.collection = text("collection", value, COLLECTION)?,
        "events" => hook.events = events(value)?,
        "secret" => hook.secret = secret(value)?,
        "headers" => hook.headers = headers(value)?,
        "priority" => hook.priority = value.as_i64().ok_or(("priority", "must be an integer".to_owned()))?,
        "enabled" => hook.enabled = value.as_bool().ok_or(("enabled", "must be true or false".to_owned()))?,
        "timeout_ms" => {
            let known = value.as_u64().filter(|number| (1..=LONGEST).contains(number));
            hook.timeout_ms = known.ok_or(("timeout_ms", format!("must be from 1 to {LONGEST}")))?;
        }
        "fail" => {
            hook.fail = match value.as_str() {
                Some("open") => Fail::Open,
                Some("closed") => Fail::Closed,
                _ => return Err(("fail", "must be open or closed".to_owned())),
            }
        }
        // what a client sends back because it was shown it
        _ => {}
    }
    Ok(())
}

fn text(field: &'static str, value: &Json, most: usize) -> Result<String, (&'static str, String)> {
    match value.as_str() {
        Some(text) if text.len() <= most && !text.contains(|c: char| c.is_control()) => Ok(text.to_owned()),
        _ => Err((field, format!("must be a text of at most {most} characters"))),
    }
}

fn url(value: &Json) -> Result<String, (&'static str, String)> {
    let text = text("url", value, URL)?;
    let parsed: Option<http::Uri> = text.parse().ok();
    let web = |uri: &http::Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if parsed.as_ref().is_some_and(web) {
        Ok(text)
    } else {
        Err(("url", "must be an http or https address".to_owned()))
    }
}

fn events(value: &Json) -> Result<Vec<String>, (&'static str, String)> {
    let names = value.as_array().ok_or(("events", "must be a list".to_owned()))?;
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let name = name.as_str().unwrap_or_default();
        match Event::named(name) {
            // it has no schedule here
            Some(Event::Cron) | None => return Err(("events", format!("no event: {name:?}"))),
            Some(_) if known.iter().any(|other| other == name) => {}
            Some(_) => known.push(name.to_owned()),
        }
    }
    Ok(known)
}

/// "" asks for a new one.
fn secret(value: &Json) -> Result<Secret, (&'static str, String)> {
    match value.as_str() {
        Some("") => Ok(Secret::make()),
        Some(text) => {
            Secret::read(text).ok_or(("secret", "must be whsec_ and 24 to 64 bytes in base64".to_owned()))
        }
        None => Err(("secret", "must be a text".to_owned())),
    }
}

fn headers(value: &Json) -> Result<BTreeMap<String, String>, (&'static str, String)> {
    let fault = |text: String| ("headers", text);
    let given = value.as_object().ok_or_else(|| fault("must be an object".to_owned()))?;
    if given.len() > HEADERS {
        return Err(fault(format!("must be at most {HEADERS}")));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in given {
        let sent =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault(format!("no header: {name:?}")))?;
        if OWN.contains(&sent.as_str()) || sent.as_str().starts_with("webhook-") {
            return Err(fault(format!("{name:?} is set by the server")));
        }
        let value =
            value.as_str().filter(|text| text.len() <= HEADER_VALUE && HeaderValue::from_str(text).is_ok());
        let value = value.ok_or_else(|| fault(format!("no value for {name:?}")))?;
        headers.insert(sent.as_str().to_owned(), value.to_owned());
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_told_by_field() {
        let sound = json!({"name": "n", "url": "https://example.com/x", "events": ["record.after_create"]});
        for (change, field) in [
            (json!({}), None),
            (json!({"timeout_ms": 5000, "priority": -3, "fail": "closed", "enabled": false}), None),
            (json!({"collection": "posts", "headers": {"X-Key": "v"}, "unknown": 1, "id": "mine"}), None),
            (json!({"name": ""}), Some("name")),
            (json!({"name": "x\r\n"}), Some("name")),
            (json!({"url": "ftp://example.com"}), Some("url")),
            (json!({"url": "/path"}), Some("url")),
            (json!({"url": 1}), Some("url")),
            (json!({"events": []}), Some("events")),
            (json!({"events": ["cron"]}), Some("events")),
            (json!({"events": ["record.create"]}), Some("events")),
            (json!({"timeout_ms": 0}), Some("timeout_ms")),
            (json!({"timeout_ms": 5001}), Some("timeout_ms")),
            (json!({"fail": "shut"}), Some("fail")),
            (json!({"secret": "guess"}), Some("secret")),
            (json!({"headers": {"Webhook-Id": "v"}}), Some("headers")),
            (json!({"headers": {"host": "v"}}), Some("headers")),
            (json!({"headers": {"x": "a\r\nb: c"}}), Some("headers")),
            (json!({"headers": {"a b": "c"}}), Some("headers")),
        ] {
            let mut body = sound.as_object().unwrap().clone();
            body.extend(change.as_object().unwrap().clone());
            let mut hook = empty();
            let id = hook.id.clone();
            let outcome = lay_over(&mut hook, &body);
            match field {
                None => assert_eq!(outcome, Ok(false), "{change}"),
                Some(field) => {
                    let Err(WebhookError::Invalid(faults)) = outcome else { panic!("{change}: {outcome:?}") };
                    assert_eq!(faults.into_keys().collect::<Vec<_>>(), [field], "{change}");
                }
            }
            assert_eq!(hook.id, id);
        }
    }
}
