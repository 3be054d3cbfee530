//! `tidewire records import`: rows of a file become records, in batches, each row at most once however often it is begun.

mod send;

use crate::columns::Columns;
use crate::progress::Progress;
use crate::records::format_of;
use crate::rows::{BadRow, Format, Row, Rows};
use crate::state::StateFile;
use crate::{Connect, Failure, Output, Remote, output};
use clap::Args;
use send::Sender;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Batches that are read ahead.
const AHEAD: usize = 2;

#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Name or id
    pub collection: String,
    /// File to read; - reads stdin, which cannot be gone on with
    pub file: String,
    /// [default: by the file's name]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Types of CSV columns, e.g. views=number,tags=json; superusers need none, for them the definition tells
    #[arg(long, value_delimiter = ',')]
    pub types: Vec<String>,
    /// Goes on after rows that are refused, and ends with 1 if there was one
    #[arg(long)]
    pub continue_on_error: bool,
    /// Rows of one transaction, where the server takes batches
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub batch: u32,
    /// Starts anew instead of going on
    #[arg(long)]
    pub restart: bool,
    /// Prints what was done as one line of JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connect: Connect,
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    task: Task,
    /// what ids of rows without ids are made of
    key: String,
    /// rows that are done, refused ones included
    rows: u64,
    failed: u64,
}

/// What is imported; a state is of no use for anything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    url: String,
    collection: String,
    bytes: u64,
    modified: u64,
}

/// Some rows, and where they end.
struct Batch {
    rows: Vec<Result<Row, BadRow>>,
    /// number of the first one in the file
    first: u64,
}

pub async fn run(args: ImportArgs, out: &mut Output) -> Result<(), Failure> {
    let format = match (args.file.as_str(), args.format) {
        ("-", None) => Format::Jsonl,
        (file, told) => format_of(told, file)?,
    };
    let mut work = Work::begin(&args)?;
    let remote = Remote::open(&args.connect, out).await?;
    let mut columns = remote.columns(&args.collection).await?;
    columns.override_with(&args.types)?;
    let read = Arc::new(AtomicU64::new(0));
    let source: Source = (args.file.clone(), read.clone());
    let sender = Sender::new(remote, &args.collection)?;
    let bar = Progress::new(work.length(), "bytes");
    let (sending, mut batches) = mpsc::channel(AHEAD);
    let (skip, size, plan) = (work.state.rows, args.batch as usize, columns.clone());
    let reader = std::thread::spawn(move || read_batches(source, format, &plan, skip, size, &sending));
    let sent = send_all(&args, &mut work, sender, &columns, &mut batches, (&bar, &read)).await;
    drop((batches, bar));
    if sent.is_ok() {
        reader.join().map_err(|_| Failure::Failed("reading failed inside".to_owned()))??;
    }
    let ended = sent.and_then(|()| work.finish());
    report(&args, &work.state, ended, out)
}

fn report(
    args: &ImportArgs,
    state: &State,
    ended: Result<(), Failure>,
    out: &mut Output,
) -> Result<(), Failure> {
    let (rows, failed) = (state.rows, state.failed);
    let imported = rows - failed;
    if let Err(failure) = ended {
        let again = if args.file == "-" { "" } else { ": the same command goes on there" };
        output::note(&format!("stopped after {rows} rows{again}"));
        return Err(failure);
    }
    if args.json {
        out.line(&serde_json::json!({ "rows": rows, "imported": imported, "failed": failed }).to_string())?;
    } else {
        output::note(&format!("imported {imported} records into {}", args.collection));
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!("{failed} of {rows} rows were refused"))),
    }
}

async fn send_all(
    args: &ImportArgs,
    work: &mut Work,
    mut sender: Sender,
    columns: &Columns,
    batches: &mut mpsc::Receiver<Batch>,
    (bar, read): (&Progress, &AtomicU64),
) -> Result<(), Failure> {
    while let Some(batch) = batches.recv().await {
        let count = batch.rows.len() as u64;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (at, row) in batch.rows.into_iter().enumerate() {
            match row {
                Ok(row) => good.push(work.with_id(row, batch.first + at as u64, columns)),
                Err(fault) => bad.push(fault),
            }
        }
        // rows before the first bad one are sent, so that what is told is what was done
        let stop = bad.first().filter(|bad| bad.fatal || !args.continue_on_error).cloned();
        if let Some(stop) = &stop {
            good.retain(|row| row.line < stop.line);
        }
        let refused = sender.send(&good, args.continue_on_error).await?;
        for (line, reason) in
            bad.iter().map(|bad| (bad.line, &bad.reason)).chain(refused.iter().map(|(l, r)| (*l, r)))
        {
            if stop.is_none() {
                bar.say(&format!("line {line}: {reason}"));
            }
        }
        if let Some(stop) = stop {
            return Err(Failure::Failed(format!("line {}: {}", stop.line, stop.reason)));
        }
        work.done(count, (bad.len() + refused.len()) as u64)?;
        bar.at(read.load(Ordering::Relaxed), format!("{} rows", work.state.rows));
    }
    Ok(())
}

/// A file's name, and how many bytes of it were read.
type Source = (String, Arc<AtomicU64>);

fn read_batches(
    (file, read): Source,
    format: Format,
    columns: &Columns,
    skip: u64,
    size: usize,
    sending: &mpsc::Sender<Batch>,
) -> Result<(), Failure> {
    let inner: Box<dyn Read> = if file == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&file).map_err(|error| Failure::Failed(format!("{file}: {error}")))?)
    };
    let source = Box::new(Counted { inner, read });
    let rows =
        Rows::open(source, format, columns).map_err(|fault| Failure::Failed(format!("{file}, {fault}")))?;
    let mut rows = (0..).zip(rows).filter(|(at, _)| *at >= skip).peekable();
    while let Some((first, _)) = rows.peek() {
        let batch = Batch { first: *first, rows: rows.by_ref().take(size).map(|(_, row)| row).collect() };
        if sending.blocking_send(batch).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// An import under way.
struct Work {
    state: State,
    /// none for stdin
    file: Option<StateFile<State>>,
}

impl Work {
    /// Goes on where another one was stopped.
    fn begin(args: &ImportArgs) -> Result<Self, Failure> {
        let url = args.connect.url.trim_end_matches('/').to_owned();
        let task = Task { url, collection: args.collection.clone(), bytes: 0, modified: 0 };
        let fresh = State { task, key: key(), rows: 0, failed: 0 };
        if args.file == "-" {
            return Ok(Self { state: fresh, file: None });
        }
        let path = PathBuf::from(&args.file);
        let (bytes, modified) = stamp(&path)?;
        let fresh = State { task: Task { bytes, modified, ..fresh.task }, ..fresh };
        let file = StateFile::<State>::beside(&path);
        let kept = if args.restart { None } else { file.load()? };
        let state = match kept {
            Some(kept) if kept.task != fresh.task => {
                return Err(Failure::Failed(format!(
                    "{} belongs to another import, or the file has changed since: remove it, or add --restart",
                    file.path().display()
                )));
            }
            Some(kept) => kept,
            None => fresh,
        };
        if state.rows > 0 {
            output::note(&format!("going on after {} rows of an import that was stopped", state.rows));
        }
        // the key must be kept before a row is sent whose id is made of it
        file.save(&state)?;
        Ok(Self { state, file: Some(file) })
    }

    fn length(&self) -> Option<u64> {
        self.file.is_some().then_some(self.state.task.bytes)
    }

    /// A row without an id gets the same one each time it is sent.
    fn with_id(&self, mut row: Row, number: u64, columns: &Columns) -> Row {
        let has_id = row.fields.get("id").is_some_and(|id| id.as_str() != Some(""));
        if !has_id {
            row.fields.remove("id");
            if columns.is_known() && columns.plain_ids {
                row.fields.insert("id".to_owned(), made_id(&self.state.key, number).into());
            }
        }
        row
    }

    fn done(&mut self, rows: u64, failed: u64) -> Result<(), Failure> {
        self.state.rows += rows;
        self.state.failed += failed;
        self.file.as_ref().map_or(Ok(()), |file| file.save(&self.state))
    }

    fn finish(&self) -> Result<(), Failure> {
        self.file.as_ref().map_or(Ok(()), StateFile::remove)
    }
}

fn stamp(path: &Path) -> Result<(u64, u64), Failure> {
    let fault = |error: io::Error| Failure::Failed(format!("{}: {error}", path.display()));
    let about = std::fs::metadata(path).map_err(fault)?;
    let modified = about.modified().map_err(fault)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((about.len(), u64::try_from(modified.as_millis()).unwrap_or(u64::MAX)))
}

/// Different for each import, so that a file that is imported twice makes its records twice.
fn key() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{now}-{}", std::process::id())
}

fn made_id(key: &str, number: u64) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let hash = Sha256::digest(format!("{key}/{number}"));
    hash.iter().take(15).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::HashSet;

    #[test]
    fn made_ids_are_plain_and_repeat_only_with_their_row() {
        let ids: HashSet<_> = (0..1000).map(|number| made_id("k", number)).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter()
                .all(|id| id.len() == 15 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        );
        assert_eq!(made_id("k", 7), made_id("k", 7));
        assert_ne!(made_id("k", 7), made_id("l", 7));
    }

    fn args(file: &Path) -> ImportArgs {
        ImportArgs {
            collection: "posts".into(),
            file: file.display().to_string(),
            format: None,
            types: Vec::new(),
            continue_on_error: false,
            batch: 50,
            restart: false,
            json: false,
            connect: Connect { url: "http://h".into(), token: None, sign_in: None },
        }
    }

    #[test]
    fn an_import_goes_on_with_its_key_and_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("posts.csv");
        std::fs::write(&file, "title\na\n").unwrap();
        let mut work = Work::begin(&args(&file)).unwrap();
        work.done(5, 1).unwrap();
        let again = Work::begin(&args(&file)).unwrap();
        assert_eq!(again.state, work.state);
        let other = Work::begin(&ImportArgs { collection: "other".into(), ..args(&file) });
        assert_eq!(other.err().unwrap().code(), 1);
        let anew = Work::begin(&ImportArgs { restart: true, ..args(&file) }).unwrap();
        assert_eq!((anew.state.rows, anew.state.key == work.state.key), (0, false));
        anew.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_rows_without_ids_get_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("posts.csv");
        std::fs::write(&file, "").unwrap();
        let work = Work::begin(&args(&file)).unwrap();
        let plain = Columns::of(&json!({ "fields": [{ "name": "id", "type": "text" }] }));
        let own = Columns::of(&json!({ "fields": [{ "name": "id", "type": "text", "min": 36 }] }));
        let id = |fields: serde_json::Value, columns: &Columns| {
            let fields = fields.as_object().cloned().unwrap();
            work.with_id(Row { line: 1, fields }, 3, columns).fields.get("id").cloned()
        };
        assert_eq!(id(json!({ "id": "a" }), &plain), Some("a".into()));
        assert_eq!(id(json!({ "id": "" }), &plain), Some(made_id(&work.state.key, 3).into()));
        assert_eq!(id(json!({}), &own), None);
        assert_eq!(id(json!({}), &Columns::unknown()), None);
    }
}
