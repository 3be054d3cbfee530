use super::{Config, number, seconds};
use crate::cli::ServeArgs;
use tidewire_scripts::Options;

/// What hooks in JavaScript may take.
pub fn options(args: &ServeArgs, config: &Config) -> anyhow::Result<Options> {
    let defaults = config.scripts.clone();
    Ok(Options {
        folder: args.hooks_dir.clone().unwrap_or(defaults.folder),
        // one time for all hooks
        time: config.hooks.limits().time,
        runtimes: number("TIDEWIRE_SCRIPT_RUNTIMES", defaults.runtimes)?,
        instructions: number("TIDEWIRE_SCRIPT_INSTRUCTIONS", defaults.instructions)?,
        memory: number("TIDEWIRE_SCRIPT_MEMORY", defaults.memory)?,
        stack: number("TIDEWIRE_SCRIPT_STACK", defaults.stack)?,
        load: seconds("TIDEWIRE_SCRIPT_LOAD", defaults.load)?,
        answer: number("TIDEWIRE_SCRIPT_ANSWER_BYTES", defaults.answer)?,
        queue: number("TIDEWIRE_SCRIPT_QUEUE", defaults.queue)?,
        ..defaults
    })
}
