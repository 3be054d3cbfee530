use crate::crons::Cron;
use crate::engine::Declared;
use crate::fetch::Fetch;
use crate::pool::Pool;
use crate::schedule::Schedule;
use crate::script::Script;
use crate::sources::Sources;
use crate::{LoadError, Options};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tidewire_hooks::{Event, Registration};

/// All after-hooks follow the log together, so that a line that moves in a file does not lose its place there.
const GROUP: &str = "scripts";

/// What the files of one moment register.
#[derive(Default)]
pub struct Set {
    pub registrations: Vec<Registration>,
    pub crons: Arc<[Cron]>,
}

impl Set {
    pub fn load(options: &Options, fetch: &Fetch) -> Result<Self, LoadError> {
        let sources = Sources::read(&options.folder)?;
        if sources.entries().next().is_none() {
            return Ok(Self::default());
        }
        let (pool, declared) = Pool::start(sources, options, fetch)?;
        let (mut registrations, mut crons) = (Vec::with_capacity(declared.len()), Vec::new());
        let mut names = HashSet::new();
        for (index, declared) in declared.into_iter().enumerate() {
            if let Some(schedule) = &declared.schedule {
                if !names.insert(declared.name.clone()) {
                    let text = format!("cron: there are two named {:?} ({})", declared.name, declared.at);
                    return Err(LoadError::Script(text));
                }
                let schedule =
                    Schedule::read(schedule).map_err(|error| LoadError::Script(error.to_string()))?;
                crons.push(Cron { name: declared.name.as_str().into(), schedule });
            }
            registrations.push(registration(&pool, options, index, declared)?);
        }
        Ok(Self { registrations, crons: crons.into() })
    }
}

fn registration(
    pool: &Arc<Pool>,
    options: &Options,
    index: usize,
    declared: Declared,
) -> Result<Registration, LoadError> {
    let unknown = || LoadError::Script(format!("{}: no event {:?}", declared.at, declared.event));
    let event = Event::named(&declared.event).ok_or_else(unknown)?;
    let time = declared.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let instructions = declared.instructions.unwrap_or(options.instructions);
    let script = Script { pool: pool.clone(), index, time: time.unwrap_or(options.time), instructions };
    // a cron is found among all others as if its name were a collection's
    let cron = (event == Event::Cron).then_some(declared.name);
    Ok(Registration {
        collection: cron.or(declared.collection).map(Into::into),
        priority: declared.priority,
        stop_on_error: declared.stop_on_error,
        group: GROUP.into(),
        ..Registration::new(event, &declared.at, Arc::new(script))
    })
}
