//! Trees to SQLite SQL. Values are parameters; identifiers come from the schema, and keys of open collections are quoted.

mod choice;
mod document;
mod function;

pub use document::document_key;

use crate::node::{
    At, Column, Constant, Join, JoinId, Key, LikeForm, Node, Operand, Order, Part, Path, Source, Target, Test,
};
use crate::query::{SqlValue, TENANT_COLUMN, Tables};
use crate::scalar::{Affinity, Scalar};
use choice::Varying;
use std::fmt::Write;
use tidewire_model::Timestamp;

/// Alias of the table that the records in question stand in.
pub(crate) const ROOT: &str = "r";

/// Conditions that are joined without brackets.
const FLAT: usize = 16;

/// One statement in the making.
pub(crate) struct Sql<'a> {
    pub(crate) out: String,
    pub(crate) params: Vec<SqlValue>,
    tables: &'a dyn Tables,
    now: Timestamp,
    /// joins in scope with the numbers of their aliases, innermost last
    open: Vec<(JoinId, usize)>,
    aliases: usize,
    /// parameters that are read from a table instead, by their place in the condition
    varying: Vec<Option<Varying>>,
    /// the place of the next parameter
    position: usize,
}

impl<'a> Sql<'a> {
    pub(crate) fn new(tables: &'a dyn Tables, now: Timestamp) -> Self {
        Self {
            out: String::new(),
            params: Vec::new(),
            tables,
            now,
            open: Vec::new(),
            aliases: 0,
            varying: Vec::new(),
            position: 0,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(crate) fn param(&mut self, value: SqlValue) {
        self.position += 1;
        if self.write_varying(self.position - 1) {
            return;
        }
        self.params.push(value);
        let _ = write!(self.out, "?{}", self.params.len());
    }

    /// A quoted identifier.
    pub(crate) fn name(&mut self, name: &str) {
        self.out.push('"');
        self.out.push_str(&name.replace('"', "\"\""));
        self.out.push('"');
    }

    pub(crate) fn node(&mut self, node: &Node) {
        match node {
            Node::Const(value) => self.push(if *value { "1" } else { "0" }),
            Node::And(nodes) => self.list(nodes, " AND "),
            Node::Or(nodes) => self.list(nodes, " OR "),
            Node::Test(test) => self.test(test),
            Node::Any(any) => {
                self.push("EXISTS ");
                self.rows(&any.joins, |sql| sql.node(&any.body));
            }
            Node::None(counter) => {
                self.push("NOT EXISTS ");
                self.rows(&counter.joins, |sql| {
                    sql.push("NOT ");
                    sql.test(&counter.test);
                });
            }
        }
    }

    /// Long lists are bracketed in halves: SQLite bounds the depth of an expression, and a plain list is as deep as long.
    fn list(&mut self, nodes: &[Node], separator: &str) {
        self.push("(");
        if nodes.len() > FLAT {
            let (first, second) = nodes.split_at(nodes.len() / 2);
            self.list(first, separator);
            self.push(separator);
            self.list(second, separator);
        } else {
            for (index, node) in nodes.iter().enumerate() {
                self.push(if index > 0 { separator } else { "" });
                self.node(node);
            }
        }
        self.push(")");
    }

    /// `(SELECT 1 FROM joins WHERE …)`; the first table has one row, so that each join can be a left join.
    fn rows(&mut self, joins: &[Join], condition: impl FnOnce(&mut Self)) {
        self.push("(SELECT 1");
        let before = self.from(joins);
        self.push(" WHERE ");
        condition(self);
        self.open.truncate(before);
        self.push(")");
    }

    /// The first row's value of an operand, NULL if there is none.
    pub(crate) fn first(&mut self, joins: &[Join], operand: &Operand) {
        self.push("(SELECT ");
        let select = self.out.split_off(0);
        let before = self.from(joins);
        let from = std::mem::replace(&mut self.out, select);
        self.operand(operand);
        self.push(&from);
        self.open.truncate(before);
        self.push(" LIMIT 1)");
    }

    fn from(&mut self, joins: &[Join]) -> usize {
        let before = self.open.len();
        self.push(" FROM (SELECT 1)");
        joins.iter().for_each(|join| self.join(join));
        before
    }

    fn join(&mut self, join: &Join) {
        self.aliases += 1;
        let alias = self.aliases;
        self.push(" LEFT JOIN ");
        match join.source.target() {
            Some(target) => {
                let table = self.tables.table(&target.collection);
                let _ = write!(self.out, "{table} AS \"j{alias}\" ON ");
                self.matching(alias, &join.source, target);
            }
            None => {
                self.push("json_each(");
                self.array(&join.source);
                let _ = write!(self.out, ") AS \"j{alias}\"");
            }
        }
        self.open.push((join.id, alias));
    }

    fn array(&mut self, source: &Source) {
        match source {
            Source::Each { at, field } => {
                self.push("CASE WHEN json_valid(");
                self.column(*at, field);
                self.push(") THEN CASE json_type(");
                self.column(*at, field);
                self.push(") WHEN 'array' THEN ");
                self.column(*at, field);
                self.push(" ELSE json_array(");
                self.column(*at, field);
                self.push(") END ELSE json_array(");
                self.column(*at, field);
                self.push(") END");
            }
            Source::Items(items) => self.param(SqlValue::Text(json_array(items))),
            _ => self.push("'[]'"),
        }
    }

    fn matching(&mut self, alias: usize, source: &Source, target: &Target) {
        let _ = write!(self.out, "\"j{alias}\".");
        self.name(TENANT_COLUMN);
        self.push(" = ");
        self.param(SqlValue::Text(target.tenant.as_str().to_owned()));
        match source {
            Source::One { at, field, .. } => {
                let _ = write!(self.out, " AND \"j{alias}\".\"id\" = ");
                self.column(*at, field);
            }
            Source::Member { each, .. } => {
                let _ = write!(self.out, " AND \"j{alias}\".\"id\" = ");
                self.element(*each);
            }
            Source::Ids { ids, .. } => {
                let _ = write!(self.out, " AND \"j{alias}\".\"id\" IN ");
                self.texts(ids.iter().map(|id| &**id));
            }
            Source::Back { key, field, .. } => self.back(alias, key, field),
            Source::All { .. } | Source::Each { .. } | Source::Items(_) => {}
        }
    }

    /// A bracketed list of texts.
    pub(crate) fn texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        self.push("(");
        for (index, text) in texts.enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.param(SqlValue::Text(text.to_owned()));
        }
        self.push(")");
    }

    fn back(&mut self, alias: usize, key: &Key, field: &Column) {
        self.push(" AND ");
        if field.field().kind.is_multiple() {
            self.key(key);
            self.push(" IN (SELECT value FROM json_each(CASE WHEN json_valid(");
            self.aliased(alias, field);
            self.push(") THEN ");
            self.aliased(alias, field);
            self.push(" ELSE '[]' END))");
        } else {
            self.aliased(alias, field);
            self.push(" = ");
            self.key(key);
        }
    }

    fn key(&mut self, key: &Key) {
        match key {
            Key::Row(at) => {
                self.alias(*at);
                self.push(".\"id\"");
            }
            Key::Id(id) => self.param(SqlValue::Text(id.to_string())),
        }
    }

    fn aliased(&mut self, alias: usize, field: &Column) {
        let _ = write!(self.out, "\"j{alias}\".");
        self.name(&field.field().name);
    }

    fn alias(&mut self, at: At) {
        match at {
            At::Root => {
                let _ = write!(self.out, "\"{ROOT}\"");
            }
            At::Join(id) => {
                let alias =
                    self.open.iter().rev().find(|(open, _)| *open == id).map_or(0, |(_, alias)| *alias);
                let _ = write!(self.out, "\"j{alias}\"");
            }
        }
    }

    pub(crate) fn column(&mut self, at: At, field: &Column) {
        self.alias(at);
        self.out.push('.');
        self.name(&field.field().name);
    }

    fn element(&mut self, id: JoinId) {
        self.alias(At::Join(id));
        self.push(".value");
    }

    fn test(&mut self, test: &Test) {
        self.push("(");
        match test {
            Test::Const(value) => self.push(if *value { "1" } else { "0" }),
            Test::Compare { order, left, right, .. } => self.infix(left, order.sql(), right),
            Test::Same { negated, left, right, .. } => {
                self.infix(left, if *negated { " IS NOT " } else { " IS " }, right);
            }
            Test::Empty { negated, of } => {
                self.operand(of);
                self.push(if *negated { " IS NOT '' AND " } else { " = '' OR " });
                self.operand(of);
                self.push(if *negated { " IS NOT NULL" } else { " IS NULL" });
            }
            Test::Merged { negated, left, right } => {
                self.push("COALESCE(");
                let sign = if *negated { ", '') IS NOT COALESCE(" } else { ", '') = COALESCE(" };
                self.infix(left, sign, right);
                self.push(", '')");
            }
            Test::Document { lookup, condition } => self.document(lookup, condition),
            Test::Like { negated, text, pattern, form } => {
                self.operand(text);
                self.push(if *negated { " NOT LIKE " } else { " LIKE " });
                let contains = *form == LikeForm::Contains;
                self.push(if contains { "('%' || " } else { "(" });
                self.operand(pattern);
                self.push(if contains { " || '%')" } else { ")" });
                self.push(if *form == LikeForm::Plain { "" } else { " ESCAPE '\\'" });
            }
        }
        self.push(")");
    }

    fn infix(&mut self, left: &Operand, sign: &str, right: &Operand) {
        self.operand(left);
        self.push(sign);
        self.operand(right);
    }

    pub(crate) fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Value(constant) => self.constant(constant),
            Operand::Macro { of, wrapped } => {
                let value = of.value(self.now);
                let value = if *wrapped {
                    SqlValue::Text(crate::like::wrap(&value.to_text().unwrap_or_default()))
                } else {
                    sql_value(&value)
                };
                self.param(value);
            }
            Operand::Column { at, field } => self.column(*at, field),
            Operand::Extract { at, field, path } => self.extract(*at, field, path),
            Operand::Element(id) => self.element(*id),
            Operand::Length { at, field } => self.length(*at, field),
            Operand::Lower(inner) => {
                self.push("LOWER(");
                self.operand(inner);
                self.push(")");
            }
            Operand::Tenant => {
                self.alias(At::Root);
                self.push(".");
                self.name(TENANT_COLUMN);
            }
            Operand::Apply(function, arguments) => self.function(*function, arguments),
            Operand::Distance(points) => {
                self.push(crate::geo::GEO_DISTANCE);
                self.arguments(&points[..]);
            }
            Operand::Strftime(arguments) => self.strftime(arguments),
            Operand::Truth(node) => {
                self.push("(");
                self.node(node);
                self.push(")");
            }
        }
    }

    pub(crate) fn arguments(&mut self, arguments: &[Operand]) {
        self.push("(");
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.operand(argument);
        }
        self.push(")");
    }

    /// Without a time value it is the time of the question, not that of the database.
    fn strftime(&mut self, arguments: &[Operand]) {
        self.push("strftime");
        if let [format] = arguments {
            self.push("(");
            self.operand(format);
            self.push(", ");
            self.param(SqlValue::Text(self.now.to_text()));
            self.push(")");
        } else {
            self.arguments(arguments);
        }
    }

    fn constant(&mut self, constant: &Constant) {
        let value = sql_value(&constant.value);
        let cast = match (constant.affinity, &value) {
            (Affinity::Text, SqlValue::Text(_)) => Some("TEXT"),
            (Affinity::Numeric, SqlValue::Integer(_) | SqlValue::Real(_)) => Some("NUMERIC"),
            _ => None,
        };
        if let (SqlValue::Null, _) | (SqlValue::Integer(_), None) = (&value, cast) {
            return self.push(&crate::query::literal(&value));
        }
        let Some(name) = cast else { return self.param(value) };
        self.push("CAST(");
        self.param(value);
        let _ = write!(self.out, " AS {name})");
    }

    fn extract(&mut self, at: At, field: &Column, path: &Path) {
        if let [Part::Key(key)] = &*path.0
            && field.is_open_data()
            && crate::document::is_plain(key)
        {
            return self.document_key(at, field, key);
        }
        self.push("(CASE WHEN json_valid(");
        self.column(at, field);
        self.push(") THEN json_extract(");
        self.column(at, field);
        self.push(", ");
        self.param(SqlValue::Text(json_path(path)));
        self.push(")");
        if path.0.is_empty() {
            self.push(" ELSE ");
            self.column(at, field);
        }
        self.push(" END)");
    }

    fn length(&mut self, at: At, field: &Column) {
        let parts = [
            "(CASE WHEN ",
            " IS NULL OR ",
            " = '' THEN 0 WHEN json_valid(",
            ") THEN CASE json_type(",
            ") WHEN 'array' THEN json_array_length(",
        ];
        for part in parts {
            self.push(part);
            self.column(at, field);
        }
        self.push(") ELSE 1 END ELSE 1 END)");
    }
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::NotEqual => " <> ",
            Self::Less => " < ",
            Self::LessOrEqual => " <= ",
            Self::Greater => " > ",
            Self::GreaterOrEqual => " >= ",
        }
    }
}

fn sql_value(scalar: &Scalar<'_>) -> SqlValue {
    match scalar {
        Scalar::Null => SqlValue::Null,
        Scalar::Int(int) => SqlValue::Integer(*int),
        Scalar::Real(real) => SqlValue::Real(*real),
        Scalar::Text(text) => SqlValue::Text(text.to_string()),
    }
}

fn json_array(items: &[Scalar<'_>]) -> String {
    let items = items.iter().map(|item| match item {
        Scalar::Null => serde_json::Value::Null,
        Scalar::Int(int) => (*int).into(),
        Scalar::Real(real) => tidewire_model::json::number(*real),
        Scalar::Text(text) => text.to_string().into(),
    });
    serde_json::Value::Array(items.collect()).to_string()
}

/// Keys have no quotes and backslashes in them.
fn json_path(path: &Path) -> String {
    let mut out = String::from("$");
    for part in path.0.iter() {
        let _ = match part {
            Part::Key(key) => write!(out, ".\"{key}\""),
            Part::Index(index) => write!(out, "[{index}]"),
        };
    }
    out
}
