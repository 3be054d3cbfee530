//! Recorded answers of PocketBase: filters, rules and validation, over HTTP.

use crate::world::{Answer, Case, World};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

const FIXTURE: &str = include_str!("../../../../../tests/oracle/fixture.json");
const FILTERS: &str = include_str!("../../../../../tests/oracle/filters.json");
const RULES: &str = include_str!("../../../../../tests/oracle/rules.json");
const VALIDATION: &str = include_str!("../../../../../tests/oracle/validation.json");

const RULE_KINDS: [&str; 5] = ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"];

#[derive(Deserialize)]
struct Step {
    method: String,
    path: String,
    body: Json,
}

#[derive(Deserialize)]
struct FilterCase {
    n: u64,
    filter: String,
    guest: Json,
    superuser: Json,
}

#[derive(Deserialize)]
struct RuleCase {
    n: u64,
    kind: String,
    /// null: superusers only
    rule: Option<String>,
    who: String,
    #[serde(default)]
    body: Option<Json>,
    #[serde(default)]
    query: Json,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    result: Map<String, Json>,
}

#[derive(Deserialize)]
struct ValidationCase {
    n: u64,
    body: Json,
    #[serde(default)]
    twice: bool,
    status: u16,
    result: Map<String, Json>,
}

async fn fixture() -> (World, Vec<Step>) {
    let mut world = World::empty().await;
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut steps: Vec<Step> = serde_json::from_str(FIXTURE).unwrap();
    for step in &mut steps {
        let text = ids.iter().fold(step.body.to_string(), |text, (name, id)| {
            text.replace(&format!("<id of collection {name}>"), id)
        });
        step.body = serde_json::from_str(&text).unwrap();
        let answer = send(&world, "super", &format!("{} {}", step.method, step.path), Some(&step.body)).await;
        assert_eq!(answer.status, 200, "{} {}: {}", step.path, step.body, answer.body);
        if step.path == "/api/collections" {
            let made = answer.json();
            ids.insert(text_of(&made["name"]), text_of(&made["id"]));
        }
    }
    world.sign_in("user", "users", "user@example.com", "password").await;
    (world, steps)
}

async fn send(world: &World, who: &str, request: &str, body: Option<&Json>) -> Answer {
    world
        .send(&Case { request: request.into(), who: who.into(), body: body.cloned(), ..Case::default() })
        .await
}

fn text_of(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The numbers at the end of the ids of a list.
fn numbers(answer: &Answer) -> Json {
    let json = answer.json();
    let ids = json["items"].as_array().cloned().unwrap_or_default();
    ids.iter().map(|item| text_of(&item["id"])[12..].parse::<u64>().unwrap()).collect()
}

fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn report(faults: Vec<String>, of: usize) {
    assert!(faults.is_empty(), "{} of {of} answers differ\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn filters_find_what_they_find_there() {
    let (world, _) = fixture().await;
    let cases: Vec<FilterCase> = serde_json::from_str(FILTERS).unwrap();
    let mut faults = Vec::new();
    for case in &cases {
        let request =
            format!("GET /api/collections/ff/records?perPage=200&sort=id&filter={}", encode(&case.filter));
        for (who, expected) in [("", &case.guest), ("super", &case.superuser)] {
            let headers = BTreeMap::from([("accept-encoding".to_owned(), "gzip".to_owned())]);
            let sent = Case { request: request.clone(), who: who.into(), headers, ..Case::default() };
            let answer = world.send(&sent).await;
            let found = match answer.status {
                200 => numbers(&answer),
                status => json!({ "status": status, "message": answer.json()["message"] }),
            };
            if !same(&found, expected) {
                faults.push(format!("{} {:?} {who}: {found}, not {expected}", case.n, case.filter));
            }
        }
    }
    report(faults, cases.len() * 2);
}

#[tokio::test]
async fn rules_decide_as_they_do_there() {
    let (world, steps) = fixture().await;
    let cases: Vec<RuleCase> = serde_json::from_str(RULES).unwrap();
    let mut faults = Vec::new();
    for case in &cases {
        let found = judge(&world, case).await;
        if let Some(fault) = rule_fault(&found, case) {
            faults.push(format!("{} {} {:?} {}: {fault}", case.n, case.kind, case.rule, case.who));
        }
        restore(&world, &steps).await;
    }
    report(faults, cases.len());
}

/// Sets the rule and sends the request that it judges; the answer to the first if the rule is refused.
async fn judge(world: &World, case: &RuleCase) -> (bool, Answer) {
    let rules = RULE_KINDS.iter().map(|kind| {
        let rule = if *kind == case.kind { case.rule.as_deref() } else { Some("") };
        ((*kind).to_owned(), json!(rule))
    });
    let saved = send(world, "super", "PATCH /api/collections/ff", Some(&Json::Object(rules.collect()))).await;
    if saved.status != 200 {
        return (false, saved);
    }
    let records = "/api/collections/ff/records";
    let query: Vec<String> = match &case.query {
        Json::Object(query) => {
            query.iter().map(|(name, value)| format!("{name}={}", encode(&text_of(value)))).collect()
        }
        Json::String(query) => vec![query.clone()],
        _ => Vec::new(),
    };
    let query = query.join("&");
    let request = match case.kind.as_str() {
        "updateRule" => format!("PATCH {records}/rowrowrowrow002?{query}"),
        "viewRule" => format!("GET {records}/rowrowrowrow002?{query}"),
        "deleteRule" => format!("DELETE {records}/rowrowrowrow009?{query}"),
        "createRule" => format!("POST {records}?{query}"),
        _ => format!("GET {records}?sort=id&perPage=200&{query}"),
    };
    let who = if case.who == "guest" { "" } else { case.who.as_str() };
    let (body, headers) = (case.body.clone(), case.headers.clone());
    let answer = world.send(&Case { request, who: who.into(), body, headers, ..Case::default() }).await;
    (true, answer)
}

fn rule_fault((saved, answer): &(bool, Answer), case: &RuleCase) -> Option<String> {
    let refused = case.result.contains_key("rule_status");
    if *saved == refused {
        return Some(format!("rule saved: {saved}; {}", answer.body));
    }
    let json = answer.json();
    let fault = |what: String| Some(format!("{what}; {}", answer.body));
    if refused {
        let code = |errors: &Json| errors[&case.kind]["code"].clone();
        let before = |errors: &Json| {
            let text = text_of(&errors[&case.kind]["message"]);
            text.split("Raw error:").next().unwrap_or_default().to_owned()
        };
        let expected = &case.result["rule_error"];
        let equal = code(&json["data"]) == code(expected) && before(&json["data"]) == before(expected);
        return if equal { None } else { fault(format!("not {expected}")) };
    }
    for (name, expected) in &case.result {
        let found = match name.as_str() {
            "status" => Json::from(answer.status),
            "ids" => numbers_or_ids(answer, expected),
            name => json[name].clone(),
        };
        if !same(&found, expected) {
            return fault(format!("{name} {found}, not {expected}"));
        }
    }
    None
}

/// Ids in the form in which they are expected.
fn numbers_or_ids(answer: &Answer, expected: &Json) -> Json {
    let whole = expected.as_array().is_some_and(|ids| ids.iter().any(Json::is_string));
    match whole {
        true => {
            answer.json()["items"].as_array().into_iter().flatten().map(|item| item["id"].clone()).collect()
        }
        false => numbers(answer),
    }
}

/// Puts the rows back as the fixture made them, and removes what a case created.
async fn restore(world: &World, steps: &[Step]) {
    let open: Map<String, Json> =
        RULE_KINDS.iter().map(|kind| ((*kind).to_owned(), Json::from(""))).collect();
    send(world, "super", "PATCH /api/collections/ff", Some(&Json::Object(open))).await;
    let listed = send(world, "super", "GET /api/collections/ff/records?perPage=200&fields=id", None).await;
    let records = "/api/collections/ff/records";
    let present: Vec<String> =
        listed.json()["items"].as_array().into_iter().flatten().map(|item| text_of(&item["id"])).collect();
    let rows: Vec<&Json> = steps.iter().filter(|step| step.path == records).map(|step| &step.body).collect();
    for id in &present {
        if !rows.iter().any(|row| row["id"] == id.as_str()) {
            send(world, "super", &format!("DELETE {records}/{id}"), None).await;
        }
    }
    for row in rows {
        let id = text_of(&row["id"]);
        let request = match present.contains(&id) {
            true if id != "rowrowrowrow002" => continue,
            true => format!("PATCH {records}/{id}"),
            false => format!("POST {records}"),
        };
        let answer = send(world, "super", &request, Some(row)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn values_are_checked_as_they_are_there() {
    let (world, _) = fixture().await;
    let cases: Vec<ValidationCase> = serde_json::from_str(VALIDATION).unwrap();
    let records = "/api/collections/vt/records";
    let mut faults = Vec::new();
    for case in &cases {
        let mut made = Vec::new();
        let mut answer = send(&world, "", &format!("POST {records}"), Some(&case.body)).await;
        made.push(text_of(&answer.json()["id"]));
        if case.twice {
            answer = send(&world, "", &format!("POST {records}"), Some(&case.body)).await;
            made.push(text_of(&answer.json()["id"]));
        }
        let json = answer.json();
        let equal = match answer.status {
            200 => case.result.iter().all(|(name, value)| same(&json[name], value)),
            _ => same(&json["data"], &Json::Object(case.result.clone())),
        };
        if answer.status != case.status || !equal {
            let expected = json!(case.result);
            faults.push(format!(
                "{} {}: {} {}, not {} {expected}",
                case.n, case.body, answer.status, answer.body, case.status
            ));
        }
        for id in made.iter().filter(|id| !id.is_empty()) {
            send(&world, "super", &format!("DELETE {records}/{id}"), None).await;
        }
    }
    report(faults, cases.len());
}
