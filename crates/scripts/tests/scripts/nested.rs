//! Hooks that call hooks.

use crate::world::{Desk, World};
use serde_json::json;
use tidewire_hooks::{Event, HookError};

fn create(script: &str, collection: &str) -> Result<serde_json::Value, HookError> {
    let world = World::of(script);
    let mut desk = Desk { hooks: Some(world.hooks.clone()), ..Desk::default() };
    let fields = json!({ "record": {}, "wanted": collection });
    world
        .call_with(Event::RealtimeConnect, fields, &mut desk)
        .map(|mut occasion| occasion.fields.remove("made").unwrap())
}

const CONNECT: &str = "onRealtimeConnect((e) => { e.made = records(e.wanted).create({n: 1}) });\n";

#[test]
fn a_hook_that_an_act_calls_runs_in_the_same_runtime() {
    // there is one runtime, so a second could not be waited for
    let script = format!("{CONNECT}onRecordBeforeCreate((e) => {{ e.record.n += 1 }}, {{collection: 'a'}})");
    assert_eq!(create(&script, "a"), Ok(json!({ "n": 2 })));
    let script = format!(
        "{CONNECT}
         onRecordBeforeCreate((e) => {{ e.record.inner = records('b').create({{}}); }}, {{collection: 'a'}});
         onRecordBeforeCreate(async (e) => {{ await null; e.record.b = true }}, {{collection: 'b'}})"
    );
    assert_eq!(create(&script, "a"), Ok(json!({ "n": 1, "inner": { "b": true } })));
}

#[test]
fn what_ends_an_inner_call_is_an_error_of_the_outer_act() {
    for (inner, error) in [
        ("e.abort('inner', 409)", "ActError: inner"),
        ("throw new Error('inner')", "ActError: Error: inner (a.js:2:"),
        ("records('a').create({})", "hooks call each other too deep"),
    ] {
        let script = format!("{CONNECT}onRecordBeforeCreate((e) => {{ {inner} }}, {{collection: 'a'}})");
        let outcome = create(&script, "a").unwrap_err().to_string();
        assert!(outcome.contains(error), "{outcome}");
    }
}

#[test]
fn an_inner_call_that_takes_too_long_does_not_end_the_outer_one() {
    let script = "
        onRealtimeConnect((e) => {
          try { records('a').create({}) } catch (error) { e.made = error.message }
        }, {timeout: 60});
        onRecordBeforeCreate(() => { for (;;) {} }, {timeout: 0.05})";
    assert_eq!(create(script, "a"), Ok(json!("it took longer than its time limit")));
}

#[test]
fn an_inner_call_may_not_take_longer_than_the_outer_one() {
    let script = format!(
        "{}onRecordBeforeCreate(() => {{ for (;;) {{}} }}, {{timeout: 60}})",
        CONNECT.replace(");\n", ", {timeout: 0.05});\n")
    );
    assert_eq!(create(&script, "a"), Err(HookError::TimedOut));
}
