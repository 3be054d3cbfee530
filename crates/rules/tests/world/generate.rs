//! Random rows and expressions, and the database that they are asked of.

use super::{World, collection, record};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use tidewire_model::Timestamp;

pub const NOW: Timestamp = Timestamp(1_795_000_000_123);

pub const TEXTS: [&str; 44] = [
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

pub const NUMBERS: [f64; 20] = [
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

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&TEXTS[..]).prop_map(str::to_owned), 1 => "[a-cA-C%_\\\\ß0-9 .\\-]{0,6}"]
}

pub fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => select(&NUMBERS[..]),
        1 => (-1000i32..1000).prop_map(f64::from),
        1 => any::<i64>().prop_map(|number| number as f64),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()),
    ]
}

pub fn json_value() -> impl Strategy<Value = Json> {
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

pub fn list() -> impl Strategy<Value = Json> {
    prop::collection::vec(text(), 0..4).prop_map(|items| json!(items))
}

pub fn ids() -> impl Strategy<Value = Json> {
    prop::collection::vec(select(&["q1", "q2", "q3", "q4", "gone"][..]), 0..3).prop_map(|items| json!(items))
}

pub fn row() -> impl Strategy<Value = Json> {
    let one = select(&["", "q1", "q2", "q4", "gone"][..]);
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
pub fn nullable() -> impl Strategy<Value = [Json; 6]> {
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

pub const NAMES: [&str; 85] = [
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

pub const WORDS: [&str; 7] = ["null", "true", "false", "@now", "@year", "@weekday", "@todayStart"];

pub const FORMATS: [&str; 8] = [
    "%Y",
    "%Y-%m-%d %H:%M:%f",
    "%j %U %W %V %G %g",
    "%s",
    "%d%e%k%l%I%p%P%u%w",
    "%F %R %T",
    "%%x%M%S",
    "%Y%q",
];

pub const MODIFIERS: [&str; 16] = [
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

pub const SIGNS: [&str; 8] = ["=", "!=", "<", "<=", ">", ">=", "~", "!~"];

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text().prop_map(|text| quoted(&text)),
        3 => number().prop_map(|number| format!("{number}")),
        2 => select(&WORDS[..]).prop_map(str::to_owned),
    ]
}

pub fn call() -> impl Strategy<Value = String> {
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

pub fn term() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&NAMES[..]).prop_map(str::to_owned), 3 => literal(), 1 => call()]
}

pub fn expression() -> impl Strategy<Value = String> {
    let comparison = (term(), any::<bool>(), select(&SIGNS[..]), term())
        .prop_map(|(left, any, sign, right)| format!("{left} {}{sign} {right}", if any { "?" } else { "" }));
    comparison.prop_recursive(3, 6, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(items, and)| format!("({})", items.join(if and { " && " } else { " || " })))
    })
}

pub fn world(rows: &[Json]) -> World {
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
    let tags = json!([field("name", "text"), field("w", "number"), {"name": "tags", "type": "select", "maxSelect": 5},
        {"name": "of", "type": "relation", "collectionId": "p", "maxSelect": 1}]);
    let p = collection(&json!({"name": "p", "type": "base", "fields": fields}));
    let q = collection(&json!({"name": "q", "type": "base", "fields": tags}));
    let mut world = World::new(vec![p, q]);
    for (id, name, w, of) in
        [("q1", "a", 1.0, "p0"), ("q2", "Alpha", 5.0, "p1"), ("q3", "", 0.0, "p0"), ("q4", "2.5", 2.5, "p1")]
    {
        world.insert_json("q", &json!({"id": id, "name": name, "w": w, "tags": [name, "x"], "of": of}));
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
        let record = record(&world.collection(name), &other, &json);
        world.insert(record);
    }
    world
}
