//! Settings that superusers change at run time.

use crate::RecordError;
use crate::collections::fault::{self, Faults, required};
use crate::error::Fault;
use serde_json::{Value as Json, json};
use tidewire_store::{Snapshot, Store, StoreError};

const KEY: &str = "settings";
/// Members that are kept but never shown.
const SECRETS: [&[&str]; 3] = [&["smtp", "password"], &["s3", "secret"], &["backups", "s3", "secret"]];

/// The parts that Tidewire acts on; the rest of PocketBase's settings is kept and shown as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub batch_enabled: bool,
    pub batch_max_requests: usize,
    /// the whole document as superusers see it
    pub document: Json,
}

impl Settings {
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        store.read_here(Self::read)
    }

    pub fn read(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        Ok(Self::of(stored(snapshot)?))
    }

    /// Merges a PATCH into the document, validates and saves it.
    pub async fn save(store: &Store, patch: Json) -> Result<Self, RecordError> {
        store
            .write(move |tx| {
                let mut document = stored(tx)?;
                merge(&mut document, &patch)?;
                let faults = check(&document);
                if !faults.is_empty() {
                    return Err(RecordError::Invalid(faults.0));
                }
                tx.set_setting(KEY, &document.to_string())?;
                Ok(Self::of(document))
            })
            .await
    }

    fn of(mut document: Json) -> Self {
        for path in SECRETS {
            let Some((name, parents)) = path.split_last() else { continue };
            let parent = parents.iter().try_fold(&mut document, |json, key| json.get_mut(*key));
            parent.and_then(Json::as_object_mut).and_then(|parent| parent.remove(*name));
        }
        let batch = &document["batch"];
        let max = batch["maxRequests"].as_u64().unwrap_or(0);
        Self {
            batch_enabled: batch["enabled"] == true,
            batch_max_requests: usize::try_from(max).unwrap_or(usize::MAX),
            document,
        }
    }
}

/// The document with its secrets; what was never written has its default.
fn stored(snapshot: &Snapshot<'_>) -> Result<Json, StoreError> {
    let mut document = defaults();
    let text = snapshot.setting(KEY)?;
    if let Some(json) = text.and_then(|text| serde_json::from_str::<Json>(&text).ok()) {
        // What no longer fits keeps its default.
        let _ = merge(&mut document, &json);
    }
    Ok(document)
}

fn defaults() -> Json {
    let s3 = json!({
        "accessKey": "", "bucket": "", "enabled": false, "endpoint": "", "forcePathStyle": false, "region": "",
        "secret": "",
    });
    let rule = |label: &str, max: u64, seconds: u64| json!({ "audience": "", "duration": seconds, "label": label, "maxRequests": max });
    json!({
        "backups": { "cron": "", "cronMaxKeep": 3, "s3": s3.clone() },
        "batch": { "enabled": false, "maxBodySize": 0, "maxRequests": 50, "timeout": 3 },
        "logs": { "logAuthId": false, "logIP": true, "maxDataSize": 0, "maxDays": 5, "minLevel": 0 },
        "meta": {
            "accentColor": "#1055c9", "appName": "Acme", "appURL": "http://localhost:8090", "hideControls": false,
            "senderAddress": "support@example.com", "senderName": "Support",
        },
        "rateLimits": {
            "enabled": false,
            "excludedIPs": [],
            "rules": [
                rule("*:auth", 2, 3), rule("*:create", 20, 5), rule("/api/batch", 3, 1), rule("/api/", 300, 10),
            ],
        },
        "s3": s3,
        "smtp": {
            "authMethod": "", "enabled": false, "host": "smtp.example.com", "localName": "", "password": "",
            "port": 587, "tls": false, "username": "",
        },
        "superuserIPs": [],
        "trustedProxy": { "headers": [], "useLeftmostIP": false },
    })
}

/// Lays known members of `patch` over `base`; null changes nothing.
fn merge(base: &mut Json, patch: &Json) -> Result<(), RecordError> {
    match (base, patch) {
        (_, Json::Null) => {}
        (Json::Object(base), Json::Object(patch)) => {
            for (key, value) in base {
                if let Some(patch) = patch.get(key) {
                    merge(value, patch)?;
                }
            }
        }
        (base, patch) if std::mem::discriminant(base) == std::mem::discriminant(patch) => {
            *base = patch.clone();
        }
        _ => return Err(RecordError::BadRequest("wrong type of a setting".into())),
    }
    Ok(())
}

fn check(document: &Json) -> Faults {
    let mut faults = Faults::default();
    check_meta(&document["meta"], &mut faults);
    check_batch(&document["batch"], &mut faults);
    check_rate_limits(&document["rateLimits"], &mut faults);
    for (path, when) in [
        (["smtp", "host"], "smtp"),
        (["s3", "endpoint"], "s3"),
        (["s3", "bucket"], "s3"),
        (["s3", "region"], "s3"),
        (["s3", "accessKey"], "s3"),
        (["s3", "secret"], "s3"),
    ] {
        if document[when]["enabled"] == true && is_empty(&document[path[0]][path[1]]) {
            faults.add(&path, required());
        }
    }
    faults.check(&["smtp", "port"], below_zero(&document["smtp"]["port"]));
    faults.check(&["logs", "maxDays"], below_zero(&document["logs"]["maxDays"]));
    faults
}

fn check_meta(meta: &Json, faults: &mut Faults) {
    for key in ["appName", "appURL", "senderAddress", "senderName"] {
        let text = meta[key].as_str().unwrap_or("");
        let fault = if text.is_empty() { Some(required()) } else { fault::length(text, 1, 255) };
        faults.check(&["meta", key], fault);
    }
    let address = meta["senderAddress"].as_str().unwrap_or("");
    if !address.contains('@') {
        let text = "Must be a valid email address.";
        faults.add(&["meta", "senderAddress"], fault::fault("validation_is_email", text));
    }
}

fn check_batch(batch: &Json, faults: &mut Faults) {
    for key in ["maxRequests", "timeout"] {
        let unset = batch["enabled"] == true && batch[key].as_f64() == Some(0.0);
        faults.check(&["batch", key], unset.then(required).or_else(|| below_zero(&batch[key])));
    }
    faults.check(&["batch", "maxBodySize"], below_zero(&batch["maxBodySize"]));
}

fn check_rate_limits(limits: &Json, faults: &mut Faults) {
    let rules = limits["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if limits["enabled"] == true && rules.is_empty() {
        faults.add(&["rateLimits", "rules"], required());
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = index.to_string();
        if is_empty(&rule["label"]) {
            faults.add(&["rateLimits", "rules", &at, "label"], required());
        }
        for key in ["maxRequests", "duration"] {
            let fault = match rule[key].as_i64() {
                None | Some(0) => Some(required()),
                Some(number) if number < 1 => Some(fault::at_least(1)),
                Some(_) => None,
            };
            faults.check(&["rateLimits", "rules", &at, key], fault);
        }
    }
}

fn is_empty(json: &Json) -> bool {
    json.as_str().is_none_or(str::is_empty)
}

fn below_zero(json: &Json) -> Option<Fault> {
    json.as_f64().is_some_and(|number| number < 0.0).then(|| fault::at_least(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = include_str!("../tests/data/settings.json");

    #[test]
    fn defaults_are_pocketbases() {
        let settings = Settings::of(defaults());
        assert_eq!(settings.document, serde_json::from_str::<Json>(SHOWN).unwrap());
        assert!(!settings.batch_enabled && settings.batch_max_requests == 50);
    }

    #[test]
    fn patches_are_merged_and_checked() {
        for (patch, good) in [
            (json!({}), true),
            (json!({ "batch": { "enabled": true }, "unknown": 1 }), true),
            (json!({ "batch": null, "meta": { "appName": "New" } }), true),
            (json!({ "batch": { "enabled": true, "maxRequests": 0 } }), false),
            (json!({ "batch": { "timeout": -1 } }), false),
            (json!({ "batch": { "enabled": "yes" } }), false),
            (json!({ "batch": 1 }), false),
            (json!({ "meta": { "appName": "" } }), false),
            (json!({ "meta": { "senderAddress": "nobody" } }), false),
            (json!({ "smtp": { "enabled": true } }), true),
            (json!({ "smtp": { "enabled": true, "host": "" } }), false),
            (json!({ "s3": { "enabled": true } }), false),
            (json!({ "rateLimits": { "rules": [{ "label": "a" }] } }), false),
            (json!({ "rateLimits": { "rules": [{ "label": "a", "maxRequests": 1, "duration": 1 }] } }), true),
        ] {
            let mut document = defaults();
            let accepted = merge(&mut document, &patch).is_ok() && check(&document).is_empty();
            assert_eq!(accepted, good, "{patch}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut document = defaults();
        let secret = json!({ "smtp": { "password": "p1" }, "s3": { "secret": "p2" }, "backups": { "s3": { "secret": "p3" } } });
        merge(&mut document, &secret).unwrap();
        assert!(document.to_string().contains("p3"));
        let shown = Settings::of(document).document.to_string();
        assert!(
            !["p1", "p2", "p3", "secret", "password"].iter().any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
}
