//! SnackBase's language: what it says of records, what binding leaves, what is refused in which words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Identity, Language, Principal, Record, TenantId, Timestamp, Value};
use tidewire_rules::{Audience, Equality, Expr, Facet, Facts, Formula, Limits, Residual, Rule, Sort, Truth};
use world::World;

const NOW: Timestamp = Timestamp(1_795_000_000_123);

/// Posts of SnackBase, notes of PocketBase, users whose records have role and groups.
fn world() -> World {
    let nullable = |name: &str, kind: &str, label: &str| json!({"name": name, "type": kind, "nullable": true, "extra": {"label": label}});
    let computed = |name: &str, expression: &str| json!({"name": name, "type": "number", "nullable": true, "extra": {"label": "computed", "expression": expression}});
    let time = |name: &str| json!({"name": name, "type": "autodate"});
    let posts = json!({"name": "posts", "type": "base", "language": "snackbase", "fields": [
        time("created_at"), time("updated_at"), nullable("created_by", "text", ""), nullable("updated_by", "text", ""),
        nullable("title", "text", "text"), nullable("status", "text", "text"), nullable("views", "number", "number"),
        nullable("stars", "number", "number"),
        {"name": "public", "type": "bool"}, nullable("meta", "json", "json"), nullable("due", "text", "datetime"),
        nullable("day", "text", "date"), nullable("author", "text", "reference"), nullable("owner", "text", "user"),
        nullable("mail", "email", "email"), {"name": "hid", "type": "text", "hidden": true},
        computed("double", "views * 2"), computed("twice", "double + 1")]});
    let notes = json!({"name": "notes", "type": "base", "fields": [
        time("created"), time("updated"), {"name": "title", "type": "text"}, {"name": "at", "type": "date"},
        {"name": "n", "type": "number"}, {"name": "tags", "type": "select", "maxSelect": 5}]});
    let users = json!({"name": "users", "type": "auth", "fields": [
        {"name": "email", "type": "email"}, {"name": "emailVisibility", "type": "bool"},
        {"name": "accountRole", "type": "text", "hidden": true},
        {"name": "accountGroups", "type": "json", "hidden": true}]});
    let things =
        json!({"name": "things", "type": "base", "open": true, "fields": [{"name": "data", "type": "json"}]});
    let mut world = World::new([posts, notes, users, things].iter().map(world::collection).collect());
    let user = |id: &str, role: &str, groups: Json| {
        json!({"id": id, "email": format!("{id}@x.com"), "emailVisibility": id == "u1", "accountRole": role,
               "accountGroups": groups})
    };
    world.insert_json("users", &user("u1", "admin", json!(["Editors", "pii_access"])));
    world.insert_json("users", &user("u2", "", json!(null)));
    world.insert_json("things", &json!({"id": "t1", "data": {"k": "v", "n": 2, "o": {"p": null}}}));
    world.insert_json("things", &json!({"id": "t2", "data": {}}));
    world
}

fn resolve(world: &World, name: &str, text: &str, audience: Audience) -> Result<Rule, String> {
    let expr = Expr::parse_in(Language::SnackBase, text, Limits::default()).map_err(|error| error.message)?;
    Rule::resolve(&expr, &world.catalog, &world.tenant, &world.collection(name), audience)
        .map_err(|error| error.to_string())
}

fn facts(world: &World, who: &str, body: &Json) -> Facts {
    let body = body.as_object().cloned().unwrap_or_default();
    let Some(record) = world.records["users"].iter().find(|user| user.id() == who).cloned() else {
        return Facts { body, ..Facts::default() };
    };
    let identity = Identity { record, superuser: false, tenant: world.tenant.clone(), expires_at: None };
    Facts { principal: Principal::Known(Arc::new(identity)), body, ..Facts::default() }
}

fn key(residual: &Residual) -> String {
    let mut key = String::new();
    residual.write_key(&mut key);
    key
}

/// The ids that the residual lets through, in memory and by SQL.
fn ids(world: &World, name: &str, residual: &Residual) -> Result<Vec<String>, TestCaseError> {
    let found = world.ids(name, residual, &Sort::default(), NOW).map_err(TestCaseError::fail)?;
    for record in &world.records[name] {
        let expected = if found.iter().any(|id| id == record.id()) { Truth::Yes } else { Truth::No };
        let truth = residual.eval(record, NOW);
        prop_assert!(
            truth == expected,
            "{truth:?} in memory, {expected:?} by SQL, of {:?}: {}",
            record.values,
            key(residual)
        );
        if let (Truth::Yes, Some(equality)) = (expected, residual.equality()) {
            let mut found = false;
            equality.field.each_value(record, &mut |value| found |= equality.values.contains(value));
            prop_assert!(found, "{equality:?} does not fit {:?}", record.values);
        }
    }
    Ok(found)
}

fn posts() -> World {
    let mut world = world();
    for (id, row) in [
        (
            "p1",
            json!({"title": "Hello", "status": "draft", "views": 3, "stars": 0, "public": true, "meta": {"a": 1},
            "due": "2026-01-02T03:04:05Z", "author": "a1", "created_by": "u1", "mail": "A@x.com"}),
        ),
        ("p2", json!({"title": "100% \\o/ _x", "status": "published", "views": -2.5, "created_by": "u2"})),
        ("p3", json!({"title": "", "status": null, "views": null, "meta": null, "public": false})),
        ("p4", json!({"title": "it's \"5\"", "status": "5", "views": 5, "stars": 2, "owner": "u1"})),
    ] {
        let mut row = row;
        row["id"] = json!(id);
        world.insert_json("posts", &row);
    }
    world.insert_json(
        "notes",
        &json!({"id": "n1", "title": "x", "at": "2026-03-01 00:00:00.000Z", "tags": ["a", "b"]}),
    );
    world
}

/// Filters of a client with the posts that they find.
const FOUND: [(&str, &str); 79] = [
    ("title = 'Hello' && views > 1", "p1"),
    ("title = null", ""),
    ("title != NULL", ""),
    ("status != 'draft'", "p2 p4"),
    ("!(status = 'draft')", "p2 p4"),
    ("!status = 'draft'", "p2 p4"),
    ("!!(status = 'draft')", "p1"),
    ("status IS NULL", "p3"),
    ("status is not null", "p1 p2 p4"),
    ("!(status IS NULL)", "p1 p2 p4"),
    ("title ~ 'hello'", "p1"),
    ("title ~ 'ell'", ""),
    ("title ~ '%ELL%'", "p1"),
    ("title ~ '%\\\\o/%'", "p2"),
    ("title ~ '%\\%'", "p2"),
    ("!(title ~ 'h%')", "p2 p3 p4"),
    ("views = -2.5", "p2"),
    ("views = - 2.5", "p2"),
    ("-views > 2", "p2"),
    ("views < -1", "p2"),
    ("views + 1 = 4", "p1"),
    ("(views + 1) * 2 > 7", "p1 p4"),
    ("views+1*2 > 5", "p4"),
    ("views -1 = 2", "p1"),
    ("views % 2 = 1", "p1 p4"),
    ("views / 2 = 1.5", "p1"),
    ("views / stars > 0", "p4"),
    ("views / 0 IS NULL", "p1 p2 p3 p4"),
    ("views = 1 + 2", "p1"),
    ("views IN (3, 5, 7)", "p1 p4"),
    ("!(views IN (3, null))", ""),
    ("!(views IN (3, 7))", "p2 p4"),
    ("status IN ('draft', 'published')", "p1 p2"),
    ("status = 5", "p4"),
    ("title = 'it\\'s \"5\"'", "p4"),
    ("public = true", "p1"),
    ("public", "p1"),
    ("!public", "p2 p3 p4"),
    ("public != TRUE", "p2 p3 p4"),
    ("meta IS NULL", "p2 p3 p4"),
    ("due > '2026'", "p1"),
    ("title = '' || status = 'draft'", "p1 p3"),
    ("status = 'draft' || public = false && views = 5", "p1 p4"),
    ("(status = 'draft' || public = false) && views = 5", "p4"),
    ("(status = 'draft') = true", "p1"),
    ("created_at = '2026-11-01T10:00:00Z'", "p1 p2 p3 p4"),
    ("created_at > '2026-11-01T11:59:59+02:00'", "p1 p2 p3 p4"),
    ("created_at >= '2026-11-01T10:00:00.000000+00:00'", "p1 p2 p3 p4"),
    ("created_at < '2026-11-01T10:00'", ""),
    ("'2026-10-31' < created_at && created_at < '2026-11-02'", "p1 p2 p3 p4"),
    ("created_at IN ('2026-11-01T10:00:00Z')", "p1 p2 p3 p4"),
    ("created_at < now()", "p1 p2 p3 p4"),
    ("created_at IN ('2026-11-01 12:00:00.0+02:00', null)", "p1 p2 p3 p4"),
    ("created_at <= '2026-11-01 10:00:00.000999Z'", "p1 p2 p3 p4"),
    ("!(created_at <= '2026-11-01 10:00:00Z')", ""),
    ("double = 6", "p1"),
    ("double > 0 && !(double = 10)", "p1"),
    ("account_id = 'default'", "p1 p2 p3 p4"),
    ("account_id ~ 'x%'", ""),
    ("id = 'p2'", "p2"),
    ("lower(title) = 'hello'", "p1"),
    ("UPPER(title) = 'HELLO'", "p1"),
    ("length(title) = 5", "p1"),
    ("length(trim(concat(' ', title))) = 0", "p3"),
    ("abs(views) = 2.5", "p2"),
    ("coalesce(status, 'none') = 'none'", "p3"),
    ("if(views > 2, 'many', 'few') = 'few'", "p2 p3"),
    ("nullif(views, 3) IS NULL", "p1 p3"),
    ("substring(title, 2, 3) = 'ell'", "p1"),
    ("double = 6", "p1"),
    ("double IS NULL || !(double > -9)", "p3"),
    ("round(views) = -3", "p2"),
    ("round(views / 4, 1) = 0.8", "p1"),
    ("round(double, 0) = 10", "p4"),
    ("true", "p1 p2 p3 p4"),
    ("false || null", ""),
    ("1 < 2 && !false", "p1 p2 p3 p4"),
    ("'5' = status", "p4"),
    ("title\n=\t'Hello'", "p1"),
];

#[test]
fn records_are_found_as_sql_would() {
    let world = posts();
    for (text, expected) in FOUND {
        let rule = resolve(&world, "posts", text, Audience::Client)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = ids(&world, "posts", &rule.bind(&Facts::default())).unwrap();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn collections_of_other_dialects_are_filtered_too() {
    let world = posts();
    for (name, text, expected) in [
        ("notes", "created_at = '2026-11-01T10:00:00Z' && updated_at IS NOT NULL", "n1"),
        ("notes", "created_by IS NULL", "n1"),
        ("notes", "created_by = 'x'", ""),
        ("notes", "at >= '2026-03-01T00:00:00Z' && at < '2026-03-01T00:00:01Z'", "n1"),
        ("notes", "tags ~ '%\"b\"%'", "n1"),
        ("users", "email IS NOT NULL", "u1"),
        ("users", "!(email = 'u1@x.com')", ""),
        ("things", "k = 'v'", "t1"),
        ("things", "n + 1 = 3", "t1"),
        ("things", "o.p IS NULL && k IS NOT NULL", "t1"),
        ("things", "k IS NULL", "t2"),
    ] {
        let rule =
            resolve(&world, name, text, Audience::Client).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = ids(&world, name, &rule.bind(&Facts::default())).unwrap();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn rules_read_who_asks() {
    let world = posts();
    for (text, who, expected) in [
        ("created_by = @request.auth.id", "u1", "p1"),
        ("created_by = @request.auth.id", "", ""),
        ("created_by != @request.auth.id", "", ""),
        ("@owns_record", "u2", "p2"),
        ("@owns_record('owner')", "u1", "p4"),
        ("@owns_record(owner)", "u1", "p4"),
        ("@is_creator || @is_public", "u2", "p1 p2"),
        ("!@is_public", "u2", "p2 p3 p4"),
        ("@has_role('admin')", "u1", "p1 p2 p3 p4"),
        ("@has_role('admin')", "u2", ""),
        ("@request.auth.role = \"user\"", "u2", "p1 p2 p3 p4"),
        ("@has_role('1')", "u1", ""),
        ("@has_group('Editors')", "u1", "p1 p2 p3 p4"),
        ("@has_group('Editors') && @has_group(\"pii_access\")", "u1", "p1 p2 p3 p4"),
        ("@has_group('Editors')", "u2", ""),
        ("!@has_group('Editors') && status = 'draft'", "u2", "p1"),
        ("!@has_group('Editors')", "", "p1 p2 p3 p4"),
        ("@request.auth.email = 'u1@x.com'", "u1", "p1 p2 p3 p4"),
        ("account_id = @request.auth.account_id", "u2", "p1 p2 p3 p4"),
        ("@request.auth.account_id IS NULL", "", "p1 p2 p3 p4"),
        ("@request.data.kind = 'x' && @request.data.deep.n > 1", "", "p1 p2 p3 p4"),
        ("status = @request.data.status", "", "p1"),
        ("@request.data.gone IS NULL", "", "p1 p2 p3 p4"),
        ("hid = ''", "", "p1 p2 p3 p4"),
    ] {
        let rule =
            resolve(&world, "posts", text, Audience::Rule).unwrap_or_else(|error| panic!("{text}: {error}"));
        let body = json!({"kind": "x", "deep": {"n": 2}, "status": "draft"});
        let found = ids(&world, "posts", &rule.bind(&facts(&world, who, &body))).unwrap();
        assert_eq!(found.join(" "), expected, "{text} by {who:?}");
    }
}

#[test]
fn binding_leaves_few_classes() {
    let world = posts();
    let bound = |text: &str, who: &str| {
        resolve(&world, "posts", text, Audience::Rule).unwrap().bind(&facts(&world, who, &json!({})))
    };
    for (text, constant) in [
        ("@has_role('admin')", Some(true)),
        ("!@has_role('admin')", Some(false)),
        ("@has_role('user') && public", Some(false)),
        ("@request.auth.id IS NOT NULL", Some(true)),
        ("@has_group('Editors') || public", Some(true)),
        ("1 + 1 = 2", Some(true)),
        ("lower('A') = 'a'", Some(true)),
        ("@request.auth.id = 'u1' && account_id = @request.auth.account_id", Some(true)),
        ("public", None),
    ] {
        assert_eq!(bound(text, "u1").constant(), constant, "{text}");
    }
    for (text, field, values) in [
        ("created_by = @request.auth.id", "created_by", vec![Value::text("u1")]),
        ("@owns_record && status = 'draft'", "created_by", vec![Value::text("u1")]),
        ("status IN ('a', 'b')", "status", vec![Value::text("a"), Value::text("b")]),
        ("public", "public", vec![Value::Bool(true)]),
        ("!(views != 2)", "views", vec![Value::Number(2.0)]),
    ] {
        let equality = Equality { field: Facet::field(field), values };
        assert_eq!(bound(text, "u1").equality(), Some(equality), "{text}");
    }
    for text in ["public", "@is_public && status != 'x'", "@request.auth.id IS NOT NULL && views > 1"] {
        assert_eq!(key(&bound(text, "u1")), key(&bound(text, "u2")), "{text}");
    }
    assert_ne!(key(&bound("@owns_record", "u1")), key(&bound("@owns_record", "u2")));
    assert_ne!(key(&bound("title ~ 'a'", "u1")), key(&bound("title ~ 'b'", "u1")));
}

const NAMES: &str = "account_id, author, created_at, created_by, day, double, due, id, mail, meta, owner, public, stars, status, title, twice, updated_at, updated_by, views";

/// Texts that are no expressions.
const GARBLED: [(&str, &str); 26] = [
    ("title = ", "Unexpected token: EOF at position 8"),
    (" ", "Unexpected token: EOF at position 1"),
    ("= 1", "Unexpected token: EQ at position 0"),
    ("title == 1", "Unexpected token: EQ at position 7"),
    ("title <> 1", "Unexpected token: GT at position 7"),
    ("title = 1 || || views=2", "Unexpected token: OR at position 13"),
    ("title = !true", "Unexpected token: NOT at position 8"),
    ("title = 1 2", "Unexpected token after expression at position 10"),
    ("title = 1 AND views = 2", "Unexpected token after expression at position 10"),
    ("title !~ 'x'", "Unexpected token after expression at position 6"),
    ("title > 1 > 2", "Unexpected token after expression at position 10"),
    ("title NOT IN (1)", "Unexpected token after expression at position 6"),
    ("views = 1e3", "Unexpected token after expression at position 9"),
    ("title IS NULL = true", "Unexpected token after expression at position 14"),
    ("(title = 1", "Expected RPAREN, found EOF at position 10"),
    ("title IN 1", "Expected LPAREN, found INTEGER at position 9"),
    ("title IN ()", "Unexpected token: RPAREN at position 10"),
    ("title IN (1 2)", "Expected RPAREN, found INTEGER at position 12"),
    ("title IN (title = 1)", "Expected RPAREN, found EQ at position 16"),
    ("title IS 1", "Expected NULL, found INTEGER at position 9"),
    ("title IS NOT", "Expected NULL, found EOF at position 12"),
    ("'ü' = 'a", "Unterminated string literal at position 8"),
    ("title = 1 & views = 2", "Unexpected character '&'. Did you mean '&&'? at position 10"),
    ("title = #", "Invalid character '#' at position 8"),
    ("views = .5", "Invalid character '.' at position 8"),
    ("lower(", "Unexpected token: EOF at position 6"),
];

#[test]
fn what_cannot_be_read_is_refused_in_known_words() {
    let world = world();
    for (text, message) in GARBLED {
        for audience in [Audience::Client, Audience::Superuser, Audience::Rule] {
            assert_eq!(resolve(&world, "posts", text, audience).err().as_deref(), Some(message), "{text}");
        }
    }
}

#[test]
fn names_that_mean_nothing_are_refused_in_known_words() {
    let world = world();
    let unknown =
        |name: &str| format!("Field '{name}' does not exist in collection. Available fields: {NAMES}");
    let context = |name: &str| {
        format!(
            "Context variables are not allowed in filters: '{name}'. Use plain field names only (e.g., status, price, created_at)."
        )
    };
    let operator = |sign: &str, field: &str, kind: &str, allowed: &str| {
        format!(
            "Operator '{sign}' is not supported for field '{field}' of type '{kind}'. Allowed operators: {allowed}IS NOT NULL, IS NULL"
        )
    };
    for (text, message) in [
        ("nope = 1", unknown("nope")),
        ("hid = 1", unknown("hid")),
        ("title.x = 1", unknown("title.x")),
        ("nope = 1 && zip = 2", format!("{}; {}", unknown("nope"), unknown("zip"))),
        ("@request.auth.id = 1", context("@request.auth.id")),
        ("@is_public", context("@is_public")),
        ("@has_role('a')", context("@has_role")),
        ("meta = 1", operator("=", "meta", "json", "")),
        ("public > true", operator(">", "public", "boolean", "!=, =, ")),
        ("public IN (true)", operator("IN", "public", "boolean", "!=, =, ")),
        ("author ~ 'a'", operator("~", "author", "reference", "!=, =, IN, ")),
        ("owner < 'a'", operator("<", "owner", "user", "!=, =, IN, ")),
        ("views ~ 1", operator("~", "views", "number", "!=, <, <=, =, >, >=, IN, ")),
        ("due ~ '2026%'", operator("~", "due", "datetime", "!=, <, <=, =, >, >=, IN, ")),
        ("created_at ~ 'x'", operator("~", "created_at", "datetime", "!=, <, <=, =, >, >=, IN, ")),
        ("lower() = 'a'", "lower() requires exactly 1 argument(s), got 0".to_owned()),
    ] {
        assert_eq!(resolve(&world, "posts", text, Audience::Client).err(), Some(message), "{text}");
    }
    for (text, message) in [
        (
            "@request.auth.nope = 1",
            "Invalid context variable '@request.auth.nope'. Valid: @request.auth.account_id, @request.auth.email, @request.auth.id, @request.auth.role",
        ),
        ("@has_role()", "@has_role() requires exactly 1 argument(s), got 0"),
        ("@other(1)", "Unknown macro '@other'"),
    ] {
        assert_eq!(resolve(&world, "posts", text, Audience::Rule).err().as_deref(), Some(message), "{text}");
    }
    let error = resolve(&world, "notes", "@is_public", Audience::Rule).err().unwrap();
    assert!(error.starts_with("Field 'public' does not exist in collection."), "{error}");
}

#[test]
fn fields_are_computed_from_others() {
    let mut world = posts();
    let row = json!({"id": "c1", "title": "ab", "views": 2.5});
    world.insert_json("posts", &row);
    let record = world.records["posts"].last().unwrap();
    let posts = world.collection("posts");
    let value = |field: &str| Formula::of_field(&posts, field).map(|formula| formula.value(record, NOW));
    assert_eq!(value("double").unwrap(), Value::Number(5.0));
    assert_eq!(value("title").unwrap(), Value::text("ab"));
    assert_eq!(value("status").unwrap(), Value::Null);
    assert!(value("twice").is_err() && value("nope").is_err());
}

#[test]
fn bounds_hold() {
    let unbounded = Limits { length: usize::MAX, count: usize::MAX, depth: usize::MAX };
    for deep in [
        format!("{}1", "(".repeat(10_000)),
        "!".repeat(10_000),
        "-".repeat(10_000),
        "f(".repeat(10_000),
        format!("{}1", "1+".repeat(10_000)),
        format!("{}1", "1*".repeat(10_000)),
    ] {
        assert!(Expr::parse_in(Language::SnackBase, &deep, unbounded).is_err());
    }
    let many = vec!["1 = 1"; 201].join(" && ");
    assert!(Expr::parse_in(Language::SnackBase, &many, Limits::default()).is_err());
    let long = format!("1 = '{}'", "x".repeat(3500));
    assert!(Expr::parse_in(Language::SnackBase, &long, Limits::default()).is_err());
    let wide = vec!["a = 1"; 5000].join(" || ");
    assert!(Expr::parse_in(Language::SnackBase, &wide, unbounded).is_ok());
}

#[test]
fn a_superuser_tells_tenants_apart() {
    let mut world = posts();
    let other = world::record(&world.collection("posts"), &TenantId::new("other"), &json!({"id": "q1"}));
    world.insert(other);
    let rule = resolve(&world, "posts", "account_id = 'other'", Audience::Superuser).unwrap();
    let residual = rule.bind(&Facts::default());
    let found = |record: &&Arc<Record>| residual.eval(record, NOW) == Truth::Yes;
    let ids: Vec<_> = world.records["posts"].iter().filter(found).map(|record| record.id()).collect();
    assert_eq!(ids, ["q1"]);
    assert_eq!(world.ids("posts", &residual, &Sort::default(), NOW).unwrap(), [] as [&str; 0]);
}

const TEXTS: [&str; 16] = [
    "",
    "a",
    "A",
    "Hello",
    "ünï",
    "%",
    "_",
    "\\",
    "h%",
    "5",
    " 5x",
    "1e3",
    "-.5",
    "0x1",
    "u1",
    "2026-11-01T10:00:00Z",
];
const NUMBERS: [f64; 10] = [0.0, 1.0, -1.0, 2.5, 5.0, 1e15, -7.25, 1e300, 9_007_199_254_740_993.0, 0.1];

fn row() -> impl Strategy<Value = Json> {
    let text = || prop_oneof![1 => Just(Json::Null), 3 => select(&TEXTS[..]).prop_map(|text| json!(text))];
    let number =
        || prop_oneof![1 => Just(Json::Null), 3 => select(&NUMBERS[..]).prop_map(|number| json!(number))];
    let meta = prop_oneof![
        Just(Json::Null),
        Just(json!({"a": 1})),
        Just(json!(5)),
        Just(json!("x")),
        Just(json!([true]))
    ];
    (text(), text(), number(), number(), any::<bool>(), meta, text()).prop_map(
        |(title, status, views, stars, public, meta, created_by)| {
            json!({"title": title, "status": status, "views": views, "stars": stars, "public": public, "meta": meta,
                   "created_by": created_by})
        },
    )
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&TEXTS[..]).prop_map(|text| format!("'{}'", text.replace('\\', "\\\\"))),
        3 => select(&NUMBERS[..]).prop_map(|number| format!("{number}")),
        1 => select(&["true", "false", "null"][..]).prop_map(str::to_owned),
        1 => select(&["@request.auth.id", "@request.auth.role", "@request.data.title", "@request.data.views"][..])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let fields = [
        "title",
        "status",
        "views",
        "stars",
        "public",
        "meta",
        "created_by",
        "id",
        "created_at",
        "account_id",
    ];
    let leaf = prop_oneof![3 => select(fields.to_vec()).prop_map(str::to_owned), 2 => literal()];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let signs = select(&["+", "-", "*", "/", "%"][..]);
        let one = select(&["lower", "upper", "trim", "length", "abs", "-", "round"][..]);
        let two = select(&["coalesce", "concat", "nullif", "substring"][..]);
        prop_oneof![
            2 => (inner.clone(), signs, inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            1 => (one, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            1 => (two, inner.clone(), inner.clone()).prop_map(|(name, a, b)| format!("{name}({a}, {b})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if({a} > 1, {b}, {c})")),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let signs = select(&["=", "!=", "<", "<=", ">", ">=", "~"][..]);
    let leaf = prop_oneof![
        5 => (value(), signs, value()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        1 => (value(), select(&["IS NULL", "is not null"][..])).prop_map(|(of, is)| format!("{of} {is}")),
        1 => (value(), prop::collection::vec(literal(), 1..4))
            .prop_map(|(of, items)| format!("{of} IN ({})", items.join(", "))),
        1 => value(),
        1 => select(&["@owns_record", "@is_public", "@has_role('admin')", "@has_group('Editors')", "@owns_record(title)"][..])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 2..4), any::<bool>())
                .prop_map(|(items, and)| format!("({})", items.join(if and { " && " } else { " || " }))),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(({a}) = ({b}))")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sql_agree(
        text in condition(),
        rows in prop::collection::vec(row(), 1..4),
        who in select(&["", "u1", "u2"][..]),
        body in row(),
    ) {
        let mut world = world();
        for (index, mut row) in rows.into_iter().enumerate() {
            row["id"] = json!(format!("p{index}"));
            world.insert_json("posts", &row);
        }
        let rule = resolve(&world, "posts", &text, Audience::Rule).map_err(TestCaseError::fail)?;
        let residual = rule.bind(&facts(&world, who, &body));
        prop_assert!(residual.is_local());
        ids(&world, "posts", &residual)?;
    }

    /// An expression, its opposite and "neither" are each true of different records, and one of them is of each.
    #[test]
    fn there_are_three_truths(text in condition(), row in row()) {
        let mut world = world();
        let mut row = row;
        row["id"] = json!("p0");
        world.insert_json("posts", &row);
        let holds = |text: &str| -> Result<bool, TestCaseError> {
            let rule = resolve(&world, "posts", text, Audience::Rule).map_err(TestCaseError::fail)?;
            Ok(!ids(&world, "posts", &rule.bind(&facts(&world, "u1", &json!({}))))?.is_empty())
        };
        let (yes, no, twice) = (holds(&text)?, holds(&format!("!({text})"))?, holds(&format!("!(!({text}))"))?);
        prop_assert!(!(yes && no), "{}", text);
        prop_assert_eq!(yes, twice);
    }

    #[test]
    fn nothing_makes_it_panic(text in "[a-z@0-9'\"()!=<>~&|+*/%., \\\\-]{0,40}") {
        let _ = resolve(&world(), "posts", &text, Audience::Rule);
    }
}
