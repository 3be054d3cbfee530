//! How a call may end.

use crate::world::World;
use serde_json::json;
use tidewire_hooks::{Event, HookError};

/// How a call ends; of failures a part of the text.
#[derive(Clone, Copy)]
enum End {
    Well,
    Refused(u16, &'static str),
    Failed(&'static str),
}

use End::{Failed, Refused, Well};

const CALLS: &[(&str, End)] = &[
    ("", Well),
    ("return 1", Well),
    ("return null", Well),
    ("e.abort('closed', 403)", Refused(403, "closed")),
    ("e.abort()", Refused(400, "Something went wrong while processing your request.")),
    ("e.abort('odd', 200)", Refused(400, "odd")),
    ("e.abort('odd', 'x')", Refused(400, "odd")),
    // it refuses even if it is caught
    ("try { e.abort('sticky', 409) } catch {}", Refused(409, "sticky")),
    ("throw new BadRequestError('bad')", Refused(400, "bad")),
    ("throw new UnauthorizedError()", Refused(401, "Missing or invalid authentication.")),
    ("throw new ForbiddenError()", Refused(403, "You are not allowed to perform this request.")),
    ("throw new NotFoundError('gone', {a: 1})", Refused(404, "gone")),
    ("throw new TooManyRequestsError()", Refused(429, "Too Many Requests.")),
    ("throw new InternalServerError('x')", Refused(500, "x")),
    ("throw new ApiError(418, 'teapot')", Refused(418, "teapot")),
    ("throw new ApiError(99999, 'odd')", Refused(400, "odd")),
    ("try { throw new ApiError(418) } catch {}", Well),
    ("throw new Error('broke')", Failed("Error: broke (a.js:1:")),
    ("\n\nthrow new TypeError('broke')", Failed("TypeError: broke (a.js:3:")),
    ("missing()", Failed("ReferenceError: missing is not defined (a.js:1:")),
    ("throw 'a text'", Failed("a text")),
    ("throw {a: 1}", Failed("{\"a\":1}")),
    ("throw undefined", Failed("undefined")),
    ("throw null", Failed("null")),
    ("throw Symbol('s')", Failed("Symbol(s)")),
    (
        "const error = new Error(); Object.defineProperty(error, 'message', {get() { throw 1 }}); throw error",
        Failed("an exception that cannot be shown"),
    ),
    // promises
    ("return Promise.resolve()", Well),
    ("return (async () => { await null; await new Promise((done) => done(1)) })()", Well),
    ("return (async () => { await null; e.abort('later', 403) })()", Refused(403, "later")),
    ("return (async () => { await null; throw new ForbiddenError('later') })()", Refused(403, "later")),
    ("return (async () => { await null; throw new Error('later') })()", Failed("Error: later (a.js:1:")),
    ("return Promise.reject(new Error('rejected'))", Failed("Error: rejected (a.js:1:")),
    ("return Promise.reject('why')", Failed("why")),
    ("return new Promise(() => {})", Failed("its promise never comes to an end")),
    ("Promise.reject(new Error('stray'))", Failed("unhandled rejection: Error: stray (a.js:1:")),
    ("(async () => { await null; throw new Error('stray') })()", Failed("unhandled rejection: Error: stray")),
    ("Promise.reject(1).catch(() => {})", Well),
    ("const late = Promise.reject(1); return Promise.resolve().then(() => late.catch(() => {}))", Well),
    // in Node it would be an object; here it is called as a method
    ("const { abort } = e; abort('x')", Failed("TypeError")),
    ("return {reply: undefined, then: 1}", Well),
];

#[test]
fn calls_end_as_scripts_say() {
    for (body, end) in CALLS {
        let world = World::of(&format!("onRealtimeConnect((e) => {{ {body} }})"));
        // twice: what one call leaves behind does not change the next
        for _ in 0..2 {
            let outcome = world.connect().map(drop);
            match (*end, outcome) {
                (Well, Ok(())) => {}
                (Refused(status, text), Err(HookError::Abort(refusal))) => {
                    assert_eq!((refusal.status, refusal.message.as_str()), (status, text), "{body}");
                }
                (Failed(part), Err(HookError::Failed(text))) => {
                    assert!(text.contains(part), "{body}: {text}");
                }
                (_, outcome) => panic!("{body}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn async_functions_are_called_to_their_end() {
    let world = World::of("onRealtimeConnect(async (e) => { await null; e.topic = 'after' })");
    assert_eq!(world.connect().unwrap().fields["topic"], json!("after"));
}

#[test]
fn every_event_has_its_function_and_its_name() {
    for event in Event::ALL.into_iter().filter(|event| *event != Event::Cron) {
        let world = World::of(&format!("{}((e) => {{ e.heard = e.event }})", event.function()));
        let heard = world.call(event, json!({})).unwrap().fields.remove("heard");
        assert_eq!(heard, Some(json!(event.name())));
    }
}

#[test]
fn the_stack_of_an_imported_file_is_told() {
    let world = World::new(&[
        ("a.js", "import { broke } from './lib/x.js';\nonRealtimeConnect(() => broke())"),
        ("lib/x.js", "export function broke() {\n  throw new Error('deep inside')\n}"),
    ]);
    let error = world.connect().unwrap_err().to_string();
    assert!(error.contains("Error: deep inside (lib/x.js:2:"), "{error}");
}
