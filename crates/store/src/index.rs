//! `CREATE [UNIQUE] INDEX` texts of users, re-created on the physical table with the tenant in front.

use crate::StoreError;
use crate::layout::{self, quote};
use rusqlite::Connection;
use tidewire_model::Collection;
use tidewire_rules::TENANT_COLUMN;

/// The parts of an index text. Columns and condition are kept as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) unique: bool,
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) condition: Option<String>,
}

impl Index {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor { rest: text };
        cursor.keyword("create")?;
        let unique = cursor.keyword("unique").is_some();
        cursor.keyword("index")?;
        if cursor.keyword("if").is_some() {
            cursor.keyword("not")?;
            cursor.keyword("exists")?;
        }
        let name = cursor.qualified_name()?;
        cursor.keyword("on")?;
        cursor.qualified_name()?;
        let columns = split(cursor.brackets()?)?;
        let condition = match cursor.keyword("where") {
            Some(()) => Some(cursor.rest.trim().trim_end_matches(';').trim().to_owned()),
            None if matches!(cursor.rest.trim(), "" | ";") => None,
            None => return None,
        };
        let usable = !name.is_empty() && condition.as_deref() != Some("");
        usable.then_some(Self { unique, name, columns, condition })
    }

    /// Unique among all indexes of the file, since the id of the collection is.
    pub(crate) fn physical_name(&self, collection: &Collection) -> String {
        format!("i:{}:{}", layout::fold(&collection.id), self.name.to_lowercase())
    }

    /// The fields that the indexed columns name.
    pub(crate) fn fields(&self, collection: &Collection) -> Vec<String> {
        let names = collection.fields.iter().map(|field| &field.name);
        names
            .filter(|name| self.columns.iter().any(|column| names_word(column, name)))
            .map(|name| name.to_string())
            .collect()
    }

    fn create(&self, connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let condition = self.condition.as_ref().map_or_else(String::new, |text| format!(" WHERE {text}"));
        let sql = format!(
            "CREATE {unique}INDEX {} ON {} ({},{}){condition}",
            quote(&self.physical_name(collection)),
            layout::table(&collection.id),
            quote(TENANT_COLUMN),
            self.columns.join(","),
        );
        connection.execute(&sql, ())?;
        Ok(())
    }
}

/// Makes all indexes of a collection on a table that has none.
pub(crate) fn create_all(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    let table = layout::table(&collection.id);
    let tenant = quote(TENANT_COLUMN);
    // rows of one tenant in the order of insertion
    let order = quote(&format!("t:{}", layout::fold(&collection.id)));
    connection.execute_batch(&format!("CREATE INDEX {order} ON {table} ({tenant})"))?;
    let mut has_token_key = false;
    for text in &collection.indexes {
        let bad = |reason: String| StoreError::BadIndex { index: text.to_string(), reason };
        let index = Index::parse(text).ok_or_else(|| bad("not a CREATE INDEX statement".into()))?;
        index.create(connection, collection).map_err(|error| bad(error.to_string()))?;
        has_token_key |=
            index.unique && index.condition.is_none() && index.fields(collection) == ["tokenKey"];
    }
    if collection.is_auth() && collection.field("tokenKey").is_some() && !has_token_key {
        let name = quote(&format!("k:{}", layout::fold(&collection.id)));
        connection
            .execute_batch(&format!("CREATE UNIQUE INDEX {name} ON {table} ({tenant},\"tokenKey\")"))?;
    }
    Ok(())
}

pub(crate) fn drop_all(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type='index' AND tbl_name=? AND sql IS NOT NULL")?;
    let table = format!("c:{}", layout::fold(&collection.id));
    let names: Vec<String> = statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    // those on keys of documents are not the definition's
    for name in names.into_iter().filter(|name| !name.starts_with("d:")) {
        connection.execute_batch(&format!("DROP INDEX {}", quote(&name)))?;
    }
    Ok(())
}

/// Says which fields were refused; any other error stays what it is.
pub(crate) fn explain(error: rusqlite::Error, collection: &Collection) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, Some(message)) = &error else { return error.into() };
    if code.code != rusqlite::ErrorCode::ConstraintViolation {
        return error.into();
    }
    let Some(what) = message.strip_prefix("UNIQUE constraint failed: ") else { return error.into() };
    let fields = match what.strip_prefix("index '") {
        Some(name) => fields_of(name.trim_end_matches('\''), collection),
        None => columns_of(what),
    };
    StoreError::NotUnique { fields }
}

fn fields_of(physical: &str, collection: &Collection) -> Vec<String> {
    let indexes = collection.indexes.iter().filter_map(|text| Index::parse(text));
    let mut found = indexes.filter(|index| index.physical_name(collection) == physical);
    found.next().map_or_else(Vec::new, |index| index.fields(collection))
}

/// "table.column, table.column" without the tenant.
fn columns_of(list: &str) -> Vec<String> {
    let names = list.split(", ").filter_map(|part| part.rsplit_once('.')).map(|(_, name)| name);
    names.filter(|name| *name != TENANT_COLUMN).map(str::to_owned).collect()
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn keyword(&mut self, word: &str) -> Option<()> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if !rest[..end].eq_ignore_ascii_case(word) {
            return None;
        }
        self.rest = &rest[end..];
        Some(())
    }

    /// `name` or `schema.name`: the last part.
    fn qualified_name(&mut self) -> Option<String> {
        let name = self.name()?;
        match self.rest.trim_start().strip_prefix('.') {
            Some(rest) => {
                self.rest = rest;
                self.name()
            }
            None => Some(name),
        }
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next()?;
        let end = match closing(first) {
            Some(quote) => quoted_end(rest, quote)?,
            None => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
        };
        let name = if closing(first).is_some() { &rest[1..end - 1] } else { &rest[..end] };
        self.rest = &rest[end..];
        Some(name.to_owned()).filter(|name| !name.is_empty())
    }

    /// The text between a bracket and its partner.
    fn brackets(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start().strip_prefix('(')?;
        let end = find_outside(rest, |c, depth| c == ')' && depth == 0)?;
        self.rest = &rest[end + 1..];
        Some(&rest[..end])
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

/// The partner of an opening quote.
fn closing(character: char) -> Option<char> {
    match character {
        '"' | '\'' | '`' => Some(character),
        '[' => Some(']'),
        _ => None,
    }
}

/// Where the quoted text that `text` begins with ends, after the closing quote.
fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + text[from..].find(quote)? + quote.len_utf8();
        if quote == ']' || !text[end..].starts_with(quote) {
            return Some(end);
        }
        from = end + quote.len_utf8();
    }
}

/// The first character outside of quotes for which `found` holds; `depth` counts open brackets before it.
fn find_outside(text: &str, found: impl Fn(char, usize) -> bool) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(character) = text[at..].chars().next() {
        if found(character, depth) {
            return Some(at);
        }
        match (closing(character), character) {
            (Some(quote), _) => {
                at += quoted_end(&text[at..], quote)?;
                continue;
            }
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += character.len_utf8();
    }
    None
}

fn split(list: &str) -> Option<Vec<String>> {
    let mut rest = list;
    let mut parts = Vec::new();
    while let Some(comma) = find_outside(rest, |c, depth| c == ',' && depth == 0) {
        parts.push(rest[..comma].trim().to_owned());
        rest = &rest[comma + 1..];
    }
    parts.push(rest.trim().to_owned());
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

fn names_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !is_word(c)).any(|part| part.eq_ignore_ascii_case(word))
}
