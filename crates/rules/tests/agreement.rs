//! One expression, two meanings: what is evaluated in memory must be what SQLite says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Identity, Principal, Timestamp};
use tidewire_rules::{Audience, Expr, Facts, Limits, Rule, Sort, Truth};
use world::World;

const NOW: Timestamp = Timestamp(1_795_000_000_123);

const TEXTS: [&str; 44] = [
    "",
    " ",
    "a",
    "A",
    "b",
    "Alpha",
    "alpha",
    "ünï ß",
    "Ü",
    "%",
    "_",
    "\\",
    "a%",
    "a_b",
    "a\\%b",
    "100%",
    "5",
    "5.0",
    " 5 ",
    "05",
    "-0",
    "1e3",
    "0x10",
    "+7",
    "9223372036854775807",
    "9223372036854775808",
    "0.30000000000000004",
    ".5",
    "5.",
    "1e",
    "true",
    "null",
    "[]",
    "[1]",
    "[\"x\",2,null]",
    "{\"a\":1}",
    "2024-01-31 10:00:00.000Z",
    "2024-02-29 23:59:59.999Z",
    "2023-12-31",
    "12:30",
    "now-ish",
    "q1",
    "x",
    "2024-01-01 00:00:00.000+02:00",
];

const NUMBERS: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    5.0,
    2.5,
    0.1,
    0.30000000000000004,
    1e15,
    1e17,
    1e20,
    -1e20,
    1e-7,
    123_456_789.123_456_79,
    9_007_199_254_740_993.0,
    9_223_372_036_854_775_807.0,
    49.47,
    1.0 / 3.0,
    2_460_000.5,
    1e300,
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&TEXTS[..]).prop_map(str::to_owned), 1 => "[a-cA-C%_\\\\ß0-9 .\\-]{0,6}"]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => select(&NUMBERS[..]),
        1 => (-1000i32..1000).prop_map(f64::from),
        1 => any::<i64>().prop_map(|number| number as f64),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()),
    ]
}

fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        text().prop_map(Json::String),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            prop::collection::btree_map(select(&["a", "b", "0"][..]), inner, 0..3)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

fn list() -> impl Strategy<Value = Json> {
    prop::collection::vec(text(), 0..4).prop_map(|items| json!(items))
}

fn ids() -> impl Strategy<Value = Json> {
    prop::collection::vec(select(&["q1", "q2", "q3", "gone"][..]), 0..3).prop_map(|items| json!(items))
}

fn row() -> impl Strategy<Value = Json> {
    let one = select(&["", "q1", "q2", "gone"][..]);
    let plain = (text(), text(), number(), any::<bool>(), text(), json_value());
    let geo = (select(&NUMBERS[..]), select(&NUMBERS[..]));
    (plain, list(), one, ids(), geo, text(), nullable()).prop_map(
        |((t, s, n, b, u, j), ms, r, mr, (lon, lat), d, nullable)| {
            let d = if d.len() > 15 { d } else { String::new() };
            let mut row = json!({"t": t, "s": s, "n": n, "b": b, "d": d, "u": u, "j": j, "ms": ms, "r": r, "mr": mr,
                                 "g": {"lon": lon, "lat": lat}});
            for (name, value) in ["zt", "zn", "zms", "zr", "zg", "zb"].iter().zip(nullable) {
                row[*name] = value;
            }
            row
        },
    )
}

/// Values of the fields that may be null.
fn nullable() -> impl Strategy<Value = [Json; 6]> {
    let or_null = |some: BoxedStrategy<Json>| prop_oneof![1 => Just(Json::Null), 1 => some].boxed();
    let geo = select(&NUMBERS[..]).prop_map(|lon| json!({"lon": lon, "lat": 1.0}));
    [
        or_null(text().prop_map(Json::String).boxed()),
        or_null(number().prop_map(|number| json!(number)).boxed()),
        or_null(list().boxed()),
        or_null(select(&["", "q1", "gone"][..]).prop_map(|id| json!(id)).boxed()),
        or_null(geo.boxed()),
        or_null(any::<bool>().prop_map(Json::Bool).boxed()),
    ]
}

const NAMES: [&str; 85] = [
    "t",
    "t",
    "t:lower",
    "u",
    "s",
    "s:each",
    "s:length",
    "n",
    "n",
    "n:lower",
    "b",
    "b:lower",
    "d",
    "ms",
    "ms:each",
    "ms:each",
    "ms:length",
    "ms:lower",
    "r",
    "r:length",
    "r:each",
    "r.id",
    "mr",
    "mr:each",
    "mr:length",
    "j",
    "j",
    "j:lower",
    "j.a",
    "j.a.b",
    "j.0",
    "j.1",
    "j.a.0",
    "g",
    "g.lon",
    "g.lat",
    "g:lower",
    "r.name",
    "r.w",
    "r.tags:each",
    "r.tags:length",
    "mr.name",
    "mr.name",
    "mr.w",
    "mr.id",
    "mr.tags:each",
    "r.p_via_r.t",
    "r.p_via_mr.n",
    "@collection.q.name",
    "@collection.q:x.w",
    "@request.body.t",
    "@request.body.n",
    "@request.body.j",
    "@request.body.ms:each",
    "@request.body.ms:length",
    "@request.body.t:isset",
    "@request.body.t:changed",
    "@request.body.ms:changed",
    "@request.body.mr.name",
    "@request.auth.id",
    "@request.auth.ms:each",
    "@request.auth.n",
    "@request.auth.t:lower",
    "@request.auth.j.a",
    "@request.auth.r.name",
    "id",
    "zt",
    "zt",
    "zt:lower",
    "zn",
    "zn",
    "zms",
    "zms:each",
    "zms:length",
    "zr",
    "zr:length",
    "zr:each",
    "zr.id",
    "zr.name",
    "zg",
    "zg.lon",
    "zb",
    "@request.auth.zt",
    "@request.auth.zn",
    "@request.auth.zms:each",
];

const WORDS: [&str; 7] = ["null", "true", "false", "@now", "@year", "@weekday", "@todayStart"];

const FORMATS: [&str; 8] = [
    "%Y",
    "%Y-%m-%d %H:%M:%f",
    "%j %U %W %V %G %g",
    "%s",
    "%d%e%k%l%I%p%P%u%w",
    "%F %R %T",
    "%%x%M%S",
    "%Y%q",
];

const MODIFIERS: [&str; 16] = [
    "+1 day",
    "-1 months",
    "+13 month",
    "-3.5 days",
    "+1 year",
    "start of month",
    "start of year",
    "end of month",
    "end of day",
    "weekday 1",
    "weekday -0",
    "unixepoch",
    "auto",
    "julianday",
    "+90 seconds",
    "ceiling",
];

const SIGNS: [&str; 8] = ["=", "!=", "<", "<=", ">", ">=", "~", "!~"];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text().prop_map(|text| quoted(&text)),
        3 => number().prop_map(|number| format!("{number}")),
        2 => select(&WORDS[..]).prop_map(str::to_owned),
    ]
}

fn call() -> impl Strategy<Value = String> {
    let time = prop_oneof![
        select(&["d", "t", "n", "j.a", "mr.name", "ms:each", "2460000.5"][..]).prop_map(str::to_owned),
        text().prop_map(|text| quoted(&text)),
    ];
    let modifiers = prop::collection::vec(select(&MODIFIERS[..]), 0..3);
    let strftime = (select(&FORMATS[..]), time, modifiers).prop_map(|(format, time, modifiers)| {
        let modifiers: String = modifiers.iter().map(|modifier| format!(", '{modifier}'")).collect();
        format!("strftime('{format}', {time}{modifiers})")
    });
    let point = || select(&["g.lon", "g.lat", "n", "12.5", "t", "0", "null", "j.a"][..]);
    let distance =
        (point(), point(), point(), point()).prop_map(|(a, b, c, d)| format!("geoDistance({a},{b},{c},{d})"));
    prop_oneof![2 => strftime, 1 => distance]
}

fn term() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&NAMES[..]).prop_map(str::to_owned), 3 => literal(), 1 => call()]
}

fn expression() -> impl Strategy<Value = String> {
    let comparison = (term(), any::<bool>(), select(&SIGNS[..]), term())
        .prop_map(|(left, any, sign, right)| format!("{left} {}{sign} {right}", if any { "?" } else { "" }));
    comparison.prop_recursive(3, 6, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(items, and)| format!("({})", items.join(if and { " && " } else { " || " })))
    })
}

fn world(rows: &[Json]) -> World {
    let field = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let relation = |name: &str, count: u32| json!({"name": name, "type": "relation", "collectionId": "q", "maxSelect": count});
    let nullable = |mut field: Json| {
        field["nullable"] = json!(true);
        field
    };
    let fields = json!([
        nullable(field("zt", "text")), nullable(field("zn", "number")), nullable(field("zg", "geoPoint")),
        nullable(field("zb", "bool")), nullable(json!({"name": "zms", "type": "select", "maxSelect": 9})),
        nullable(relation("zr", 1)),
        field("t", "text"), field("u", "editor"), field("n", "number"), field("b", "bool"), field("d", "text"),
        field("s", "select"), {"name": "ms", "type": "select", "maxSelect": 9}, field("j", "json"),
        field("g", "geoPoint"), relation("r", 1), relation("mr", 9)
    ]);
    let tags = json!([field("name", "text"), field("w", "number"), {"name": "tags", "type": "select", "maxSelect": 5}]);
    let p = world::collection(&json!({"name": "p", "type": "base", "fields": fields}));
    let q = world::collection(&json!({"name": "q", "type": "base", "fields": tags}));
    let mut world = World::new(vec![p, q]);
    for (id, name, w) in [("q1", "a", 1), ("q2", "Alpha", 5), ("q3", "", 0)] {
        world.insert_json("q", &json!({"id": id, "name": name, "w": w, "tags": [name, "x"]}));
    }
    for (index, row) in rows.iter().enumerate() {
        let mut row = row.clone();
        row["id"] = json!(format!("p{index}"));
        world.insert_json("p", &row);
    }
    // rows of another tenant must never be seen
    let other = tidewire_model::TenantId::new("other");
    for (name, json) in
        [("p", json!({"id": "p0", "t": "a", "r": "q1"})), ("q", json!({"id": "q1", "name": "zz"}))]
    {
        let record = world::record(&world.collection(name), &other, &json);
        world.insert(record);
    }
    world
}

/// What the expression says of each record, in memory and by SQL.
fn agree(text: &str, rows: &[Json], body: &Json, signed_in: bool) -> Result<(), TestCaseError> {
    let world = world(rows);
    let collection = world.collection("p");
    let expr =
        Expr::parse(text, Limits::default()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let Ok(rule) = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule) else {
        return Ok(());
    };
    let record = world.records["p"][0].clone();
    let identity = Identity { record, superuser: false, tenant: world.tenant.clone(), expires_at: None };
    let principal = if signed_in { Principal::Known(Arc::new(identity)) } else { Principal::Guest };
    let body = body.as_object().unwrap().clone();
    let residual = rule.bind(&Facts { principal, body, ..Facts::default() });
    let ids = world.ids("p", &residual, &Sort::default(), NOW).map_err(TestCaseError::fail)?;
    for record in world.records["p"].iter().filter(|record| record.tenant == world.tenant) {
        let truth = residual.eval(record, NOW);
        let expected = if ids.iter().any(|id| id == record.id()) { Truth::Yes } else { Truth::No };
        prop_assert!(
            truth == expected || (truth == Truth::Ask && !residual.is_local()),
            "{text}: {truth:?} in memory, {expected:?} by SQL, of {:?}",
            record.values
        );
        if let (Truth::Yes, Some(equality)) = (expected, residual.equality()) {
            let mut found = false;
            equality.field.each_value(record, &mut |value| found |= equality.values.contains(value));
            prop_assert!(found, "{text}: {equality:?} is not in {:?}", record.values);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sql_agree(
        text in expression(),
        rows in prop::collection::vec(row(), 1..4),
        body in row(),
        signed_in in any::<bool>(),
    ) {
        agree(&text, &rows, &body, signed_in)?;
    }

    /// One row and one comparison at a time, to look closer at values.
    #[test]
    fn single_comparisons_agree(left in term(), sign in select(&["=", "!=", "<", ">=", "~", "?!~"][..]), right in term(), row in row()) {
        agree(&format!("{left} {sign} {right}"), &[row], &json!({}), true)?;
    }
}

fn date() -> impl Strategy<Value = String> {
    let day = (0i32..=9999, 0u32..=13, 0u32..=32);
    let time = (0u32..=24, 0u32..=60, 0u32..=60, 0u32..=1000);
    let end = select(&["", "Z", "z ", "+02:00", "-11:30", "+15:00", "x"][..]);
    let shape = 0..6;
    (day, time, end, shape).prop_map(|((year, month, day), (hour, minute, second, milli), end, shape)| {
        match shape {
            0 => format!("{year:04}-{month:02}-{day:02}"),
            1 => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            2 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{end}"),
            3 => format!("{hour:02}:{minute:02}:{second:02}{end}"),
            4 => format!("{}", f64::from(year) * 600.0 + f64::from(milli) / 1000.0),
            _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}{end}"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_are_written_as_sqlite_writes_them(
        format in select(&FORMATS[..]),
        time in date(),
        modifiers in prop::collection::vec(select(&MODIFIERS[..]), 0..3),
    ) {
        let mut arguments = vec![format!("'{format}'"), quoted(&time)];
        arguments.extend(modifiers.iter().map(|modifier| format!("'{modifier}'")));
        let call = format!("strftime({})", arguments.join(","));
        let world = world(&[]);
        let sql = format!("SELECT COALESCE({call}, '')");
        let expected: String = world.connection.query_row(&sql, (), |row| row.get(0)).unwrap();
        let expr = Expr::parse(&format!("{call} = '{expected}'"), Limits::default()).unwrap();
        let collection = world.collection("p");
        let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
        let record = world::record(&collection, &world.tenant, &json!({}));
        let truth = rule.bind(&Facts::default()).eval(&record, NOW);
        prop_assert_eq!(truth, Truth::Yes, "{} is {:?}", call, expected);
    }

    /// What binding folds must be what SQLite would have said.
    #[test]
    fn constants_are_folded_as_sqlite_compares_them(
        left in prop_oneof![text().prop_map(Json::String), number().prop_map(|number| json!(number))],
        sign in select(&["=", "<", "<=", ">", ">="][..]),
        right in prop_oneof![text().prop_map(Json::String), number().prop_map(|number| json!(number))],
    ) {
        let world = world(&[]);
        let write = |json: &Json| json.as_str().map_or_else(|| json.as_f64().unwrap().to_string(), quoted);
        let bound = |json: &Json| match json {
            Json::String(text) => rusqlite::types::Value::Text(text.clone()),
            number => rusqlite::types::Value::Real(number.as_f64().unwrap()),
        };
        let sql = format!("SELECT ?1 {sign} ?2");
        let expected: bool =
            world.connection.query_row(&sql, [bound(&left), bound(&right)], |row| row.get(0)).unwrap();
        let text = format!("{} {sign} {}", write(&left), write(&right));
        let expr = Expr::parse(&text, Limits::default()).unwrap();
        let collection = world.collection("p");
        let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
        prop_assert_eq!(rule.bind(&Facts::default()).constant(), Some(expected), "{}", text);
    }

    /// From 1e-9 to 1e17; elsewhere SQLite's own seventeenth digit is not always the nearest.
    #[test]
    fn numbers_have_the_text_that_sqlite_gives_them(
        digits in any::<i64>(),
        short in -10_000_000i64..10_000_000,
        scale in -25i32..-2,
        small in -9i32..9,
    ) {
        for number in [digits as f64 * 10f64.powi(scale), short as f64 * 10f64.powi(small), short as f64 / 1000.0] {
            if !(1e-9..1e17).contains(&number.abs()) {
                continue;
            }
            let world = world(&[json!({"n": number})]);
            let read = "SELECT LOWER(n) FROM p WHERE id = 'p0'";
            let text: String = world.connection.query_row(read, (), |row| row.get(0)).unwrap();
            let expr = Expr::parse(&format!("n:lower = '{text}'"), Limits::default()).unwrap();
            let collection = world.collection("p");
            let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
            let truth = rule.bind(&Facts::default()).eval(&world.records["p"][0], NOW);
            prop_assert_eq!(truth, Truth::Yes, "{} is written {}", number, text);
        }
    }
}
