//! `CREATE INDEX` statements in parts.

use regex::Regex;
use std::sync::LazyLock;

static STATEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ims)create\s+(unique\s+)?\s*index\s*(if\s+not\s+exists\s+)?(\S*)\s+on\s+(\S*?)\s*\((.*)\)(?:\s*where\s+(.*))?",
    )
    .ok()
});
static COLUMN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?is)^(.+?)(?:\s+collate\s+(\w+))?(?:\s+(asc|desc))?$").ok());

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    pub schema: String,
    pub name: String,
    pub table: String,
    pub columns: Vec<IndexColumn>,
    /// of `WHERE`, "" for none
    pub condition: String,
    pub unique: bool,
    pub if_not_exists: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IndexColumn {
    /// field or expression
    pub name: String,
    pub collate: String,
    /// "ASC", "DESC" or ""
    pub sort: String,
}

impl Index {
    pub(crate) fn parse(sql: &str) -> Option<Self> {
        let parts = STATEMENT.as_ref()?.captures(sql)?;
        let part = |number| parts.get(number).map_or("", |found| found.as_str());
        let (schema, name) = part(3).split_once('.').unwrap_or(("", part(3)));
        let index = Self {
            schema: bare(schema),
            name: bare(name),
            table: bare(part(4)),
            columns: split(part(5)).into_iter().filter_map(column).collect(),
            condition: part(6).trim().to_string(),
            unique: !part(1).is_empty(),
            if_not_exists: !part(2).is_empty(),
        };
        (!index.name.is_empty() && !index.columns.is_empty()).then_some(index)
    }

    /// The statement in the form in which PocketBase writes it.
    pub(crate) fn build(&self) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let if_not_exists = if self.if_not_exists { "IF NOT EXISTS " } else { "" };
        let schema = if self.schema.is_empty() { String::new() } else { format!("`{}`.", self.schema) };
        let columns: Vec<_> = self.columns.iter().map(IndexColumn::build).collect();
        let columns = match columns.as_slice() {
            [one] => one.clone(),
            many => format!("\n  {}\n", many.join(",\n  ")),
        };
        let condition =
            if self.condition.is_empty() { String::new() } else { format!(" WHERE {}", self.condition) };
        let (name, table) = (&self.name, &self.table);
        format!("CREATE {unique}INDEX {if_not_exists}{schema}`{name}` ON `{table}` ({columns}){condition}")
    }
}

impl IndexColumn {
    pub(crate) fn is_expression(&self) -> bool {
        self.name.contains(['(', ' '])
    }

    fn build(&self) -> String {
        let mut text = if self.is_expression() { self.name.clone() } else { format!("`{}`", self.name) };
        if !self.collate.is_empty() {
            text.push_str(" COLLATE ");
            text.push_str(&self.collate);
        }
        if !self.sort.is_empty() {
            text.push(' ');
            text.push_str(&self.sort);
        }
        text
    }
}

/// The first unique index on this column alone.
pub(crate) fn unique_on<S: AsRef<str>>(indexes: &[S], column: &str) -> Option<Index> {
    indexes.iter().filter_map(|sql| Index::parse(sql.as_ref())).find(|index| {
        index.unique && index.columns.len() == 1 && index.columns[0].name.eq_ignore_ascii_case(column)
    })
}

/// The statement for another table; what cannot be read stays as it is.
pub(crate) fn on_table(sql: &str, table: &str) -> Box<str> {
    match Index::parse(sql) {
        Some(index) if index.table != table => Index { table: table.to_string(), ..index }.build().into(),
        _ => sql.into(),
    }
}

fn column(text: &str) -> Option<IndexColumn> {
    let parts = COLUMN.as_ref()?.captures(text.trim())?;
    let part = |number| parts.get(number).map_or("", |found| found.as_str());
    let name = bare(part(1));
    (!name.is_empty()).then(|| IndexColumn {
        name,
        collate: part(2).to_string(),
        sort: part(3).to_uppercase(),
    })
}

fn bare(text: &str) -> String {
    text.trim_matches(|c: char| "`\"'[]".contains(c) || c.is_whitespace()).to_string()
}

/// Splits at commas outside of brackets and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) => quote = (character != open).then_some(open),
            (None, '\'' | '"' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_rebuilt_in_one_form() {
        for (sql, table, built) in [
            (
                "create index i1 on zzz (a, b desc)",
                "all",
                Some("CREATE INDEX `i1` ON `all` (\n  `a`,\n  `b` DESC\n)"),
            ),
            (
                "CREATE UNIQUE INDEX IF NOT EXISTS `i` ON x(`a` COLLATE NOCASE) where a != ''",
                "t",
                Some("CREATE UNIQUE INDEX IF NOT EXISTS `i` ON `t` (`a` COLLATE NOCASE) WHERE a != ''"),
            ),
            (
                "create index main.\"i\" on x (lower(a, 'x,y'), json_extract(b, '$.c') asc)",
                "t",
                Some("CREATE INDEX `main`.`i` ON `t` (\n  lower(a, 'x,y'),\n  json_extract(b, '$.c') ASC\n)"),
            ),
            ("create index\n i\n on x\n(\n a\n)", "t", Some("CREATE INDEX `i` ON `t` (`a`)")),
            ("create index i on x ()", "t", None),
            ("create index on x (a)", "t", None),
            ("nope", "t", None),
            ("", "t", None),
        ] {
            let index = Index::parse(sql).map(|index| Index { table: table.into(), ..index }.build());
            assert_eq!(index.as_deref(), built, "{sql}");
        }
    }

    #[test]
    fn unique_means_one_column() {
        for (sql, column, found) in [
            ("create unique index a on t (Email collate nocase)", "email", true),
            ("create index a on t (email)", "email", false),
            ("create unique index a on t (email, name)", "email", false),
        ] {
            assert_eq!(unique_on(&[sql], column).is_some(), found, "{sql}");
        }
    }
}
