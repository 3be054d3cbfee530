//! Records in files: CSV, or JSON lines.

use crate::codec;
use crate::columns::{BESIDE, Columns, Kind};
use clap::ValueEnum;
use serde_json::{Map, Value as Json};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// Bytes of one row: more than a server takes in one request is no row.
const ROW_BYTES: usize = 32 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    /// one JSON object per line
    #[value(alias = "ndjson", alias = "json")]
    Jsonl,
}

impl Format {
    /// By the end of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// One record to be, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub line: u64,
    pub fields: Map<String, Json>,
}

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct BadRow {
    pub line: u64,
    pub reason: String,
    /// what follows cannot be read either
    pub fatal: bool,
}

type Source = BufReader<Bounded<Box<dyn Read>>>;

/// The rows of a source, one after the other.
pub struct Rows {
    left: Rc<Cell<usize>>,
    reader: Reader,
    done: bool,
}

enum Reader {
    Csv { reader: csv::Reader<Source>, head: Vec<Option<(String, Kind)>>, lag: u64 },
    Jsonl { reader: Source, line: u64 },
}

impl Rows {
    /// Reads the head of a CSV file, whose columns must be fields.
    pub fn open(source: Box<dyn Read>, format: Format, columns: &Columns) -> Result<Self, String> {
        let left = Rc::new(Cell::new(ROW_BYTES));
        let source = BufReader::new(Bounded { inner: source, left: left.clone() });
        let reader = match format {
            Format::Jsonl => Reader::Jsonl { reader: source, line: 0 },
            Format::Csv => {
                let mut reader = csv::Reader::from_reader(source);
                let names = reader.headers().map_err(|error| format!("line 1: {}", csv_fault(&error)))?;
                let names: Vec<_> =
                    names.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
                let head = names.iter().map(|name| column(name, columns)).collect::<Result<_, _>>()?;
                repeated(&names)?;
                let lag = lag(&reader, &names);
                Reader::Csv { reader, head, lag }
            }
        };
        Ok(Self { left, reader, done: false })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        self.left.set(ROW_BYTES);
        let next = match &mut self.reader {
            Reader::Csv { reader, head, lag } => next_csv(reader, head, *lag),
            Reader::Jsonl { reader, line } => next_jsonl(reader, line),
        };
        self.done = match &next {
            None => true,
            Some(Err(bad)) => bad.fatal,
            Some(Ok(_)) => false,
        };
        next
    }
}

fn column(name: &str, columns: &Columns) -> Result<Option<(String, Kind)>, String> {
    if BESIDE.contains(&name) {
        return Ok(None);
    }
    match columns.kind(name) {
        Some(kind) if !name.is_empty() => Ok(Some((name.to_owned(), kind))),
        _ => Err(format!("line 1: the collection has no field {name:?}")),
    }
}

fn repeated(names: &[String]) -> Result<(), String> {
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    twice.map_or(Ok(()), |(_, name)| Err(format!("line 1: the column {name:?} is there twice")))
}

/// The reader leaves the second half of a line end that is two bytes long to the next row, and so counts it late.
fn lag(reader: &csv::Reader<Source>, head: &[String]) -> u64 {
    let inside = head.iter().map(|name| name.matches('\n').count() as u64).sum::<u64>();
    (2 + inside).saturating_sub(reader.position().line())
}

fn next_csv(
    reader: &mut csv::Reader<Source>,
    head: &[Option<(String, Kind)>],
    lag: u64,
) -> Option<Result<Row, BadRow>> {
    let mut record = csv::StringRecord::new();
    let bad = |line, reason, fatal| Some(Err(BadRow { line, reason, fatal }));
    match reader.read_record(&mut record) {
        Ok(false) => return None,
        Ok(true) => {}
        Err(error) => {
            let line = error.position().map_or_else(|| reader.position().line(), csv::Position::line);
            return bad(line + lag, csv_fault(&error), error.is_io_error());
        }
    }
    let line = record.position().map_or(0, csv::Position::line) + lag;
    let mut fields = Map::new();
    for (cell, column) in record.iter().zip(head) {
        let Some((name, kind)) = column else { continue };
        match codec::decode(cell, *kind) {
            Ok(Some(value)) => drop(fields.insert(name.clone(), value)),
            Ok(None) => {}
            Err(reason) => return bad(line, format!("{name}: {reason}"), false),
        }
    }
    Some(Ok(Row { line, fields }))
}

fn csv_fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the head has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "no UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

fn next_jsonl(reader: &mut Source, line: &mut u64) -> Option<Result<Row, BadRow>> {
    let mut text = Vec::new();
    loop {
        text.clear();
        *line += 1;
        let at = *line;
        match reader.read_until(b'\n', &mut text) {
            Ok(0) => return None,
            Ok(_) if text.trim_ascii().is_empty() => {}
            Ok(_) => {
                let bad = |reason| BadRow { line: at, reason, fatal: false };
                return Some(object(&text).map(|fields| Row { line: at, fields }).map_err(bad));
            }
            Err(error) => return Some(Err(BadRow { line: at, reason: error.to_string(), fatal: true })),
        }
    }
}

fn object(text: &[u8]) -> Result<Map<String, Json>, String> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut fields = match serde_json::from_slice(text) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) => return Err("no JSON object".to_owned()),
        Err(error) => return Err(format!("no JSON: {error}")),
    };
    fields.retain(|name, _| !BESIDE.contains(&name.as_str()));
    Ok(fields)
}

/// Ends with an error where a row is longer than one may be, e.g. after a quote that is never closed.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other(format!("a row of more than {} MiB", ROW_BYTES >> 20)));
        }
        let most = buffer.len().min(left);
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(left - read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns() -> Columns {
        Columns::of(&json!({ "fields": [
            { "name": "id", "type": "text" }, { "name": "title", "type": "text" }, { "name": "views", "type": "number" },
            { "name": "tags", "type": "json" },
        ] }))
    }

    /// Line and fields, or line and fault.
    type Found = Result<(u64, Json), (u64, String)>;

    fn read(text: &str, format: Format) -> Result<Vec<Found>, String> {
        let source: Box<dyn Read> = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let rows = Rows::open(source, format, &columns())?;
        let row = |row: Row| (row.line, Json::Object(row.fields));
        Ok(rows.map(|next| next.map(row).map_err(|bad| (bad.line, bad.reason))).collect())
    }

    #[test]
    fn csv_rows_have_types_and_lines() {
        let text = "\u{feff}title,views,tags,collectionName\n\"a\nb\",7,\"[1]\",posts\nc,,,\nd,x,,\ne\n";
        assert_eq!(
            read(text, Format::Csv).unwrap(),
            [
                Ok((2, json!({ "title": "a\nb", "views": 7, "tags": [1] }))),
                Ok((4, json!({ "title": "c" }))),
                Err((5, "views: \"x\" is no number".into())),
                Err((6, "1 cells where the head has 4".into())),
            ]
        );
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let text = ["title,views", "a,1", "\"b\nc\",x", "d", "e,5"].join(end);
            let rows = read(&text, Format::Csv).unwrap();
            let lines: Vec<_> =
                rows.iter().map(|row| row.as_ref().map_or_else(|bad| bad.0, |row| row.0)).collect();
            assert_eq!(lines, [2, 3, 5, 6], "{end:?}");
        }
    }

    #[test]
    fn a_head_that_names_no_field_is_refused() {
        for (text, fault) in [
            ("titel\n", "line 1: the collection has no field \"titel\""),
            ("title,title\n", "line 1: the column \"title\" is there twice"),
            ("title,\n", "line 1: the collection has no field \"\""),
        ] {
            assert_eq!(read(text, Format::Csv).unwrap_err(), fault);
        }
    }

    #[test]
    fn json_lines_are_objects() {
        let text = "{\"title\":\"a\",\"expand\":{}}\n\n[1]\n{\n{\"title\":\"b\"}";
        let rows = read(text, Format::Jsonl).unwrap();
        assert_eq!(rows[0], Ok((1, json!({ "title": "a" }))));
        assert_eq!(rows[1], Err((3, "no JSON object".into())));
        assert!(matches!(&rows[2], Err((4, reason)) if reason.starts_with("no JSON: ")));
        assert_eq!((&rows[3], rows.len()), (&Ok((5, json!({ "title": "b" }))), 4));
    }

    #[test]
    fn a_quote_that_is_never_closed_ends() {
        let endless = io::repeat(b'x');
        let source: Box<dyn Read> = Box::new(io::Cursor::new("title\n\"").chain(endless));
        let mut rows = Rows::open(source, Format::Csv, &columns()).unwrap();
        let bad = rows.next().unwrap().unwrap_err();
        assert!(bad.fatal && bad.reason.contains("32 MiB"), "{bad:?}");
        assert!(rows.next().is_none());
    }

    #[test]
    fn formats_go_by_the_name() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("a.JSONL", Some(Format::Jsonl)),
            ("a.ndjson", Some(Format::Jsonl)),
            ("a.txt", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }
}
