//! Bad scripts: each costs no more than its limit, and the next call finds a sound runtime.

use crate::world::{Desk, World};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tidewire_hooks::{Act, ActError, Event, Hands, HookError};

#[derive(Clone, Copy)]
enum End {
    TimedOut,
    Failed(&'static str),
}

use End::{Failed, TimedOut};

const BAD: &[(&str, End)] = &[
    ("for (;;) {}", TimedOut),
    ("while (true) { try { for (;;) {} } catch {} finally { continue } }", TimedOut),
    ("return (async () => { for (;;) await null })()", TimedOut),
    ("return (async () => { for (;;) {} })()", TimedOut),
    ("(function again() { Promise.resolve().then(again) })()", TimedOut),
    ("/(a+)+$/.test('a'.repeat(40) + 'b')", TimedOut),
    // in C, where nothing can be interrupted: the runtime is given up
    ("Array.prototype.indexOf.call({length: 2 ** 40}, 1)", TimedOut),
    ("const all = []; for (;;) all.push(new Array(1000).fill(1))", Failed("out of memory")),
    ("let s = 'x'; for (;;) s = s + s", Failed("")),
    ("'x'.repeat(2 ** 29)", Failed("")),
    ("new Uint8Array(2 ** 30)", Failed("")),
    ("(function deep() { return deep() + 1 })()", Failed("Maximum call stack size exceeded")),
    (
        "let a = []; for (let i = 0; i < 2e4; i++) a = [a]; JSON.stringify(a)",
        Failed("Maximum call stack size exceeded"),
    ),
    ("JSON.parse('['.repeat(1e6))", Failed("")),
    ("e.value = 'x'.repeat(2 ** 20 + 1)", Failed("its answer is larger than 1048576 bytes")),
    ("publish('t', 'x'.repeat(2 ** 20 + 1))", Failed("what it asks for is larger than 1048576 bytes")),
    ("let a = []; for (let i = 0; i < 200; i++) a = [a]; e.value = a", Failed("its answer cannot be read")),
];

/// A world in which `onRealtimeConnect` is bad, and `onRealtimeMessage` counts how often its runtime was asked.
fn bad(body: &str, seconds: f64) -> World {
    let script = format!(
        "let calls = 0;
         onRealtimeMessage((e) => {{ e.calls = ++calls }}, {{timeout: 60}});
         onRealtimeConnect((e) => {{ {body} }}, {{timeout: {seconds}}})"
    );
    World::with(&[("a.js", &script)], |options| options.memory = 8 << 20).unwrap()
}

fn calls(world: &World) -> Json {
    world.call(Event::RealtimeMessage, json!({})).unwrap().fields["calls"].clone()
}

#[test]
fn bad_scripts_hit_limits() {
    for (body, end) in BAD {
        let world = bad(body, if matches!(end, TimedOut) { 0.2 } else { 60.0 });
        assert_eq!(calls(&world), json!(1), "{body}");
        match (*end, world.connect().map(drop)) {
            (TimedOut, Err(HookError::TimedOut)) => {}
            (Failed(part), Err(HookError::Failed(text))) => assert!(text.contains(part), "{body}: {text}"),
            (_, outcome) => panic!("{body}: {outcome:?}"),
        }
        calls(&world);
    }
}

#[test]
fn a_runtime_that_hit_a_limit_is_replaced_and_others_are_not() {
    for (body, seconds, after) in [
        ("throw new Error('x')", 60.0, 2),
        ("Promise.reject(1)", 60.0, 2),
        ("for (;;) {}", 0.2, 1),
        ("(function deep() { return deep() + 1 })()", 60.0, 1),
    ] {
        let world = bad(body, seconds);
        assert_eq!(calls(&world), json!(1));
        world.connect().unwrap_err();
        assert_eq!(calls(&world), json!(after), "{body}");
    }
}

#[test]
fn a_hook_may_ask_for_its_own_time_limit() {
    let script = "onRealtimeConnect(() => { for (;;) {} }, {timeout: 0.05})";
    let hour = Duration::from_secs(3600);
    let world = World::with(&[("a.js", script)], |options| options.time = hour).unwrap();
    assert_eq!(world.connect().map(drop), Err(HookError::TimedOut));
}

/// Blocks in its first act until it is told to go on.
struct Stuck(Arc<AtomicBool>);

impl Hands for Stuck {
    fn act(&mut self, _: Act) -> Result<Json, ActError> {
        while !self.0.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(json!(null))
    }
}

#[test]
fn jobs_that_wait_time_out_and_too_many_are_refused() {
    let script = "onRealtimeConnect(() => publish('t'), {timeout: 60});
                  onRealtimeMessage(() => {}, {timeout: 0.05});
                  onRecordBeforeCreate((e) => { e.done = true })";
    let world = World::with(&[("a.js", script)], |options| options.queue = 0).unwrap();
    // nobody may wait here; a job that is taken at once does not wait
    assert_eq!(
        world.connect().map(drop),
        Err(HookError::Failed("too many hooks wait to be called".to_owned()))
    );
    let world = World::with(&[("a.js", script)], |_| {}).unwrap();
    let go = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| {
            let mut hands = Stuck(go.clone());
            world.call_with(Event::RealtimeConnect, json!({}), &mut hands).map(drop)
        });
        while world.call(Event::RealtimeMessage, json!({})).map(drop) != Err(HookError::TimedOut) {}
        // hooks inside of writes do not wait for those beside them
        assert_eq!(world.call(Event::RecordBeforeCreate, json!({})).unwrap().fields["done"], json!(true));
        go.store(true, Ordering::Release);
        assert_eq!(stuck.join().unwrap(), Ok(()));
    });
    // its time is short: on a busy machine it is asked more than once
    while world.call_with(Event::RealtimeMessage, json!({}), &mut Desk::default()).is_err() {}
}

const SPENT: &str = "it took more than its limit of instructions";

/// A world in which `onRealtimeConnect` may take a million instructions, and no clock stops it.
fn counted(body: &str) -> World {
    let script = format!(
        "let calls = 0;
         onRealtimeMessage((e) => {{ e.calls = ++calls }}, {{timeout: 60}});
         onRealtimeConnect((e) => {{ {body} }}, {{timeout: 60, instructions: 1e6}})"
    );
    World::of(&script)
}

#[test]
fn instructions_are_counted_alike_on_every_machine() {
    for (body, enough) in [
        // a round has two jumps: out of the loop if it is over, and back
        ("for (let i = 0; i < 490_000; i++);", true),
        ("for (let i = 0; i < 510_000; i++);", false),
        ("const add = (n) => n + 1; for (let i = 0; i < 325_000; i++) add(i)", true),
        ("const add = (n) => n + 1; for (let i = 0; i < 340_000; i++) add(i)", false),
    ] {
        let world = counted(body);
        let expected = if enough { Ok(()) } else { Err(HookError::Failed(SPENT.to_owned())) };
        assert_eq!(world.connect().map(drop), expected, "{body}");
        // the next call has as many again
        assert_eq!(world.connect().map(drop), expected, "{body}");
    }
}

#[test]
fn endless_scripts_are_stopped_by_their_instructions() {
    for body in [
        "for (;;) {}",
        "while (true) { try { for (;;) {} } catch {} finally { continue } }",
        "return (async () => { for (;;) await null })()",
        "(function again() { Promise.resolve().then(again) })()",
        "/(a+)+$/.test('a'.repeat(60) + 'b')",
        "[1, 2, 3].sort(() => { for (;;) {} })",
        "new Proxy({}, { get() { for (;;) {} } }).x",
    ] {
        let world = counted(body);
        assert_eq!(calls(&world), json!(1), "{body}");
        assert_eq!(world.connect().map(drop), Err(HookError::Failed(SPENT.to_owned())), "{body}");
        assert_eq!(calls(&world), json!(1), "{body}: its runtime is thrown away");
    }
}

#[test]
fn the_setting_holds_for_all_that_ask_for_nothing_and_for_reading() {
    let endless = "onRealtimeConnect(() => { for (;;) {} }, {timeout: 60})";
    let world = World::with(&[("a.js", endless)], |options| options.instructions = 50_000).unwrap();
    assert_eq!(world.connect().map(drop), Err(HookError::Failed(SPENT.to_owned())));
    let reading = World::with(&[("a.js", "for (;;) {}")], |options| {
        options.instructions = 50_000;
        options.load = Duration::from_secs(600);
    });
    let error = reading.err().unwrap().to_string();
    assert!(error.contains("a.js: reading it took more than its instructions"), "{error}");
}
