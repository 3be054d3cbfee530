//! `tidewire records`: reading and writing records of any server that speaks PocketBase's API.

use crate::remote::{record, records};
use crate::rows::Format;
use crate::table::{Table, plain};
use crate::{CODES, Connect, Failure, Output, Remote, export, import};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value as Json;
use std::io::{self, Read as _, Write as _};

const EXAMPLES: &str = "\
Examples:
  tidewire records list posts --filter 'views > 100' --sort -created
  tidewire records create posts '{\"title\": \"hello\"}'
  tidewire records export posts posts.csv
  tidewire records import posts posts.csv --continue-on-error";

/// Bytes of a record from stdin.
const RECORD_BYTES: u64 = 32 << 20;
/// What servers give at once at most.
pub const PAGE: u32 = 500;

#[derive(Clone, Debug, Subcommand)]
#[command(after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub enum RecordsTask {
    /// Lists records: a table for people, else JSON lines or CSV
    List(ListArgs),
    /// Prints one record as JSON
    Get(GetArgs),
    /// Creates a record and prints it
    Create(CreateArgs),
    /// Changes fields of a record and prints it
    Update(UpdateArgs),
    /// Deletes records
    Delete(DeleteArgs),
    /// Reads records from CSV or JSON lines; one with the id of a record that exists replaces its fields
    ///
    /// An import of a file that was stopped goes on where it was: FILE.tidewire-state says how far it came. Rows without ids
    /// get their ids there, so that none is created twice. Failed rows are told on stderr with their lines.
    Import(import::ImportArgs),
    /// Writes all records as CSV or JSON lines, in the order of their ids
    ///
    /// An export into a file that was stopped goes on after its last complete record: what is there lies in FILE.part until all is.
    Export(export::ExportArgs),
}

#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Name or id
    pub collection: String,
    /// Only records for which this holds, e.g. 'status = "live"'
    #[arg(long)]
    pub filter: Option<String>,
    /// Fields to sort by, separated by commas; - in front turns the order round
    #[arg(long, allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Fields to show, separated by commas
    #[arg(long)]
    pub fields: Option<String>,
    /// Relations whose records are added
    #[arg(long)]
    pub expand: Option<String>,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub page: u32,
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE)))]
    pub per_page: u32,
    /// All pages, one after the other; for an exact picture of a collection that changes meanwhile use export
    #[arg(long, conflicts_with_all = ["page", "per_page"])]
    pub all: bool,
    /// [default: table on a terminal, else jsonl]
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<ListFormat>,
    /// JSON lines
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    Jsonl,
    Csv,
}

#[derive(Args, Clone, Debug)]
pub struct GetArgs {
    pub collection: String,
    pub id: String,
    /// Fields to show, separated by commas
    #[arg(long)]
    pub fields: Option<String>,
    /// Relations whose records are added
    #[arg(long)]
    pub expand: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    pub collection: String,
    /// Fields as a JSON object; - reads it from stdin
    pub json: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args, Clone, Debug)]
pub struct UpdateArgs {
    pub collection: String,
    pub id: String,
    /// Fields as a JSON object; - reads it from stdin
    pub json: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    pub collection: String,
    #[arg(required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Args, Clone, Debug)]
pub struct Shape {
    /// One line of JSON, also on a terminal
    #[arg(long = "json")]
    pub one_line: bool,
    #[command(flatten)]
    pub connect: Connect,
}

pub async fn run(task: RecordsTask, out: &mut Output) -> Result<(), Failure> {
    match task {
        RecordsTask::List(args) => list(&args, out).await,
        RecordsTask::Get(args) => {
            let path = record(&args.collection, &args.id)?;
            let remote = Remote::open(&args.shape.connect, out).await?;
            let query = pairs([("fields", &args.fields), ("expand", &args.expand)]);
            let found = remote.get(&path, &query).await;
            show(&found.map_err(|failure| failure.at(&args.id))?, args.shape.one_line, out)
        }
        RecordsTask::Create(args) => {
            write("POST", &records(&args.collection)?, &args.json, &args.shape, out).await
        }
        RecordsTask::Update(args) => {
            write("PATCH", &record(&args.collection, &args.id)?, &args.json, &args.shape, out).await
        }
        RecordsTask::Delete(args) => delete(&args, out).await,
        RecordsTask::Import(args) => import::run(args, out).await,
        RecordsTask::Export(args) => export::run(&args, out).await,
    }
}

async fn write(method: &str, path: &str, text: &str, shape: &Shape, out: &mut Output) -> Result<(), Failure> {
    let body = read_object(text)?;
    let remote = Remote::open(&shape.connect, out).await?;
    let saved = remote.client.send(method, path).json(&body).read().await?;
    show(&saved, shape.one_line, out)
}

async fn delete(args: &DeleteArgs, out: &mut Output) -> Result<(), Failure> {
    let remote = Remote::open(&args.connect, out).await?;
    for id in &args.ids {
        let deleted = remote.client.send("DELETE", &record(&args.collection, id)?).read().await;
        deleted.map_err(|error| Failure::from(error).at(id))?;
    }
    Ok(())
}

fn read_object(text: &str) -> Result<Json, Failure> {
    let mut read = String::new();
    let text = if text == "-" {
        io::stdin().lock().take(RECORD_BYTES).read_to_string(&mut read)?;
        &read
    } else {
        text
    };
    match serde_json::from_str(text) {
        Ok(Json::Object(map)) => Ok(Json::Object(map)),
        Ok(_) => Err(Failure::Usage("the record must be a JSON object".to_owned())),
        Err(error) => Err(Failure::Usage(format!("the record is no JSON: {error}"))),
    }
}

fn show(found: &Json, one_line: bool, out: &mut Output) -> Result<(), Failure> {
    if one_line || !out.is_terminal() {
        return out.line(&found.to_string());
    }
    let text = serde_json::to_string_pretty(found).map_err(|error| Failure::Failed(error.to_string()))?;
    out.line(&text)
}

async fn list(args: &ListArgs, out: &mut Output) -> Result<(), Failure> {
    let path = records(&args.collection)?;
    let remote = Remote::open(&args.connect, out).await?;
    let told = args.format.or(args.json.then_some(ListFormat::Jsonl));
    let format = told.unwrap_or(if out.is_terminal() { ListFormat::Table } else { ListFormat::Jsonl });
    let mut printer = Printer::new(format, &remote, args).await?;
    let per_page = if args.all { PAGE } else { args.per_page };
    for page in args.page.. {
        let mut query = pairs([
            ("filter", &args.filter),
            ("sort", &args.sort),
            ("fields", &args.fields),
            ("expand", &args.expand),
        ]);
        query.extend([("page".to_owned(), page.to_string()), ("perPage".to_owned(), per_page.to_string())]);
        query.push(("skipTotal".to_owned(), "1".to_owned()));
        let answer = remote.get(&path, &query).await.map_err(|failure| failure.at(&args.collection))?;
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let last = items.len() < per_page as usize;
        printer.page(items, out)?;
        if !args.all || last {
            break;
        }
    }
    printer.end(out)
}

/// Prints pages as they come; a table, whose widths all rows decide, in the end.
enum Printer {
    Table(Vec<Json>),
    Jsonl,
    Csv(export::CsvLines),
}

impl Printer {
    async fn new(format: ListFormat, remote: &Remote, args: &ListArgs) -> Result<Self, Failure> {
        Ok(match format {
            ListFormat::Table => Self::Table(Vec::new()),
            ListFormat::Jsonl => Self::Jsonl,
            ListFormat::Csv => {
                let columns = remote.columns(&args.collection).await?;
                Self::Csv(export::CsvLines::new(columns, args.fields.as_deref()))
            }
        })
    }

    fn page(&mut self, items: Vec<Json>, out: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Table(rows) => rows.extend(items),
            Self::Jsonl => {
                for item in &items {
                    out.line(&item.to_string())?;
                }
            }
            Self::Csv(lines) => out.text(&lines.page(&items)?)?,
        }
        Ok(())
    }

    fn end(self, out: &mut Output) -> Result<(), Failure> {
        let Self::Table(rows) = self else { return Ok(()) };
        let lines = table(&rows).lines(out.width());
        for line in lines {
            out.line(&line)?;
        }
        Ok(io::stdout().flush()?)
    }
}

/// Records as people read them: ids first, what belongs to all of them left out.
pub fn table(rows: &[Json]) -> Table {
    let mut names: Vec<&String> = Vec::new();
    for name in rows.iter().filter_map(Json::as_object).flat_map(serde_json::Map::keys) {
        if !names.contains(&name) && !["collectionId", "collectionName"].contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (*name != "id", ["created", "updated", "expand"].contains(&name.as_str())));
    let mut table = Table::new(names.iter().map(|name| plain(name)));
    for row in rows {
        table.push(names.iter().map(|name| cell(&row[name.as_str()])));
    }
    table
}

pub fn cell(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        value => value.to_string(),
    }
}

/// The query's pairs that were given.
pub fn pairs<'a>(given: impl IntoIterator<Item = (&'a str, &'a Option<String>)>) -> Vec<(String, String)> {
    let told = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    told.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The format that is told, or the one that the file's name tells.
pub fn format_of(told: Option<Format>, file: &str) -> Result<Format, Failure> {
    let named = Format::of(std::path::Path::new(file));
    told.or(named).ok_or_else(|| {
        Failure::Usage(format!(
            "what {file:?} holds is not told by its name: add --format csv or --format jsonl"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_has_ids_first_and_dates_last() {
        let rows = [
            json!({ "created": "c", "collectionId": "x", "id": "a", "views": 7, "tags": ["t"] }),
            json!({ "id": "b", "extra": null }),
        ];
        let table = table(&rows);
        assert_eq!(table.head, ["id", "tags", "views", "extra", "created"]);
        assert_eq!(table.rows[0], ["a", "[\"t\"]", "7", "", "c"]);
        assert_eq!(table.rows[1], ["b", "", "", "", ""]);
    }

    #[test]
    fn a_record_must_be_an_object() {
        assert_eq!(read_object("{\"a\":1}"), Ok(json!({ "a": 1 })));
        for wrong in ["[1]", "{", "7", ""] {
            assert_eq!(read_object(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }
}
