//! Recorded answers of the original to filters and rules, through SQL and, where no other record matters, in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Identity, Principal, Record, Timestamp};
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, ResolveError, Rule, Sort, Truth};
use world::World;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn facts(filter: &str) -> Facts {
    Facts {
        context: "default".into(),
        method: "GET".into(),
        query: [("filter", filter), ("perPage", "200")].map(|(k, v)| (k.into(), v.into())).into(),
        headers: [("accept_encoding".to_owned(), "gzip".to_owned())].into(),
        ..Facts::default()
    }
}

fn superuser(world: &World) -> Principal {
    let users = world.collection("users");
    let mut record = Record::empty(users, world.tenant.clone());
    record.set("id", tidewire_model::Value::text("superuser000001"));
    Principal::Known(Arc::new(Identity {
        record: Arc::new(record),
        superuser: true,
        tenant: world.tenant.clone(),
        expires_at: None,
    }))
}

fn numbers(ids: &[String]) -> Json {
    ids.iter().map(|id| id.trim_start_matches(char::is_alphabetic).parse::<u32>().unwrap()).collect()
}

/// By SQL; in memory it must be the same where no other record decides.
fn answer(world: &World, residual: &Residual) -> Json {
    let sort = Sort::resolve(
        "id",
        &world.catalog,
        &world.tenant,
        &world.collection("ff"),
        Audience::Superuser,
        &Facts::default(),
    );
    let ids = world.ids("ff", residual, &sort.unwrap(), NOW).unwrap();
    for record in &world.records["ff"] {
        let expected = if ids.iter().any(|id| id == record.id()) { Truth::Yes } else { Truth::No };
        let truth = residual.eval(record, NOW);
        assert!(
            truth == expected || (truth == Truth::Ask && !residual.is_local()),
            "{} {truth:?}",
            record.id()
        );
    }
    numbers(&ids)
}

fn filter(world: &World, text: &str, principal: Principal) -> Json {
    let audience = if principal.is_superuser() { Audience::Superuser } else { Audience::Client };
    let message = |status: u16, message: &str| json!({"status": status, "message": message});
    let bad = || message(400, "Something went wrong while processing your request.");
    let forbidden = |error: ResolveError| message(403, &error.to_string());
    if let Some(error) = ResolveError::of_client_text(text).filter(|_| audience == Audience::Client) {
        return forbidden(error);
    }
    let Ok(expr) = Expr::parse(text, Limits::default()) else { return bad() };
    match Rule::resolve(&expr, &world.catalog, &world.tenant, &world.collection("ff"), audience) {
        Ok(rule) => answer(world, &rule.bind(&Facts { principal, ..facts(text) })),
        Err(ResolveError::Invalid(_)) => bad(),
        Err(error) => forbidden(error),
    }
}

#[test]
fn filters_answer_as_recorded() {
    let world = world::fixture();
    let cases: Vec<Json> = serde_json::from_str(include_str!("../../../tests/oracle/filters.json")).unwrap();
    assert!(cases.len() > 170);
    let mut failed = Vec::new();
    for case in &cases {
        let text = case["filter"].as_str().unwrap();
        for (who, principal) in [("guest", Principal::Guest), ("superuser", superuser(&world))] {
            let found = filter(&world, text, principal);
            if found != case[who] {
                failed.push(format!("{text} by {who}: {found} instead of {}", case[who]));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn more_filters_answer_as_measured() {
    let world = world::fixture();
    let cases: Json = serde_json::from_str(include_str!("data/measured.json")).unwrap();
    let mut failed = Vec::new();
    for case in cases["filters"].as_array().unwrap() {
        let text = case["filter"].as_str().unwrap();
        let found = filter(&world, text, superuser(&world));
        let found = if found.is_array() { found } else { found["status"].clone() };
        if found != case["superuser"] {
            failed.push(format!("{text}: {found} instead of {}", case["superuser"]));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn sorts_answer_as_measured() {
    let world = world::fixture();
    let cases: Json = serde_json::from_str(include_str!("data/measured.json")).unwrap();
    let (collection, facts) = (world.collection("ff"), facts(""));
    let mut failed = Vec::new();
    for case in cases["sorts"].as_array().unwrap() {
        let text = case["sort"].as_str().unwrap();
        let sort =
            Sort::resolve(text, &world.catalog, &world.tenant, &collection, Audience::Superuser, &facts);
        let found = sort
            .map_or(json!(400), |sort| numbers(&world.ids("ff", &Residual::always(), &sort, NOW).unwrap()));
        if found != case["superuser"] {
            failed.push(format!("{text}: {found} instead of {}", case["superuser"]));
        }
    }
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}
