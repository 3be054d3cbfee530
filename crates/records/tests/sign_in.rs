//! Who gets in, and whom a token stands for.

#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tempfile::TempDir;
use tidewire_auth::{Passwords, TokenKind, issue};
use tidewire_model::{Collection, Record, TenantId, Value};
use tidewire_records::bootstrap::bootstrap;
use tidewire_records::sign_in::{SignInError, principal, upsert_superuser, with_password};
use tidewire_records::{Asker, collections};
use tidewire_store::{Options, Store};

const ID: &str = "abcdefghijklmno";

struct Place {
    store: Store,
    passwords: Passwords,
    _dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), Options::default(), Box::new(|_| {})).unwrap();
        bootstrap(&store).unwrap();
        Self { store, passwords: Passwords::new(1, 4), _dir: dir }
    }

    fn users(&self) -> Arc<Collection> {
        self.store.catalog().by_name(&TenantId::default(), "users").cloned().unwrap()
    }

    fn insert(&self, tenant: &TenantId, id: &str, values: &[(&str, &str)]) -> Arc<Record> {
        let mut record = Record::empty(self.users(), tenant.clone());
        record.set("id", Value::text(id));
        record.set("tokenKey", Value::text(&format!("{id}{}", "k".repeat(30))));
        for (name, value) in values {
            record.set(name, Value::text(value));
        }
        self.store.write_blocking(move |tx| tx.insert(record, "")).unwrap()
    }

    fn change_users(&self, patch: &Json) {
        let (users, body) = (self.users(), patch.as_object().cloned().unwrap());
        self.store
            .write_blocking(move |tx| collections::update(tx, &TenantId::default(), &users, &body).map(drop))
            .unwrap();
    }

    async fn sign_in(&self, identity: &str, password: &str, field: Option<&str>) -> String {
        let asker = Asker { context: "password", ..Asker::default() };
        let users = self.users();
        let answer =
            with_password(&self.store, &self.passwords, &asker, &users, identity, password, field).await;
        match answer {
            Ok(record) => record.id().to_string(),
            Err(SignInError::Failed) => "failed".into(),
            Err(SignInError::RuleFailed) => "rule".into(),
            Err(SignInError::PasswordsDisabled) => "disabled".into(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn who(&self, token: &str) -> (String, bool, String) {
        let principal = principal(&self.store, token, &TenantId::new("asked"));
        let tenant = principal.identity().map_or(String::new(), |identity| identity.tenant.to_string());
        (principal.id().to_string(), principal.is_superuser(), tenant)
    }
}

fn nobody() -> (String, bool, String) {
    Default::default()
}

#[tokio::test]
async fn only_the_right_password_gets_in() {
    let place = Place::new();
    let hash = Passwords::hash_here("12345678").unwrap();
    place.insert(&TenantId::default(), ID, &[("email", "Me@x.org"), ("name", "me"), ("password", &hash)]);
    place.insert(&TenantId::new("t1"), "other0000000000", &[("email", "you@x.org"), ("password", &hash)]);
    let long = "x".repeat(300);
    for (identity, password, field, expected) in [
        ("Me@x.org", "12345678", None, ID),
        ("Me@x.org", "12345678", Some("email"), ID),
        ("Me@x.org", "12345678", Some("name"), "failed"),
        ("me@x.org", "12345678", None, "failed"),
        ("Me@x.org", "12345679", None, "failed"),
        ("Me@x.org", "", None, "failed"),
        ("Me@x.org", &long, None, "failed"),
        ("me", "12345678", None, "failed"),
        ("", "12345678", None, "failed"),
        ("you@x.org", "12345678", None, "failed"),
        ("nobody@x.org", "12345678", None, "failed"),
    ] {
        assert_eq!(place.sign_in(identity, password, field).await, expected, "{identity} {password}");
    }
    let nocase = [
        "create unique index e on users (email collate nocase)",
        "create unique index n on users (name)",
        "create unique index k on users (tokenKey)",
    ];
    let fields = json!(["name", "email"]);
    place.change_users(&json!({ "indexes": nocase, "passwordAuth": { "identityFields": fields } }));
    for (identity, expected) in [("me@X.org", ID), ("me", ID), ("ME", "failed")] {
        assert_eq!(place.sign_in(identity, "12345678", None).await, expected, "{identity}");
    }
}

#[tokio::test]
async fn the_collection_decides_who_may_sign_in() {
    let place = Place::new();
    let hash = Passwords::hash_here("12345678").unwrap();
    place.insert(&TenantId::default(), ID, &[("email", "me@x.org"), ("name", "me"), ("password", &hash)]);
    for (patch, expected) in [
        (json!({ "authRule": null }), "rule"),
        (json!({ "authRule": "name = 'me'" }), ID),
        (json!({ "authRule": "verified = true" }), "rule"),
        (json!({ "authRule": "" }), ID),
        (json!({ "passwordAuth": { "enabled": false } }), "disabled"),
    ] {
        place.change_users(&patch);
        assert_eq!(place.sign_in("me@x.org", "12345678", None).await, expected, "{patch}");
    }
}

#[tokio::test]
async fn an_old_hash_is_renewed() {
    let place = Place::new();
    // bcrypt of "12345678"
    let old = "$2b$04$3JfS/opRI3FRzAfvFwwYGeRf.It9uEKa0Pqj9jxUwvCq5b9fTma3a";
    place.insert(&TenantId::default(), ID, &[("email", "me@x.org"), ("password", old)]);
    let stored = || {
        let users = place.users();
        let found = place.store.read_here(|snapshot| snapshot.get(&users, &TenantId::default(), ID));
        found.unwrap().unwrap().text("password").to_string()
    };
    assert_eq!(place.sign_in("me@x.org", "wrong", None).await, "failed");
    assert_eq!(stored(), old);
    assert_eq!(place.sign_in("me@x.org", "12345678", None).await, ID);
    assert!(!Passwords::is_outdated(&stored()));
    assert_eq!(place.sign_in("me@x.org", "12345678", None).await, ID);
}

#[test]
fn tokens_stand_for_records() {
    let place = Place::new();
    let user = place.insert(&TenantId::default(), ID, &[("email", "me@x.org")]);
    let tenant = TenantId::new("t1");
    let other = place.insert(&tenant, ID, &[("email", "me@x.org")]);
    let boss = upsert_superuser(&place.store, "boss@x.org", "12345678").unwrap();
    let auth = |record: &Record, seconds| issue(record, TokenKind::Auth, true, seconds);
    let boss_token = auth(&boss, None);
    for (token, expected) in [
        (auth(&user, None), (ID.to_string(), false, "default".to_string())),
        (auth(&other, None), (ID.to_string(), false, "t1".to_string())),
        (boss_token.clone(), (boss.id().to_string(), true, "asked".to_string())),
        (auth(&user, Some(0)), nobody()),
        (issue(&user, TokenKind::File, false, None), nobody()),
        (auth(&user, None).replace('.', ""), nobody()),
        (String::new(), nobody()),
    ] {
        assert_eq!(place.who(&token), expected, "{token}");
    }
    upsert_superuser(&place.store, "boss@x.org", "123456789").unwrap();
    assert_eq!(place.who(&boss_token), nobody());
}

#[test]
fn superusers_need_an_address_and_a_password() {
    let place = Place::new();
    for (email, password, good) in [
        ("a@x.org", "12345678", true),
        ("A@x.org", "12345678", true),
        ("a@x.org", "1234567", false),
        ("a", "12345678", false),
        ("@x.org", "12345678", false),
        ("a b@x.org", "12345678", false),
        ("b@x.org", &"x".repeat(256), false),
    ] {
        assert_eq!(upsert_superuser(&place.store, email, password).is_ok(), good, "{email} {password}");
    }
}
