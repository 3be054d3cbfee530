//! How many calls per second a hook takes that reads two fields and returns: `calls [CALLERS] [SECONDS]`.
//! Prints calls per second of the clock, and per second of the processor over all threads.

use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tidewire_hooks::{Event, Hooks, NoHands, Occasion};
use tidewire_model::TenantId;
use tidewire_outbound::{Client, Policy};
use tidewire_scripts::{Options, Scripts};

const KINDS: &[(&str, Event, &str)] = &[
    ("two small fields", Event::RealtimeConnect, "onRealtimeConnect((e) => { e.user_id; e.connection_id })"),
    (
        "two fields of a record",
        Event::RecordBeforeCreate,
        "onRecordBeforeCreate((e) => { e.record.a; e.record.n })",
    ),
    ("a change of a record", Event::RecordBeforeUpdate, "onRecordBeforeUpdate((e) => { e.record.n += 1 })"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let callers: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let folder = tempfile::TempDir::new()?;
    let script: String = KINDS.iter().map(|(_, _, line)| format!("{line};\n")).collect();
    std::fs::write(folder.path().join("a.js"), script)?;
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let hooks = Hooks::default();
    let client = Client::new(Policy::default());
    let options = Options { runtimes: callers, ..Options::new(folder.path()) };
    let _scripts = Scripts::start(
        hooks.clone(),
        options,
        client,
        tokio.handle().clone(),
        Arc::new(|| Box::new(NoHands)),
    )?;
    for (name, event, _) in KINDS {
        let (calls, clock, processor) = measure(&hooks, *event, callers, Duration::from_secs(seconds));
        println!(
            "{name}: {:.0} calls/s, {:.0} calls per second of processor",
            calls / clock,
            calls / processor
        );
    }
    Ok(())
}

fn measure(hooks: &Hooks, event: Event, callers: usize, time: Duration) -> (f64, f64, f64) {
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let (started, used) = (Instant::now(), processor());
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let outcome = hooks.call(&mut occasion(event), &mut NoHands);
                    calls.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    (calls.into_inner() as f64, started.elapsed().as_secs_f64(), processor() - used)
}

fn occasion(event: Event) -> Occasion {
    Occasion::new(event, TenantId::default())
        .of("posts")
        .with("connection_id", "c0123456789abcd")
        .with("user_id", "u0123456789abcd")
        .with("account_id", "AC0001")
        .with("transport", "sse")
        .with(
            "record",
            json!({ "id": "r0123456789abcd", "a": "some text of a record", "n": 12, "tags": ["x", "y"] }),
        )
}

/// Seconds of the processor that this process has used.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}
