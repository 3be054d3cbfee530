//! CocoBase filters: what they mean, and that memory and SQL agree on it.
#![allow(clippy::unwrap_used)]

mod world;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};
use tidewire_model::{Collection, Timestamp};
use tidewire_rules::{
    Audience, DocumentFilter, DocumentFilterError, Expr, Facts, Limits, Residual, Rule, Sort, Truth,
};
use world::World;

const NOW: Timestamp = Timestamp(1_795_000_000_123);

fn open() -> Collection {
    let mut open = world::collection(&json!({"name": "open", "type": "base", "fields": [
        {"name": "data", "type": "json"},
        {"name": "created_at", "type": "autodate", "onCreate": true},
        {"name": "updated_at", "type": "autodate", "onCreate": true, "onUpdate": true}]}));
    open.open = true;
    open
}

fn typed() -> Collection {
    world::collection(&json!({"name": "typed", "type": "base", "fields": [
        {"name": "t", "type": "text"}, {"name": "n", "type": "number"}, {"name": "b", "type": "bool"},
        {"name": "j", "type": "json"}, {"name": "ms", "type": "select", "maxSelect": 3},
        {"name": "secret", "type": "text", "hidden": true}, {"name": "created", "type": "autodate"}]}))
}

fn users() -> Collection {
    world::collection(&json!({"name": "users", "type": "auth", "fields": [
        {"name": "email", "type": "email"}, {"name": "emailVisibility", "type": "bool"}]}))
}

fn world() -> World {
    World::new(vec![open(), typed(), users()])
}

fn filter(json: &Json) -> DocumentFilter {
    DocumentFilter::from_json(json.as_object().unwrap()).unwrap()
}

/// In memory and by SQL; both must say the same.
fn judge(world: &World, name: &str, residual: &Residual) -> Vec<bool> {
    let ids = world.ids(name, residual, &Sort::default(), NOW).unwrap();
    let equality = residual.equality();
    let judged = world.records[name].iter().map(|record| {
        let by_sql = ids.iter().any(|id| id == record.id());
        let in_memory = residual.eval(record, NOW);
        assert_eq!(in_memory, if by_sql { Truth::Yes } else { Truth::No }, "{:?}", record.values);
        if let Some(equality) = equality.as_ref().filter(|_| by_sql) {
            let mut found = false;
            equality.field.each_value(record, &mut |value| found |= equality.values.contains(value));
            assert!(found, "{equality:?} is not in {:?}", record.values);
        }
        by_sql
    });
    judged.collect()
}

fn check(name: &str, record: &Json, cases: &[(Json, bool)]) {
    let mut world = world();
    world.insert_json(name, record);
    for (json, expected) in cases {
        let residual = filter(json).residual(&world.collection(name));
        assert_eq!(judge(&world, name, &residual), [*expected], "{json}");
    }
}

fn document() -> Json {
    json!({"id": "d1", "data": {
        "status": "active", "age": 25, "score": 2.50, "vip": true, "name": "John Doe",
        "email": "admin@gmail.com", "tags": ["a", "b"], "n": null, "due": "2025-03-01", "role": "mod",
        "author": {"role": "admin", "age": 7}, "a.b": 1, "quo\"te": "q", "it's": "x", "big": 9_007_199_254_740_993_i64,
        "data": {"x": 1}, "zip": "0123"}})
}

fn yes(json: Json) -> (Json, bool) {
    (json, true)
}

fn no(json: Json) -> (Json, bool) {
    (json, false)
}

#[test]
fn operators_on_documents() {
    check(
        "open",
        &document(),
        &[
            yes(json!({})),
            yes(json!({"status": "active"})),
            yes(json!({"status_eq": "active"})),
            no(json!({"status": "Active"})),
            yes(json!({"status_ne": "inactive"})),
            no(json!({"missing_ne": "x"})),
            yes(json!({"age_gt": "18"})),
            no(json!({"age_gt": 25})),
            yes(json!({"age_gte": 25})),
            yes(json!({"age__gte": "18"})),
            no(json!({"age_lt": "9"})),
            yes(json!({"age_lte": "65"})),
            yes(json!({"age": "25"})),
            yes(json!({"age": 25})),
            yes(json!({"age": 25.0})),
            yes(json!({"age": "25.0"})),
            no(json!({"age": " 25"})),
            no(json!({"age": "abc"})),
            yes(json!({"score": "2.5"})),
            yes(json!({"score_gt": "2.4"})),
            yes(json!({"vip": true})),
            yes(json!({"vip": "true"})),
            yes(json!({"vip": "True"})),
            no(json!({"vip": "1"})),
            no(json!({"vip_gt": 0})),
            yes(json!({"name_contains": "john"})),
            yes(json!({"name_icontains": "JOHN"})),
            no(json!({"name_contains": "J_hn"})),
            no(json!({"name_contains": "J%"})),
            yes(json!({"email_startswith": "ADMIN"})),
            yes(json!({"email_endswith": "@GMAIL.com"})),
            yes(json!({"role_in": "admin, mod"})),
            yes(json!({"role_in": ["admin", "mod"]})),
            no(json!({"role_in": ""})),
            no(json!({"role_in": []})),
            yes(json!({"role_notin": []})),
            yes(json!({"role_notin": "admin,user"})),
            no(json!({"role_notin": "admin,mod"})),
            no(json!({"missing_notin": "a"})),
            yes(json!({"n_isnull": "true"})),
            yes(json!({"gone_isnull": true})),
            yes(json!({"gone_isnull": "YES"})),
            yes(json!({"status_isnull": "false"})),
            no(json!({"n_isnull": "false"})),
            yes(json!({"tags_in": "b,z"})),
            yes(json!({"tags": "a"})),
            yes(json!({"tags": "[\"a\",\"b\"]"})),
            no(json!({"tags": "c"})),
            yes(json!({"tags_contains": "b"})),
            yes(json!({"due_lt": "2025-04-01"})),
            yes(json!({"due_gte": "2025-03-01T00:00:00Z"})),
            no(json!({"due_gt": "2025-03-01T00:00:00+00:00"})),
            no(json!({"name_gt": 5})),
            yes(json!({"name_gt": "5"})),
            no(json!({"tags_gt": "a"})),
        ],
    );
}

#[test]
fn groups_and_names() {
    check(
        "open",
        &document(),
        &[
            yes(json!({"[or]age_gte": 65, "[or]role": "mod"})),
            no(json!({"status": "x", "[or]role": "mod"})),
            no(json!({"[or:a]age_gt": 99, "[or:a]vip": true, "[or:b]role": "admin"})),
            yes(json!({"name__or__email_contains": "gmail"})),
            yes(json!({"name__or__email_contains": "doe"})),
            yes(json!({"status__and__role_ne": "zzz"})),
            no(json!({"status__and__role": "mod"})),
            yes(json!({"x": null})),
            yes(json!({"author.role": "admin"})),
            yes(json!({"author.age_gt": 6})),
            no(json!({"author.role.x": "admin"})),
            yes(json!({"author": "{\"age\":7,\"role\":\"admin\"}"})),
            yes(json!({"a.b": 1})),
            yes(json!({"quo\"te": "q"})),
            yes(json!({"it's": "x"})),
            yes(json!({"big": "9007199254740993"})),
            no(json!({"big": "9007199254740992"})),
            yes(json!({"data.x": 1})),
            yes(json!({"zip": "0123"})),
            no(json!({"zip": 123})),
            yes(json!({"id": "d1"})),
            no(json!({"id": "d2"})),
            yes(json!({"collection_id": "open"})),
            yes(json!({"created_at_gte": "2026-11-01"})),
            no(json!({"created_at_gt": "2026-11-01T10:00:00.000+00:00"})),
            yes(json!({"created_at": "2026-11-01T10:00:00.000000+00:00"})),
        ],
    );
}

#[test]
fn a_document_hides_what_all_documents_have() {
    check(
        "open",
        &json!({"id": "d1", "data": {"id": "own", "created_at": null}}),
        &[
            (json!({"id": "own"}), true),
            (json!({"id": "d1"}), false),
            (json!({"created_at_isnull": true}), true),
        ],
    );
}

#[test]
fn fields_of_typed_records_are_keys() {
    let record = json!({"id": "r1", "t": "x", "n": 25, "b": true, "j": {"a": {"b": "c"}}, "ms": ["p", "q"],
        "secret": "s"});
    check(
        "typed",
        &record,
        &[
            (json!({"t": "x"}), true),
            (json!({"t": "X"}), false),
            (json!({"t_in": "y,x"}), true),
            (json!({"n": "25.0"}), true),
            (json!({"n": "x"}), false),
            (json!({"n_lt": 26}), true),
            (json!({"n_contains": "5.0"}), false),
            (json!({"b": "TRUE"}), true),
            (json!({"b": 1}), false),
            (json!({"j.a.b": "c"}), true),
            (json!({"j": "{\"a\":{\"b\":\"c\"}}"}), true),
            (json!({"ms": "q"}), true),
            (json!({"ms_notin": "q"}), false),
            (json!({"secret": "s"}), false),
            (json!({"secret_isnull": true}), true),
            (json!({"id": "r1"}), true),
            (json!({"created_at_gt": "2026-10-01"}), true),
            (json!({"collection_id": "typed"}), true),
            (json!({"nothing": "x"}), false),
        ],
    );
}

#[test]
fn addresses_are_found_only_if_they_are_shown() {
    for (visible, expected) in [(true, true), (false, false)] {
        let record = json!({"id": "u1", "email": "a@b.c", "emailVisibility": visible});
        check("users", &record, &[(json!({"email": "a@b.c"}), expected)]);
    }
}

#[test]
fn filters_are_bounded() {
    let many: Map<String, Json> = (0..65).map(|index| (format!("f{index}"), json!(1))).collect();
    let long = Map::from_iter([("f".to_owned(), json!("x".repeat(4097)))]);
    let key = Map::from_iter([("f".repeat(1025), json!(1))]);
    assert_eq!(DocumentFilter::from_json(&many), Err(DocumentFilterError::TooMany));
    assert_eq!(DocumentFilter::from_json(&long), Err(DocumentFilterError::LongValue));
    assert_eq!(DocumentFilter::from_json(&key), Err(DocumentFilterError::LongKey));
}

#[test]
fn repeated_keys_of_a_query_are_all_kept() {
    let mut world = world();
    world.insert_json("open", &document());
    for (pairs, expected) in [
        (&[("[or]role", "admin"), ("[or]role", "mod")][..], true),
        (&[("role", "admin"), ("role", "mod")], false),
    ] {
        let filter = DocumentFilter::from_pairs(pairs.iter().copied()).unwrap();
        assert_eq!(judge(&world, "open", &filter.residual(&world.collection("open"))), [expected]);
    }
}

/// Equal filters, however they are written, are one class.
#[test]
fn keys_of_residuals() {
    let world = world();
    let key = |json: Json| {
        let mut out = String::new();
        filter(&json).residual(&world.collection("open")).write_key(&mut out);
        out
    };
    assert_eq!(key(json!({"age_eq": 25})), key(json!({"age": "25"})));
    assert_eq!(key(json!({"age__gte": "1"})), key(json!({"age_gte": "1"})));
    assert_ne!(key(json!({"name_gt": "5"})), key(json!({"name_gt": 5})));
    assert_ne!(key(json!({"a": "b"})), key(json!({"b": "a"})));
    assert_ne!(key(json!({"role_in": "a,b"})), key(json!({"role_in": "b,a,c"})));
}

/// What is indexed by value, and by which.
#[test]
fn equalities_lead_to_documents() {
    let world = world();
    let collection = world.collection("open");
    let values = |residual: &Residual| {
        residual.equality().map(|equality| {
            equality.values.iter().map(|value| value.as_str().to_owned()).collect::<Vec<_>>().join("|")
        })
    };
    for (json, expected) in [
        (json!({"user_id": "X"}), Some("X")),
        (json!({"n": 25}), Some("25")),
        (json!({"n": "25.0"}), Some("25")),
        (json!({"n": "025"}), Some("25")),
        (json!({"b": "True"}), Some("true")),
        (json!({"role_in": "a,b"}), Some("a|b")),
        (json!({"[or]role": "a", "[or]role_eq": "b"}), Some("a|b")),
        (json!({"[or]role": "a", "[or]user": "b"}), None),
        (json!({"role_ne": "a"}), None),
        (json!({"age_gt": 1, "role": "a"}), Some("a")),
    ] {
        assert_eq!(values(&filter(&json).residual(&collection)).as_deref(), expected, "{json}");
    }
    for (text, expected) in
        [("user_id = 'X'", Some("X")), ("n = 25", Some("25")), ("vip = true", Some("1")), ("n > 1", None)]
    {
        assert_eq!(values(&rule(&world, text)).as_deref(), expected, "{text}");
    }
}

fn rule(world: &World, text: &str) -> Residual {
    let expr = Expr::parse(text, Limits::default()).unwrap();
    let collection = world.collection("open");
    let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Client);
    rule.unwrap().bind(&Facts::default())
}

#[test]
fn other_languages_reach_keys_by_name() {
    let mut world = world();
    world.insert_json("open", &document());
    for (text, expected) in [
        ("status = 'active'", true),
        ("status = 'x'", false),
        ("age > 18 && vip = true", true),
        ("author.role = 'admin'", true),
        ("name ~ 'john'", true),
        ("name:lower = 'john doe'", true),
        ("missing = null", true),
        ("missing = ''", false),
        ("tags ~ 'b'", true),
        ("id = 'd1' && created_at > '2026-01-01'", true),
        ("data.status = 'active'", true),
    ] {
        assert_eq!(judge(&world, "open", &rule(&world, text)), [expected], "{text}");
    }
    let collection = world.collection("open");
    for (text, expected) in [("age", true), ("-author.age,status", true), ("data", true), ("a'b", false)] {
        let sort = Sort::resolve(
            text,
            &world.catalog,
            &world.tenant,
            &collection,
            Audience::Client,
            &Facts::default(),
        );
        assert_eq!(sort.is_ok(), expected, "{text}");
    }
}

const TEXTS: [&str; 22] = [
    "",
    " ",
    "a",
    "A",
    "b",
    "ünÏ",
    "true",
    "True",
    "false",
    "1",
    "0",
    "25",
    "25.0",
    " 25",
    "-0",
    "1e3",
    "2025-03-01",
    "2025-03-01T00:00:00Z",
    "[\"a\"]",
    "{\"a\":1}",
    "a,b",
    "9007199254740993",
];
const KEYS: [&str; 8] = ["a", "b", "a.b", "id", "created_at", "it's", "q\"", "A"];
const OPERATORS: [&str; 14] = [
    "",
    "_eq",
    "_ne",
    "_gt",
    "_gte",
    "_lt",
    "__lte",
    "_contains",
    "_startswith",
    "_endswith",
    "_in",
    "_notin",
    "_isnull",
    "__in",
];

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        select(&[0.0, -0.0, 1.0, 25.0, 2.5, 1e20, -3.0][..]).prop_map(|number| json!(number)),
        select(&[0_i64, 1, 25, 1000, 9_007_199_254_740_993, i64::MIN][..]).prop_map(|number| json!(number)),
        select(&TEXTS[..]).prop_map(Json::from),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            prop::collection::btree_map(select(&["a", "b"][..]), inner, 0..3)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

fn data() -> impl Strategy<Value = Json> {
    prop::collection::btree_map(select(&KEYS[..]), value(), 0..5)
        .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn filters() -> impl Strategy<Value = Json> {
    let group = select(&["", "", "[or]", "[or:g]"][..]);
    let more = select(&["", "", "", "__or__b", "__and__a"][..]);
    let key = (group, select(&KEYS[..]), more, select(&OPERATORS[..]))
        .prop_map(|(group, key, more, operator)| format!("{group}{key}{more}{operator}"));
    prop::collection::btree_map(key, value(), 1..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sql_agree(filters in filters(), documents in prop::collection::vec(data(), 1..4)) {
        let mut world = world();
        for (index, data) in documents.iter().enumerate() {
            world.insert_json("open", &json!({"id": format!("d{index}"), "data": data}));
        }
        judge(&world, "open", &filter(&filters).residual(&world.collection("open")));
    }

    #[test]
    fn memory_and_sql_agree_on_typed_records(
        filters in filters(), t in select(&TEXTS[..]), n in select(&[0.0, 25.0, 2.5, 1e20][..]), b in any::<bool>(), j in value(),
    ) {
        let mut world = world();
        world.insert_json("typed", &json!({"id": "r1", "t": t, "n": n, "b": b, "j": j, "ms": ["p", t]}));
        let renamed = filters.to_string().replace("\"a", "\"t").replace("\"b", "\"n").replace("A", "j");
        let renamed: Json = serde_json::from_str(&renamed).unwrap();
        judge(&world, "typed", &filter(&renamed).residual(&world.collection("typed")));
    }
}
