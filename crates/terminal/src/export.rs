//! `tidewire records export`: page after page in the order of ids, so that no change meanwhile moves another record.

use crate::columns::{BESIDE, Columns, Kind};
use crate::progress::Progress;
use crate::records::{PAGE, format_of, pairs};
use crate::remote::records;
use crate::rows::Format;
use crate::state::{StateFile, with_suffix};
use crate::{Connect, Failure, Output, Remote, codec, output};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Name or id
    pub collection: String,
    /// File to write; stdout without one
    #[arg(default_value = "-")]
    pub file: String,
    /// [default: by the file's name]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Only records for which this holds
    #[arg(long)]
    pub filter: Option<String>,
    /// Fields to write, separated by commas; ids are always there
    #[arg(long)]
    pub fields: Option<String>,
    /// Starts anew instead of going on, and replaces a file that exists
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub connect: Connect,
}

/// How far an export has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    task: Task,
    /// of the unfinished file that are complete
    bytes: u64,
    rows: u64,
    /// id of the last record
    last: String,
    /// of CSV, as they stand in the head
    head: Vec<String>,
}

/// What is exported; an unfinished file goes on only with the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    url: String,
    collection: String,
    format: String,
    filter: Option<String>,
    fields: Option<String>,
}

pub async fn run(args: &ExportArgs, out: &mut Output) -> Result<(), Failure> {
    let format = if args.file == "-" {
        args.format.unwrap_or(Format::Jsonl)
    } else {
        format_of(args.format, &args.file)?
    };
    let path = records(&args.collection)?;
    let remote = Remote::open(&args.connect, out).await?;
    let columns = match format {
        Format::Csv => remote.columns(&args.collection).await?,
        Format::Jsonl => Columns::unknown(),
    };
    let lines = Lines::new(format, columns, args.fields.as_deref());
    let mut sink = if args.file == "-" { Sink::Stdout } else { Sink::open(args, format)? };
    let rows = pages(args, &remote, &path, lines, &mut sink, out).await?;
    if let Sink::File(file) = sink {
        file.finish()?;
        output::note(&format!("exported {rows} records of {} to {}", args.collection, args.file));
    }
    Ok(())
}

async fn pages(
    args: &ExportArgs,
    remote: &Remote,
    path: &str,
    mut lines: Lines,
    sink: &mut Sink,
    out: &mut Output,
) -> Result<u64, Failure> {
    let (mut last, mut rows) = sink.resume(&mut lines);
    let mut progress: Option<Progress> = None;
    loop {
        let first = progress.is_none();
        let answer = remote.get(path, &query(args, &last, first)).await;
        let answer = answer.map_err(|failure| failure.at(&args.collection))?;
        let left = answer["totalItems"].as_u64();
        let progress = progress.get_or_insert_with(|| Progress::new(left.map(|left| left + rows), "records"));
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let Some(id) = items.last().map(|item| item["id"].as_str().unwrap_or_default().to_owned()) else {
            sink.write(&lines.page(&[])?, &last, rows, &lines, out)?;
            return Ok(rows);
        };
        if id <= last {
            return Err(Failure::Failed(
                "the server does not give records in the order of their ids".to_owned(),
            ));
        }
        last = id;
        rows += items.len() as u64;
        sink.write(&lines.page(&items)?, &last, rows, &lines, out)?;
        progress.at(rows, format!("{rows} records"));
        if items.len() < PAGE as usize {
            return Ok(rows);
        }
    }
}

fn query(args: &ExportArgs, last: &str, first: bool) -> Vec<(String, String)> {
    let after = (!last.is_empty()).then(|| format!("id > {}", serde_json::Value::from(last)));
    let filter = match (&args.filter, after) {
        (Some(filter), Some(after)) => Some(format!("({filter}) && {after}")),
        (filter, after) => after.or_else(|| filter.clone()),
    };
    let fields = args.fields.as_ref().map(|fields| format!("id,{fields}"));
    let mut query = pairs([("filter", &filter), ("fields", &fields)]);
    let skip = if first { "0" } else { "1" };
    let fixed = [("sort", "id"), ("page", "1"), ("perPage", "500"), ("skipTotal", skip)];
    query.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    query
}

/// Records as the lines of a file.
enum Lines {
    Csv(CsvLines),
    Jsonl,
}

impl Lines {
    fn new(format: Format, columns: Columns, fields: Option<&str>) -> Self {
        match format {
            Format::Csv => {
                Self::Csv(CsvLines::new(columns, fields.map(|fields| format!("id,{fields}")).as_deref()))
            }
            Format::Jsonl => Self::Jsonl,
        }
    }

    fn page(&mut self, items: &[Json]) -> Result<String, Failure> {
        match self {
            Self::Csv(lines) => lines.page(items),
            Self::Jsonl => Ok(items.iter().map(|item| format!("{item}\n")).collect()),
        }
    }
}

/// Records as CSV: the head with the first page.
pub struct CsvLines {
    columns: Columns,
    /// as it was asked for, or as the first records have it
    head: Vec<String>,
    told: bool,
    has_head: bool,
}

impl CsvLines {
    pub fn new(columns: Columns, fields: Option<&str>) -> Self {
        let mut head = Vec::new();
        for name in fields.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // modifiers and parts of a field end up in the field
            let name = name.split([':', '.']).next().unwrap_or_default().to_owned();
            if name != "*" && !head.contains(&name) {
                head.push(name);
            }
        }
        let told = !head.is_empty();
        Self { head: if told { head } else { columns.names() }, columns, told, has_head: false }
    }

    pub fn page(&mut self, items: &[Json]) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if !self.has_head {
            if self.head.is_empty() {
                self.head = union(items);
            }
            if !self.head.is_empty() {
                writer.write_record(&self.head).map_err(|error| Failure::Failed(error.to_string()))?;
                self.has_head = true;
            }
        }
        for item in items {
            self.check(item)?;
            let cells = self
                .head
                .iter()
                .map(|name| codec::encode(item.get(name), self.columns.kind(name).unwrap_or(Kind::Any)));
            writer.write_record(cells).map_err(|error| Failure::Failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| Failure::Failed(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| Failure::Failed(error.to_string()))
    }

    /// Nothing may be lost for want of a column.
    fn check(&self, item: &Json) -> Result<(), Failure> {
        let names = item.as_object().into_iter().flatten().map(|(name, _)| name);
        let lost = names
            .filter(|name| !self.told && !BESIDE.contains(&name.as_str()) && !self.columns_know(name))
            .find(|name| !self.head.contains(name));
        match lost {
            None => Ok(()),
            Some(name) => Err(Failure::Failed(format!(
                "record {} has a field {name:?} that the first records do not have: name all with --fields, or use --format jsonl",
                item["id"]
            ))),
        }
    }

    fn columns_know(&self, name: &str) -> bool {
        // hidden fields are shown to superusers, but are not theirs to copy around
        self.columns.is_known()
            && self.columns.kind(name).is_some()
            && !self.columns.names().iter().any(|known| known == name)
    }
}

fn union(items: &[Json]) -> Vec<String> {
    let mut head: Vec<String> = Vec::new();
    for name in items.iter().filter_map(Json::as_object).flat_map(serde_json::Map::keys) {
        if !head.contains(name) && !BESIDE.contains(&name.as_str()) {
            head.push(name.clone());
        }
    }
    head.sort_by_key(|name| name != "id");
    head
}

enum Sink {
    Stdout,
    File(Box<PartFile>),
}

impl Sink {
    fn open(args: &ExportArgs, format: Format) -> Result<Self, Failure> {
        Ok(Self::File(Box::new(PartFile::open(args, format)?)))
    }

    /// The last id and the number of records that are there already.
    fn resume(&self, lines: &mut Lines) -> (String, u64) {
        let Self::File(file) = self else { return (String::new(), 0) };
        let state = &file.state;
        if let (Lines::Csv(csv), false) = (lines, state.head.is_empty()) {
            csv.head.clone_from(&state.head);
            csv.has_head = true;
        }
        (state.last.clone(), state.rows)
    }

    fn write(
        &mut self,
        text: &str,
        last: &str,
        rows: u64,
        lines: &Lines,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let Self::File(file) = self else { return out.text(text) };
        if let (Lines::Csv(csv), true) = (lines, file.state.head.is_empty()) {
            file.state.head.clone_from(&csv.head);
        }
        file.write(text, last, rows)
    }
}

/// What is not complete yet.
struct PartFile {
    target: PathBuf,
    part: PathBuf,
    file: File,
    state: State,
    state_file: StateFile<State>,
}

impl PartFile {
    fn open(args: &ExportArgs, format: Format) -> Result<Self, Failure> {
        let target = PathBuf::from(&args.file);
        if target.exists() && !args.restart {
            return Err(Failure::Failed(format!(
                "{} is there already: add --restart to replace it",
                args.file
            )));
        }
        let (part, state_file) = (with_suffix(&target, ".part"), StateFile::<State>::beside(&target));
        let task = Task {
            url: args.connect.url.trim_end_matches('/').to_owned(),
            collection: args.collection.clone(),
            format: format!("{format:?}"),
            filter: args.filter.clone(),
            fields: args.fields.clone(),
        };
        let fresh = State { task, bytes: 0, rows: 0, last: String::new(), head: Vec::new() };
        let kept = if args.restart { None } else { state_file.load()? };
        let state = match kept {
            Some(kept) if kept.task != fresh.task => {
                let text = format!(
                    "{} belongs to another export: remove it, or add --restart",
                    state_file.path().display()
                );
                return Err(Failure::Failed(text));
            }
            // what a power cut took away is fetched again
            Some(kept) if fs::metadata(&part).is_ok_and(|part| part.len() >= kept.bytes) => kept,
            _ => fresh,
        };
        if state.rows > 0 {
            output::note(&format!("going on after {} records of an export that was stopped", state.rows));
        }
        let file = open_at(&part, state.bytes).map_err(|error| at(&part, &error))?;
        Ok(Self { target, part, file, state, state_file })
    }

    fn write(&mut self, text: &str, last: &str, rows: u64) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|error| at(&self.part, &error))?;
        self.state.bytes += text.len() as u64;
        last.clone_into(&mut self.state.last);
        self.state.rows = rows;
        self.state_file.save(&self.state)
    }

    fn finish(self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| at(&self.part, &error))?;
        fs::rename(&self.part, &self.target).map_err(|error| at(&self.target, &error))?;
        self.state_file.remove()
    }
}

fn open_at(path: &Path, bytes: u64) -> std::io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    Ok(file)
}

fn at(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn posts() -> Columns {
        Columns::of(&json!({ "fields": [
            { "name": "id", "type": "text" }, { "name": "title", "type": "text" }, { "name": "tags", "type": "json" },
            { "name": "tokenKey", "type": "text", "hidden": true },
        ] }))
    }

    #[test]
    fn a_head_comes_once_and_first() {
        let mut lines = CsvLines::new(posts(), None);
        let item = json!({ "id": "a", "title": "x,y", "tags": ["t"], "tokenKey": "k", "collectionId": "c" });
        assert_eq!(lines.page(&[item]).unwrap(), "id,title,tags\na,\"x,y\",\"[\"\"t\"\"]\"\n");
        assert_eq!(lines.page(&[json!({ "id": "b" })]).unwrap(), "b,,\n");
    }

    #[test]
    fn columns_are_those_that_were_asked_for() {
        let mut lines = CsvLines::new(posts(), Some("id,tags,title:excerpt(3)"));
        assert_eq!(lines.page(&[json!({ "id": "a", "title": "x" })]).unwrap(), "id,tags,title\na,,x\n");
    }

    #[test]
    fn nothing_is_lost_for_want_of_a_column() {
        let mut lines = CsvLines::new(Columns::unknown(), None);
        assert_eq!(lines.page(&[json!({ "id": "a", "n": 1 })]).unwrap(), "id,n\na,1\n");
        let refused = lines.page(&[json!({ "id": "b", "m": 1 })]).unwrap_err();
        assert!(refused.to_string().contains("\"m\""), "{refused}");
    }

    #[test]
    fn a_page_begins_after_the_last_id() {
        let args = |filter: Option<&str>| ExportArgs {
            collection: "posts".into(),
            file: "-".into(),
            format: None,
            filter: filter.map(str::to_owned),
            fields: None,
            restart: false,
            connect: Connect { url: String::new(), token: None, sign_in: None },
        };
        let filter = |args: &ExportArgs, last| {
            query(args, last, true).into_iter().find(|(name, _)| name == "filter").map(|(_, value)| value)
        };
        assert_eq!(filter(&args(None), ""), None);
        assert_eq!(filter(&args(None), "a"), Some("id > \"a\"".into()));
        assert_eq!(filter(&args(Some("x = 1 || y = 2")), "a"), Some("(x = 1 || y = 2) && id > \"a\"".into()));
    }
}
