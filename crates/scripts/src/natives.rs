//! The functions that the prelude finds in Rust.

use crate::schedule::Schedule;
use crate::stage::Stage;
use crate::talk::{ToCaller, ToRuntime};
use crate::{acts, options, run};
use rquickjs::{Ctx, Exception, Function, Object, Result};
use std::rc::Rc;

pub fn natives<'js>(ctx: &Ctx<'js>, stage: &Rc<Stage>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    let acting = stage.clone();
    natives.set(
        "act",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, text: String| act(&ctx, &acting, &text))?,
    )?;
    let fetching = stage.clone();
    let fetch = move |ctx: Ctx<'js>, text: String| {
        if fetching.talks.borrow().is_empty() {
            return Err(Exception::throw_message(&ctx, OUTSIDE));
        }
        Ok(fetching.fetch.send(&text, fetching.deadline.get()))
    };
    natives.set("fetch", Function::new(ctx.clone(), fetch)?)?;
    let logging = stage.clone();
    let log = move |level: String, text: String| log(&logging, &level, &text);
    natives.set("log", Function::new(ctx.clone(), log)?)?;
    let schedule =
        |text: String| Schedule::read(&text).err().map(|error| error.to_string()).unwrap_or_default();
    natives.set("schedule", Function::new(ctx.clone(), schedule)?)?;
    Ok(natives)
}

const OUTSIDE: &str = "this can be done only while a hook is called";

/// Has the calling thread carry out an act; runs the hooks that this calls.
fn act(ctx: &Ctx<'_>, stage: &Rc<Stage>, text: &str) -> Result<String> {
    let Some(talk) = stage.talks.borrow().last().cloned() else {
        return Err(Exception::throw_message(ctx, OUTSIDE));
    };
    let act = acts::read(text).map_err(|error| Exception::throw_type(ctx, &error.to_string()))?;
    let gone = || Exception::throw_message(ctx, "nobody waits for this hook any more");
    talk.out.send(ToCaller::Act(act)).map_err(|_| gone())?;
    loop {
        match talk.inward.recv() {
            Ok(ToRuntime::Answer(outcome)) => return Ok(acts::answer(outcome)),
            Ok(ToRuntime::Nested(job)) => run::nested(ctx, stage, job),
            Err(_) => return Err(gone()),
        }
    }
}

fn log(stage: &Stage, level: &str, text: &str) {
    let lines = stage.lines.replace(stage.lines.get().saturating_add(1));
    if stage.quiet.get() || lines > options::LINES {
        return;
    }
    let text = if lines == options::LINES { "more lines of this call are left out" } else { text };
    match level {
        "error" => tracing::error!(target: "hooks", "{text}"),
        "warn" => tracing::warn!(target: "hooks", "{text}"),
        "debug" => tracing::debug!(target: "hooks", "{text}"),
        _ => tracing::info!(target: "hooks", "{text}"),
    }
}
