//! `tidewire watch`: what happens to records, or is said on a topic, line after line.

mod connection;
mod line;
mod shown;

use crate::records::pairs;
use crate::remote::{record, records, segment};
use crate::{CODES, Connect, Failure, Output, Remote, output};
use clap::{Args, ValueEnum};
use connection::Connection;
use line::Line;
use serde_json::Value as Json;
use shown::Shown;
use std::time::Duration;
use tidewire_client::Error;
use tidewire_client::realtime::{Event, Subscribe};

const EXAMPLES: &str = "\
Examples:
  tidewire watch posts --filter 'status = \"live\"' --expand author
  tidewire watch posts --format json --since \"$CURSOR\" | ./index-posts
  tidewire watch posts --live --sort -views
  tidewire watch --topic jobs/finished

Lines of JSON are {\"action\", \"record\", \"cursor\"}; a message on a topic has the action \"message\".
When events are missing there is a line {\"action\": \"reset\", \"reason\", \"cursor\"}.
What happens to the connection is told on stderr.";

/// What a subscription tells.
type Told = Event<Json>;

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
    /// The same as --format json
    #[arg(long, conflicts_with_all = ["format", "live"])]
    pub json: bool,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchFormat {
    Pretty,
    Json,
}

pub async fn run(args: WatchArgs, out: &mut Output) -> Result<(), Failure> {
    let remote = Remote::open(&args.connect, out).await?;
    let wanted = wanted(&args, &remote)?;
    tokio::select! {
        ended = async { if args.live { follow(&args, &remote, out).await } else { watch(&args, wanted, &remote, out).await } } => ended,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        () = output::unread(LOOK) => Ok(()),
    }
}

async fn watch(
    args: &WatchArgs,
    wanted: Subscribe<Json>,
    remote: &Remote,
    out: &mut Output,
) -> Result<(), Failure> {
    check(args, remote).await?;
    let mut connection = Connection::new(remote);
    let named = |error| Failure::from(error).at(args.name());
    let mut events = connection.during(wanted.into_future()).await?.map_err(named)?;
    let line = Line::new(args, out);
    loop {
        let told = connection.during(events.next()).await?.unwrap_or(Err(Error::Closed)).map_err(named)?;
        if let Some(reason) = line::missing(&told) {
            output::note(&format!("events are missing: {reason}"));
        }
        if let Some(text) = line.of(&told, out) {
            out.line(&text)?;
        }
    }
}

/// The table that follows what happens.
async fn follow(args: &WatchArgs, remote: &Remote, out: &mut Output) -> Result<(), Failure> {
    let named = |error| Failure::from(error).at(args.name());
    let mut connection = Connection::new(remote);
    let mut live = loop {
        check(args, remote).await?;
        match connection.during(shown::query(args, &remote.client)?.into_future()).await? {
            // it went between the two
            Err(error) if is_away(&error) => {}
            begun => break begun.map_err(named)?,
        }
    };
    let mut shown = Shown::new(args.fields.as_deref());
    loop {
        let update = connection.during(live.next()).await?.unwrap_or(Err(Error::Closed)).map_err(named)?;
        shown.draw(&update.items, out)?;
    }
}

impl WatchArgs {
    fn query(&self) -> Vec<(String, String)> {
        pairs([("filter", &self.filter), ("expand", &self.expand), ("fields", &self.fields)])
    }

    fn name(&self) -> &str {
        self.topic.as_deref().or(self.what.as_deref()).unwrap_or_default()
    }
}

fn wanted(args: &WatchArgs, remote: &Remote) -> Result<Subscribe<Json>, Failure> {
    let mut wanted = match (&args.topic, &args.what) {
        (Some(topic), _) => remote.client.realtime().subscribe(topic),
        (None, Some(what)) => {
            let (collection, record) = what.split_once('/').unwrap_or((what, "*"));
            segment(collection)?;
            segment(record)?;
            remote.client.collection(collection).subscribe(record)
        }
        (None, None) => return Err(Failure::Usage("name a collection or a topic".to_owned())),
    };
    for (name, value) in args.query() {
        wanted = wanted.query(name, value);
    }
    if args.leave {
        wanted = wanted.leave();
    }
    if args.snapshot {
        wanted = wanted.snapshot();
    }
    if let Some(cursor) = &args.since {
        wanted = wanted.since(cursor);
    }
    Ok(wanted.patient())
}

/// A subscription to what is not there is silent, so a list is asked for first: it has the same rules and filters. Where
/// there is no server yet, this waits.
async fn check(args: &WatchArgs, remote: &Remote) -> Result<(), Failure> {
    let Some(what) = &args.what else { return Ok(()) };
    let mut query = args.query();
    let path = match what.split_once('/') {
        Some((collection, id)) => record(collection, id)?,
        None => {
            query.extend([("perPage", "1"), ("skipTotal", "1")].map(|(n, v)| (n.to_owned(), v.to_owned())));
            records(what)?
        }
    };
    let mut told = false;
    loop {
        match remote.client.send("GET", &path).query(&query).read().await {
            Ok(_) => return Ok(()),
            Err(error) if is_away(&error) => {
                if !std::mem::replace(&mut told, true) {
                    output::note(&format!("{}; waiting for the server", Failure::of(&error)));
                }
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(Failure::from(error).at(what)),
        }
    }
}

/// There is no server, or a proxy in front of it says so.
fn is_away(error: &Error) -> bool {
    match error {
        Error::Response { status, .. } => matches!(status, 502..=504),
        other => other.is_temporary(),
    }
}
