//! What scripts can do besides changing `e`.

use crate::world::{Desk, World, lines};
use serde_json::{Map, Value as Json, json};
use tidewire_hooks::{Act, Event, HookError, NoHands};

fn object(value: Json) -> Map<String, Json> {
    value.as_object().cloned().unwrap()
}

/// Expression, its value, what was done for it.
type Case = (&'static str, Json, Act);

fn acts_on_records() -> Vec<Case> {
    let posts = || "posts".to_owned();
    let list = |filter: &str, sort: &str, page, per_page, rules| Act::List {
        collection: posts(),
        filter: filter.to_owned(),
        sort: sort.to_owned(),
        page,
        per_page,
        rules,
    };
    vec![
        (
            "records('posts').get('r1')",
            json!({ "id": "r1", "from": "posts" }),
            Act::Get { collection: posts(), id: "r1".to_owned(), rules: false },
        ),
        (
            "records('posts', {rules: true}).get('r1')",
            json!({ "id": "r1", "from": "posts" }),
            Act::Get { collection: posts(), id: "r1".to_owned(), rules: true },
        ),
        (
            "records('posts').list()",
            json!({ "page": 1, "perPage": 30, "items": [] }),
            list("", "", 1, 30, false),
        ),
        (
            "records('posts', {rules: true}).list({filter: 'a = 1', sort: '-b', page: 2, perPage: 5})",
            json!({ "page": 2, "perPage": 5, "items": [] }),
            list("a = 1", "-b", 2, 5, true),
        ),
        (
            "records('posts').create({title: 'ü'})",
            json!({ "title": "ü" }),
            Act::Create { collection: posts(), data: object(json!({ "title": "ü" })), rules: false },
        ),
        (
            "records('posts').update('r1', {n: 1})",
            json!({ "id": "r1", "data": { "n": 1 } }),
            Act::Update {
                collection: posts(),
                id: "r1".to_owned(),
                data: object(json!({ "n": 1 })),
                rules: false,
            },
        ),
        (
            "records('posts').delete('r1')",
            Json::Null,
            Act::Delete { collection: posts(), id: "r1".to_owned(), rules: false },
        ),
    ]
}

fn other_acts() -> Vec<Case> {
    vec![
        (
            "publish('jobs/done', {n: 1}) ?? null",
            Json::Null,
            Act::Publish { topic: "jobs/done".to_owned(), data: json!({ "n": 1 }) },
        ),
        (
            "publish('jobs/done') ?? null",
            Json::Null,
            Act::Publish { topic: "jobs/done".to_owned(), data: Json::Null },
        ),
        (
            "say('lobby', 'hello') ?? null",
            Json::Null,
            Act::Say { room: "lobby".to_owned(), data: json!("hello") },
        ),
        (
            "broadcast('news', [1]) ?? null",
            Json::Null,
            Act::Broadcast { event: "news".to_owned(), data: json!([1]) },
        ),
        (
            "setting('meta.appName')",
            json!("<meta.appName>"),
            Act::Setting { path: "meta.appName".to_owned() },
        ),
        // all of it may be awaited
        ("await setting('a')", json!("<a>"), Act::Setting { path: "a".to_owned() }),
    ]
}

#[test]
fn acts_are_carried_out_by_the_hands_of_the_caller() {
    for (expression, value, act) in acts_on_records().into_iter().chain(other_acts()) {
        let world = World::of(&format!("onRealtimeConnect(async (e) => {{ e.value = {expression} }})"));
        let mut desk = Desk::default();
        let occasion = world.call_with(Event::RealtimeConnect, json!({}), &mut desk).unwrap();
        assert_eq!(occasion.fields["value"], value, "{expression}");
        assert_eq!(desk.acts, [act], "{expression}");
    }
}

#[test]
fn acts_that_fail_throw() {
    for (body, value) in [
        (
            "records('posts').get('none')",
            Err("ActError: The requested resource wasn't found. {\"id\":\"missing\"} (a.js:1:"),
        ),
        (
            "try { records('posts').get('none') } catch (error) {
               e.value = [error instanceof ActError, error instanceof ApiError, error.status, error.data]
             }",
            Ok(json!([true, false, 404, { "id": "missing" }])),
        ),
        ("records('posts').create('text')", Err("TypeError")),
        ("records('posts').create()", Err("TypeError")),
        ("records('posts').list({page: -1})", Err("TypeError")),
        ("records('posts').list({page: 'x'})", Err("TypeError")),
        ("const a = []; a[0] = a; publish('t', a)", Err("TypeError: circular reference")),
        ("publish('t', 1n)", Err("TypeError")),
    ] {
        let world = World::of(&format!("onRealtimeConnect((e) => {{ {body} }})"));
        match (world.connect(), value) {
            (Ok(occasion), Ok(value)) => assert_eq!(occasion.fields["value"], value, "{body}"),
            (Err(HookError::Failed(text)), Err(part)) => assert!(text.contains(part), "{body}: {text}"),
            (outcome, _) => panic!("{body}: {outcome:?}"),
        }
    }
}

#[test]
fn where_nothing_can_be_done_a_script_is_told() {
    let world = World::of("onStart(() => publish('t', 1))");
    let error = world.call_with(Event::Start, json!({}), &mut NoHands).unwrap_err().to_string();
    assert!(error.contains("nothing can be read, written or published here"), "{error}");
}

#[test]
fn what_scripts_log_stands_in_the_log() {
    let body = "
        log('one', 1, {a: [null]}, undefined, () => 1);
        console.warn('two');
        console.error(new Error('three'));
        log('x'.repeat(5000) + 'y');
        for (let i = 0; i < 300; i++) log('many', i);
    ";
    let world = World::of(&format!("log('while it is read');\nonStart(() => {{ {body} }})"));
    world.call(Event::Start, json!({})).unwrap();
    let lines = lines();
    assert_eq!(lines.matches("while it is read").count(), 1, "once, not once per runtime");
    for (line, there) in [
        (" INFO hooks: one 1 {\"a\":[null]} undefined () => 1", true),
        (" WARN hooks: two", true),
        ("ERROR hooks: Error: three (a.js:5:", true),
        ("xxxx…", true),
        ("xxxxy", false),
        ("many 190", true),
        ("many 299", false),
        ("more lines of this call are left out", true),
    ] {
        assert_eq!(lines.contains(line), there, "{line}");
    }
}

#[test]
fn globals_cannot_be_replaced_and_nothing_else_is_offered() {
    for (expression, value) in [
        ("(() => { try { globalThis.publish = 1 } catch {} return typeof publish })()", "function"),
        ("typeof require", "undefined"),
        ("typeof process", "undefined"),
        ("typeof setTimeout", "undefined"),
        ("typeof native", "undefined"),
        ("typeof std", "undefined"),
        ("typeof os", "undefined"),
    ] {
        let world = World::of(&format!("onRealtimeConnect((e) => {{ e.value = {expression} }})"));
        assert_eq!(world.connect().unwrap().fields["value"], json!(value), "{expression}");
    }
}
