//! What comes back from a call.

use crate::world::World;
use serde_json::{Value as Json, json};
use tidewire_hooks::Event;

/// Function body, fields before, fields after.
fn table() -> Vec<(&'static str, Json, Json)> {
    let record = || json!({ "record": { "n": 1, "list": [1, 2] }, "user_id": "u1" });
    vec![
        ("", record(), record()),
        ("e.record.n; e.user_id", record(), record()),
        ("e.record.n = 2", record(), json!({ "record": { "n": 2, "list": [1, 2] }, "user_id": "u1" })),
        (
            "e.record.list.push(3)",
            record(),
            json!({ "record": { "n": 1, "list": [1, 2, 3] }, "user_id": "u1" }),
        ),
        ("e.record = {m: 1}", record(), json!({ "record": { "m": 1 }, "user_id": "u1" })),
        ("e.record = 'text'", record(), json!({ "record": "text", "user_id": "u1" })),
        ("delete e.record.n", record(), json!({ "record": { "list": [1, 2] }, "user_id": "u1" })),
        ("delete e.record", record(), json!({ "user_id": "u1" })),
        ("delete e.record; e.record = 1", record(), json!({ "record": 1, "user_id": "u1" })),
        ("delete e.user_id", json!({ "user_id": "u1" }), json!({})),
        ("e.user_id = undefined", json!({ "user_id": "u1" }), json!({})),
        ("e.user_id = null", json!({ "user_id": "u1" }), json!({ "user_id": null })),
        ("e.user_id = [e.user_id]", json!({ "user_id": "u1" }), json!({ "user_id": ["u1"] })),
        ("e.added = {a: [1]}", json!({}), json!({ "added": { "a": [1] } })),
        ("e.event = 'other'", json!({}), json!({})),
        (
            "e.copy = {...e}",
            json!({ "a": 1 }),
            json!({ "a": 1, "copy": { "a": 1, "event": "realtime.connect" } }),
        ),
        (
            "e.text = JSON.stringify(e.record)",
            json!({ "record": { "ü": "\u{1F600}" } }),
            json!({ "record": { "ü": "\u{1F600}" }, "text": "{\"ü\":\"\u{1F600}\"}" }),
        ),
        (
            "e.quote = e.quote + '\\u0000\"'",
            json!({ "quote": "\"\\\n" }),
            json!({ "quote": "\"\\\n\u{0}\"" }),
        ),
        (
            "e.keys = Object.keys(e)",
            json!({ "b": 1, "a": [] }),
            json!({ "b": 1, "a": [], "keys": ["b", "a", "event"] }),
        ),
        // what looks like machinery is a field as any other
        (
            "e.seen = e.__proto__ === undefined ? 0 : e.toString",
            json!({ "toString": 7 }),
            json!({ "toString": 7, "seen": 7 }),
        ),
    ]
}

#[test]
fn changes_of_fields_come_back() {
    for (body, before, after) in table() {
        let world = World::of(&format!("onRealtimeConnect((e) => {{ {body} }})"));
        let occasion = world.call(Event::RealtimeConnect, before).unwrap();
        assert_eq!(Json::Object(occasion.fields), after, "{body}");
    }
}

#[test]
fn fields_that_are_not_touched_keep_what_numbers_of_javascript_cannot_hold() {
    let fields = json!({ "large": { "n": 9_007_199_254_740_993_u64 }, "n": 9_007_199_254_740_993_u64 });
    let world = World::of("onRealtimeConnect((e) => { e.other = 1; e.large.n })");
    let occasion = world.call(Event::RealtimeConnect, fields.clone()).unwrap();
    assert_eq!(occasion.fields["large"], fields["large"]);
    assert_eq!(occasion.fields["n"], fields["n"]);
}

#[test]
fn a_message_may_be_answered() {
    for (body, reply) in [
        ("", None),
        ("return {other: 1}", None),
        ("return {reply: {type: 'pong'}}", Some(json!({ "type": "pong" }))),
        ("return {reply: null}", Some(Json::Null)),
        ("e.reply('text')", Some(json!("text"))),
        ("e.reply(1); e.reply(2)", Some(json!(2))),
        ("return Promise.resolve({reply: e.message.n + 1})", Some(json!(42))),
    ] {
        let world = World::of(&format!("onRealtimeMessage((e) => {{ {body} }})"));
        let occasion = world.call(Event::RealtimeMessage, json!({ "message": { "n": 41 } })).unwrap();
        assert_eq!(occasion.reply, reply, "{body}");
    }
}

#[test]
fn the_next_hook_sees_what_the_one_before_has_changed() {
    let world = World::new(&[
        ("a.js", "onRealtimeConnect((e) => { e.order = [...e.order, 'a'] })"),
        (
            "b.js",
            "onRealtimeConnect((e) => { e.order.push('b') });
             onRealtimeConnect((e) => { e.order.push('first') }, {priority: 10})",
        ),
    ]);
    let occasion = world.call(Event::RealtimeConnect, json!({ "order": [] })).unwrap();
    assert_eq!(occasion.fields["order"], json!(["first", "a", "b"]));
}
