//! `tidewire watch`: what happens to records, or is said on a topic, line after line.

mod follow;
mod frames;
mod line;
mod result;

use crate::records::{cell, pairs};
use crate::remote::{record, records, segment};
use crate::{CODES, Connect, Failure, Output, Remote, output};
use clap::{Args, ValueEnum};
use follow::{Follow, Heard, Wanted};
use line::Line;
use result::Shown;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  tidewire watch posts --filter 'status = \"live\"' --expand author
  tidewire watch posts --format json --since \"$CURSOR\" | ./index-posts
  tidewire watch posts --live --sort -views
  tidewire watch --topic jobs/finished

Lines of JSON are {\"action\", \"record\", \"cursor\"}; a message on a topic has the action \"message\". When events are missing
there is a line {\"action\": \"reset\", \"reason\", \"cursor\"}. What happens to the connection is told on stderr.";

/// Between two looks whether somebody still reads the output.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub struct WatchArgs {
    /// A collection, or one record of it: COLLECTION or COLLECTION/ID
    #[arg(required_unless_present = "topic", conflicts_with = "topic")]
    pub what: Option<String>,
    /// A custom topic, e.g. jobs/finished
    #[arg(long)]
    pub topic: Option<String>,
    /// Only records for which this holds, e.g. 'status = "live"'
    #[arg(long, conflicts_with = "topic")]
    pub filter: Option<String>,
    /// Relations whose records are added
    #[arg(long, conflicts_with = "topic")]
    pub expand: Option<String>,
    /// Fields to show, separated by commas
    #[arg(long, conflicts_with = "topic")]
    pub fields: Option<String>,
    /// Goes on after this cursor, as a line of JSON has it: first what was missed, then what happens
    #[arg(long, value_name = "CURSOR")]
    pub since: Option<String>,
    /// First the records as they are
    #[arg(long, conflicts_with = "topic")]
    pub snapshot: bool,
    /// Also tells when an update takes a record out of the filter
    #[arg(long, conflicts_with = "topic")]
    pub leave: bool,
    /// Shows the records that there are, in a table that follows what happens
    #[arg(long, conflicts_with_all = ["topic", "since", "format"])]
    pub live: bool,
    /// Fields that the table is sorted by; - in front turns the order round
    #[arg(long, requires = "live", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// [default: pretty on a terminal, else json]
    #[arg(long, value_enum)]
    pub format: Option<WatchFormat>,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchFormat {
    Pretty,
    Json,
}

pub async fn run(args: WatchArgs, out: &mut Output) -> Result<(), Failure> {
    let wanted = wanted(&args)?;
    let remote = Remote::open(&args.connect, out).await?;
    tokio::select! {
        ended = watch(&args, wanted, remote, out) => ended,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        () = output::unread(LOOK) => Ok(()),
    }
}

async fn watch(args: &WatchArgs, wanted: Wanted, remote: Remote, out: &mut Output) -> Result<(), Failure> {
    check(args, &remote).await?;
    let mut follow = Follow::new(remote, wanted);
    let mut screen = Screen::new(args, out);
    let mut waiting = false;
    loop {
        match follow.next().await? {
            Heard::Waiting(reason) => {
                if !std::mem::replace(&mut waiting, true) {
                    output::note(&format!("{reason}; waiting for the server"));
                }
            }
            Heard::Connected { again } => {
                if std::mem::take(&mut waiting) && again {
                    output::note("connected again");
                }
            }
            heard => screen.show(&heard, out)?,
        }
    }
}

fn wanted(args: &WatchArgs) -> Result<Wanted, Failure> {
    let topic = match (&args.topic, &args.what) {
        (Some(topic), _) => topic.clone(),
        (None, Some(what)) => match what.split_once('/') {
            Some((collection, id)) => {
                segment(collection)?;
                segment(id)?;
                what.clone()
            }
            None => {
                segment(what)?;
                format!("{what}/*")
            }
        },
        (None, None) => return Err(Failure::Usage("name a collection or a topic".to_owned())),
    };
    let mut query = Vec::new();
    for (name, value) in [("filter", &args.filter), ("expand", &args.expand), ("fields", &args.fields)] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    if args.leave || args.live {
        query.push(("leave", "1".to_owned()));
    }
    Ok(Wanted { topic, query, since: args.since.clone(), snapshot: args.snapshot || args.live })
}

/// A subscription to what is not there is silent, so a list is asked for first: it has the same rules and filters. Where
/// there is no server yet, this waits.
async fn check(args: &WatchArgs, remote: &Remote) -> Result<(), Failure> {
    let Some(what) = &args.what else { return Ok(()) };
    let mut query = pairs([("filter", &args.filter), ("expand", &args.expand), ("fields", &args.fields)]);
    let path = match what.split_once('/') {
        Some((collection, id)) => record(collection, id)?,
        None => {
            query.extend([("perPage", "1"), ("skipTotal", "1")].map(|(n, v)| (n.to_owned(), v.to_owned())));
            records(what)?
        }
    };
    let mut told = false;
    loop {
        match remote.get(&path, &query).await {
            Ok(_) => return Ok(()),
            Err(Failure::NoConnection(reason)) => {
                if !std::mem::replace(&mut told, true) {
                    output::note(&format!("{reason}; waiting for the server"));
                }
                tokio::time::sleep(LOOK).await;
            }
            Err(failure) => return Err(failure.at(what)),
        }
    }
}

/// Where events are shown.
enum Screen {
    Lines(Line),
    Table(Box<Shown>),
}

impl Screen {
    fn new(args: &WatchArgs, out: &Output) -> Self {
        if args.live {
            return Self::Table(Box::new(Shown::new(args.sort.as_deref())));
        }
        let terminal = out.is_terminal();
        let format = args.format.unwrap_or(if terminal { WatchFormat::Pretty } else { WatchFormat::Json });
        Self::Lines(match format {
            WatchFormat::Pretty => Line::Pretty,
            WatchFormat::Json => Line::Json { snapshot: args.snapshot },
        })
    }

    fn show(&mut self, heard: &Heard, out: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Lines(line) => {
                if let Heard::Reset { reason, .. } = heard {
                    output::note(&format!("events are missing: {reason}"));
                }
                line.of(heard, out).map_or(Ok(()), |text| out.line(&text))
            }
            Self::Table(shown) => shown.hear(heard, out),
        }
    }
}
