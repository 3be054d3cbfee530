//! What an index statement says about a column.

/// True if one of the statements is a unique index on just this column.
pub(crate) fn is_unique_alone(statements: &[Box<str>], column: &str) -> bool {
    statements
        .iter()
        .any(|statement| unique_column(statement).is_some_and(|found| found.eq_ignore_ascii_case(column)))
}

/// The only column of a `CREATE UNIQUE INDEX`.
fn unique_column(statement: &str) -> Option<&str> {
    let mut words = statement.split_ascii_whitespace();
    let unique = words.next()?.eq_ignore_ascii_case("create") && words.next()?.eq_ignore_ascii_case("unique");
    let columns = statement.split_once('(')?.1.split_once(')')?.0;
    if !unique || columns.contains(',') {
        return None;
    }
    let name = columns.trim();
    let (quote, inner) = (name.chars().next()?, name.get(1..)?);
    match quote {
        '`' | '"' | '\'' => inner.split(quote).next(),
        '[' => inner.split(']').next(),
        _ => name.split_ascii_whitespace().next(),
    }
}
