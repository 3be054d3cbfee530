use crate::fetch::Fetch;
use crate::modules::Modules;
use crate::options::{LINE, MOST, STEP};
use crate::run::{self, Sound};
use crate::sources::Sources;
use crate::stage::{Functions, Stage};
use crate::talk::Job;
use crate::{Options, natives};
use rquickjs::context::EvalOptions;
use rquickjs::{Context, Ctx, Error, Function, Module, Object, Persistent, Runtime, Value};
use serde::Deserialize;
use serde_json::json;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tidewire_hooks::{Event, LONGEST};

const PRELUDE: &str = include_str!("prelude.js");

/// One runtime of QuickJS in which all files have been read. It stays on its thread.
pub struct Engine {
    // in the order in which they must go
    context: Context,
    _runtime: Runtime,
    stage: Rc<Stage>,
}

/// What a file has registered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Declared {
    pub event: String,
    /// file and line
    pub at: String,
    pub collection: Option<String>,
    pub priority: i64,
    pub stop_on_error: bool,
    /// seconds
    pub timeout: Option<f64>,
    pub instructions: Option<u64>,
    pub name: String,
    pub schedule: Option<String>,
}

impl Engine {
    /// Reads all files, or tells the first error with file and line. A quiet one does not log what they log meanwhile.
    pub fn build(
        sources: &Arc<Sources>,
        options: &Options,
        fetch: Fetch,
        quiet: bool,
    ) -> Result<(Self, Vec<Declared>), String> {
        let steps = options.instructions.div_ceil(STEP).max(1);
        let stage = Stage::new(fetch, Instant::now() + options.load, steps, quiet);
        let text = |error: Error| error.to_string();
        let runtime = Runtime::new().map_err(text)?;
        runtime.set_memory_limit(options.memory);
        runtime.set_max_stack_size(options.stack);
        runtime.set_loader(Modules(sources.clone()), Modules(sources.clone()));
        let watched = stage.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.step())));
        let tracked = stage.clone();
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            track(&ctx, &tracked, promise, reason, handled);
        })));
        let context = Context::full(&runtime).map_err(text)?;
        let engine = Self { context, _runtime: runtime, stage };
        let declared = engine.context.with(|ctx| engine.read(&ctx, sources, options))?;
        engine.stage.quiet.set(false);
        Ok((engine, declared))
    }

    pub fn run(&self, job: Job) -> Sound {
        self.context.with(|ctx| run::outermost(&ctx, &self.stage, job))
    }

    fn read(&self, ctx: &Ctx<'_>, sources: &Sources, options: &Options) -> Result<Vec<Declared>, String> {
        let stage = &self.stage;
        let explain = |error| run::explain(ctx, stage, error);
        let prelude = prelude(ctx, stage, options).map_err(explain)?;
        for (name, text) in sources.entries() {
            evaluate(ctx, name, text).map_err(|error| {
                if stage.over() {
                    let limit = if stage.spent() {
                        "more than its instructions"
                    } else {
                        "longer than its time limit"
                    };
                    return format!("{name}: reading it took {limit}");
                }
                in_file(name, explain(error))
            })?;
        }
        let declared: Function<'_> = prelude.get("declared").map_err(explain)?;
        let text: String = declared.call(()).map_err(explain)?;
        // a rejection while the files were read is no call's fault
        let unhandled: Function<'_> = prelude.get("unhandled").map_err(explain)?;
        let stray: String = unhandled.call(()).map_err(explain)?;
        if stage.stray.replace(false) && !stray.is_empty() {
            return Err(stray);
        }
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stage.let_go();
    }
}

fn prelude<'js>(ctx: &Ctx<'js>, stage: &Rc<Stage>, options: &Options) -> Result<Object<'js>, Error> {
    let mut named = EvalOptions::default();
    named.filename = Some("tidewire".to_owned());
    let function: Function<'js> = ctx.eval_with_options(PRELUDE, named)?;
    let limits = json!({
        "answer": options.answer, "line": LINE, "timeout": LONGEST.as_secs(), "instructions": MOST,
    });
    let events: Vec<_> = Event::ALL.into_iter().filter(|event| *event != Event::Cron).collect();
    let events = events.into_iter().map(|event| json!([event.function(), event.name()])).collect();
    let (limits, events) = (limits.to_string(), serde_json::Value::Array(events).to_string());
    let natives = natives::natives(ctx, stage)?;
    let prelude: Object<'js> = function.call((natives, ctx.json_parse(limits)?, ctx.json_parse(events)?))?;
    let keep = |name: &str| {
        let function: Function<'js> = prelude.get(name)?;
        Ok::<_, Error>(Persistent::save(ctx, function))
    };
    stage.set_functions(Functions {
        dispatch: keep("dispatch")?,
        describe: keep("describe")?,
        rejected: keep("rejected")?,
        unhandled: keep("unhandled")?,
    });
    Ok(prelude)
}

/// Runs a file as a module, with all that its top level awaits.
fn evaluate<'js>(ctx: &Ctx<'js>, name: &str, text: &str) -> Result<(), Error> {
    let (_, promise) = Module::declare(ctx.clone(), name, text)?.eval()?;
    match promise.finish::<Value<'js>>() {
        Err(Error::WouldBlock) => {
            Err(rquickjs::Exception::throw_message(ctx, "its top level awaits what never comes"))
        }
        other => other.map(drop),
    }
}

/// Some errors name no file.
fn in_file(name: &str, text: String) -> String {
    if text.contains(".js:") || text.contains(".mjs:") { text } else { format!("{name}: {text}") }
}

fn track<'js>(ctx: &Ctx<'js>, stage: &Stage, promise: Value<'js>, reason: Value<'js>, handled: bool) {
    stage.stray.set(true);
    let Some(rejected) = stage.function(|functions| &functions.rejected) else { return };
    let told = rejected.restore(ctx).and_then(|rejected| rejected.call::<_, ()>((promise, reason, handled)));
    if told.is_err() {
        // only for lack of memory or time, which ends the call anyhow
        ctx.catch();
    }
}
