//! One call of a function in a runtime.

use crate::input::{self, Input};
use crate::stage::Stage;
use crate::talk::{Ended, Job, ToCaller};
use rquickjs::function::Rest;
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Error, Function, Persistent, String as Text, Value};
use std::rc::Rc;
use tidewire_hooks::HookError;

/// Whether the runtime can go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sound {
    Yes,
    /// it has hit a limit
    No,
    /// so late that the caller has replaced it
    GivenUp,
}

/// Runs a job that came from the queue, and all that it left to do.
pub fn outermost(ctx: &Ctx<'_>, stage: &Rc<Stage>, job: Job) -> Sound {
    if !job.claim.take() {
        return Sound::Yes;
    }
    stage.lines.set(0);
    let Job { input, deadline, steps, line, claim } = job;
    let line = Rc::new(line);
    stage.deadline.set(deadline);
    stage.steps.set(steps.max(1));
    stage.talks.borrow_mut().push(line.clone());
    let (mut ended, mut sound) = perform(ctx, stage, &input, true);
    if let Some(text) = strays(ctx, stage) {
        ended = ended.and(Err(HookError::Failed(text)));
    }
    stage.talks.borrow_mut().pop();
    if let Some(limit) = limit(stage).filter(|_| ended.is_err()) {
        (ended, sound) = (Err(limit), false);
    }
    if !claim.finish() {
        return Sound::GivenUp;
    }
    let _ = line.out.send(ToCaller::Done(ended));
    if sound { Sound::Yes } else { Sound::No }
}

/// Runs a job while the runtime waits for the answer to an act. If it hits a limit, the outer one goes on.
pub fn nested(ctx: &Ctx<'_>, stage: &Rc<Stage>, job: Job) {
    if !job.claim.take() {
        return;
    }
    let Job { input, deadline, steps, line, claim } = job;
    let line = Rc::new(line);
    let outer = stage.deadline.replace(deadline);
    // what it takes is taken from the outer one as well
    let left = stage.steps.get();
    let own = steps.max(1).min(left);
    stage.steps.set(own);
    stage.talks.borrow_mut().push(line.clone());
    let (mut ended, sound) = perform(ctx, stage, &input, false);
    stage.talks.borrow_mut().pop();
    if let Some(limit) = limit(stage).filter(|_| ended.is_err()) {
        ended = Err(limit);
    }
    stage.steps.set(left.saturating_sub(own - stage.steps.get()));
    stage.spoilt.set(stage.spoilt.get() || !sound);
    stage.deadline.set(outer);
    claim.finish();
    let _ = line.out.send(ToCaller::Done(ended));
}

/// Which limit the call that runs now has hit.
fn limit(stage: &Stage) -> Option<HookError> {
    if stage.spent() {
        return Some(HookError::Failed("it took more than its limit of instructions".to_owned()));
    }
    stage.late().then_some(HookError::TimedOut)
}

fn perform(ctx: &Ctx<'_>, stage: &Stage, input: &Input, all: bool) -> (Ended, bool) {
    let (ended, sound) = match dispatch(ctx, stage, input).and_then(|value| settle(ctx, stage, value, all)) {
        Ok(Settled::Nothing) => (Ok(None), true),
        Ok(Settled::Text(text)) => input::read(&text),
        Ok(Settled::Never) => (Err(HookError::Failed("its promise never comes to an end".to_owned())), true),
        Ok(Settled::Over) => (Err(limit(stage).unwrap_or(HookError::TimedOut)), false),
        // the prelude catches what can be caught
        Err(error) => (Err(HookError::Failed(explain(ctx, stage, error))), false),
    };
    (ended, sound && !stage.spoilt.get())
}

fn dispatch<'js>(ctx: &Ctx<'js>, stage: &Stage, input: &Input) -> Result<Value<'js>, Error> {
    let function = restore(ctx, stage.function(|functions| &functions.dispatch))?;
    let mut large = Vec::with_capacity(2 * input.large.len());
    for (name, value) in &input.large {
        large.push(Text::from_str(ctx.clone(), name)?);
        large.push(Text::from_str(ctx.clone(), value)?);
    }
    let head = Text::from_str(ctx.clone(), &input.head)?;
    function.call((input.index, input.event, head, Rest(large)))
}

enum Settled {
    Nothing,
    Text(String),
    /// nothing is left to do, and still it waits
    Never,
    /// there is more to do than a limit allows
    Over,
}

/// Drives promises to their end: all of them, or no more than this one needs.
fn settle<'js>(ctx: &Ctx<'js>, stage: &Stage, value: Value<'js>, all: bool) -> Result<Settled, Error> {
    let promise = value.as_promise().cloned();
    let waits = || promise.as_ref().is_some_and(|promise| promise.state() == PromiseState::Pending);
    while (all || waits()) && ctx.execute_pending_job() {
        if stage.over() {
            return Ok(Settled::Over);
        }
    }
    let value = match &promise {
        None => value,
        Some(promise) => match promise.result::<Value<'js>>() {
            None => return Ok(Settled::Never),
            Some(result) => result?,
        },
    };
    match value.as_string() {
        Some(text) => Ok(Settled::Text(text.to_string()?)),
        None => Ok(Settled::Nothing),
    }
}

/// The first rejection that nobody handled.
fn strays(ctx: &Ctx<'_>, stage: &Stage) -> Option<String> {
    if !stage.stray.replace(false) {
        return None;
    }
    let function = restore(ctx, stage.function(|functions| &functions.unhandled)).ok()?;
    match function.call::<_, String>(()) {
        Ok(text) => Some(text).filter(|text| !text.is_empty()),
        Err(error) => Some(explain(ctx, stage, error)),
    }
}

/// Message, file and line of what was thrown.
pub fn explain(ctx: &Ctx<'_>, stage: &Stage, error: Error) -> String {
    if !error.is_exception() {
        return error.to_string();
    }
    let thrown = ctx.catch();
    let described = restore(ctx, stage.function(|functions| &functions.describe))
        .and_then(|describe| describe.call::<_, String>((thrown.clone(),)));
    described.unwrap_or_else(|_| {
        // not even that is possible, e.g. for lack of memory
        ctx.catch();
        let message = thrown.as_exception().and_then(|exception| exception.message());
        message.unwrap_or_else(|| "an exception that cannot be shown".to_owned())
    })
}

fn restore<'js>(
    ctx: &Ctx<'js>,
    function: Option<Persistent<Function<'static>>>,
) -> Result<Function<'js>, Error> {
    function.ok_or(Error::Unknown)?.restore(ctx)
}
