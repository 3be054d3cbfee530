//! One operator with its value: the same function decides in memory and in SQL.

use super::operator::Operator;
use super::text::{instant, number, parsed, text};
use crate::query::SqlValue;
use crate::scalar::{Affinity, Scalar};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Name of the SQL function that statements call for a filter: form and value of a field, and the test as text.
pub const DOCUMENT_TEST: &str = "tw_document_test";

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    operator: Operator,
    /// one, or the items of a list
    wanted: Box<[Wanted]>,
}

#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    text: Box<str>,
    /// for the operators that know no case
    lower: Box<str>,
    number: Option<Scalar<'static>>,
    instant: Option<i128>,
    /// it came as a string
    is_text: bool,
}

impl Wanted {
    fn new(text: &str, is_text: bool) -> Self {
        let (number, instant) = (parsed(text), instant(text));
        Self { text: text.into(), lower: text.to_lowercase().into(), number, instant, is_text }
    }
}

impl Condition {
    pub(super) fn new(operator: Operator, value: &Json) -> Self {
        let items = match (value, operator.takes_list()) {
            (Json::Array(items), true) => items.iter().map(|item| Wanted::new(&text(item), true)).collect(),
            (Json::Array(items), false) => {
                let texts: Vec<_> = items.iter().map(text).collect();
                vec![Wanted::new(&texts.join(","), false)]
            }
            (value, true) => {
                let whole = text(value);
                let items = whole.split(',').map(str::trim).filter(|_| !whole.is_empty());
                items.map(|item| Wanted::new(item, true)).collect()
            }
            (value, false) => vec![Wanted::new(&text(value), value.is_string())],
        };
        Self { operator, wanted: items.into() }
    }

    /// Bytes of all values.
    pub(super) fn size(&self) -> usize {
        self.wanted.iter().map(|wanted| wanted.text.len()).sum()
    }

    pub(crate) fn matches(&self, value: Option<&Json>) -> bool {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return self.operator == Operator::IsNull && self.wants_null();
        };
        let first = self.wanted.first();
        let holds = |test: fn(&Json, &Wanted) -> bool| first.is_some_and(|wanted| test(value, wanted));
        let ordered =
            |fits: fn(Ordering) -> bool| first.and_then(|wanted| order(value, wanted)).is_some_and(fits);
        match self.operator {
            Operator::Equal => holds(equals),
            Operator::NotEqual => !holds(equals),
            Operator::Greater => ordered(Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(Ordering::is_ge),
            Operator::Less => ordered(Ordering::is_lt),
            Operator::LessOrEqual => ordered(Ordering::is_le),
            Operator::Contains => holds(|value, wanted| lower(value).contains(&*wanted.lower)),
            Operator::StartsWith => holds(|value, wanted| lower(value).starts_with(&*wanted.lower)),
            Operator::EndsWith => holds(|value, wanted| lower(value).ends_with(&*wanted.lower)),
            Operator::In => self.wanted.iter().any(|wanted| equals(value, wanted)),
            Operator::NotIn => !self.wanted.iter().any(|wanted| equals(value, wanted)),
            Operator::IsNull => !self.wants_null(),
        }
    }

    fn wants_null(&self) -> bool {
        self.wanted.first().is_some_and(|wanted| matches!(&*wanted.lower, "true" | "1" | "yes"))
    }

    /// The texts of which a value must equal one; none if the operator asks something else.
    pub(crate) fn equal_to(&self) -> Option<impl Iterator<Item = &str> + Clone> {
        matches!(self.operator, Operator::Equal | Operator::In)
            .then(|| self.wanted.iter().map(|wanted| &*wanted.text))
    }

    /// What `json_extract` gives for scalars that can equal one of the texts; lists are not among them.
    pub(crate) fn equal_scalars(&self) -> Option<Vec<SqlValue>> {
        if !matches!(self.operator, Operator::Equal | Operator::In) {
            return None;
        }
        let mut values = Vec::new();
        for wanted in &self.wanted {
            values.push(SqlValue::Text(wanted.text.to_string()));
            match &wanted.number {
                Some(Scalar::Int(int)) => values.push(SqlValue::Integer(*int)),
                Some(Scalar::Real(real)) => values.push(SqlValue::Real(*real)),
                _ => {}
            }
            match &*wanted.lower {
                "true" => values.push(SqlValue::Integer(1)),
                "false" => values.push(SqlValue::Integer(0)),
                _ => {}
            }
        }
        Some(values)
    }

    /// The condition as text, equal exactly for equal conditions: operator, then the values, marked where strings differ.
    pub(crate) fn write(&self, out: &mut String) {
        let mut parts = vec![Json::from(self.operator.name())];
        for wanted in &self.wanted {
            parts.push(Json::from(&*wanted.text));
            if self.operator.is_order() {
                parts.push(Json::Bool(wanted.is_text));
            }
        }
        out.push_str(&Json::Array(parts).to_string());
    }

    fn read(text: &str) -> Option<Self> {
        let Json::Array(parts) = serde_json::from_str(text).ok()? else { return None };
        let mut parts = parts.into_iter().peekable();
        let operator = Operator::named(parts.next()?.as_str()?)?;
        let mut wanted = Vec::new();
        while let Some(part) = parts.next() {
            let is_text = parts.next_if(Json::is_boolean).is_none_or(|flag| flag == Json::Bool(true));
            wanted.push(Wanted::new(part.as_str()?, is_text));
        }
        Some(Self { operator, wanted: wanted.into() })
    }
}

/// In which form a statement hands a value over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueForm {
    /// JSON text
    Json,
    /// a column of texts
    Text,
    /// a column of times
    Time,
    Number,
    Bool,
}

impl ValueForm {
    pub(crate) fn code(self) -> i64 {
        self as i64
    }

    fn of_code(code: i64) -> Option<Self> {
        [Self::Json, Self::Text, Self::Time, Self::Number, Self::Bool]
            .into_iter()
            .find(|form| form.code() == code)
    }
}

/// A test as a statement hands it over, read once per statement.
#[derive(Clone, Debug)]
pub struct DocumentTest(Condition, Box<[Box<str>]>);

impl DocumentTest {
    /// Reads the third argument of [`DOCUMENT_TEST`]: the condition, or the names that lead to the value before it.
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once('\n') {
            Some((names, condition)) => {
                let names: Vec<Box<str>> = serde_json::from_str(names).ok()?;
                Some(Self(Condition::read(condition)?, names.into()))
            }
            None => Some(Self(Condition::read(text)?, Box::default())),
        }
    }

    /// Judges a value in the form that the first argument of [`DOCUMENT_TEST`] tells.
    pub fn matches(&self, form: i64, value: SqlValue) -> bool {
        let value = ValueForm::of_code(form).map_or(Json::Null, |form| json(form, value));
        let found = self.1.first().map_or(Some(&value), |name| super::lookup::find(&value, name));
        self.0.matches(found)
    }
}

fn json(form: ValueForm, value: SqlValue) -> Json {
    match (form, value) {
        (_, SqlValue::Null) => Json::Null,
        (ValueForm::Json, SqlValue::Text(text)) => serde_json::from_str(&text).unwrap_or(Json::Null),
        (ValueForm::Time, SqlValue::Text(text)) => super::text::shown_time(&text).into(),
        (ValueForm::Bool, SqlValue::Integer(value)) => Json::Bool(value != 0),
        (_, SqlValue::Text(text)) => text.into(),
        (_, SqlValue::Integer(int)) => int.into(),
        (_, SqlValue::Real(real)) => tidewire_model::json::number(real),
    }
}

fn equals(value: &Json, wanted: &Wanted) -> bool {
    match value {
        Json::Null => false,
        Json::String(text) => **text == *wanted.text,
        Json::Number(found) => wanted
            .number
            .as_ref()
            .is_some_and(|wanted| number(found).order(wanted.borrowed(), Affinity::None).is_eq()),
        Json::Bool(value) => *wanted.lower == *if *value { "true" } else { "false" },
        Json::Array(items) => items.iter().any(|item| equals(item, wanted)) || *text(value) == *wanted.text,
        Json::Object(_) => *text(value) == *wanted.text,
    }
}

/// Numbers as numbers, else texts as moments or byte by byte; nothing else has an order.
fn order(value: &Json, wanted: &Wanted) -> Option<Ordering> {
    let found = match value {
        Json::Number(found) => Some(number(found)),
        Json::String(text) => parsed(text),
        _ => None,
    };
    if let (Some(found), Some(wanted)) = (found, &wanted.number) {
        return Some(found.order(wanted.borrowed(), Affinity::None));
    }
    let text = value.as_str().filter(|_| wanted.is_text)?;
    match (instant(text), wanted.instant) {
        (Some(found), Some(wanted)) => Some(found.cmp(&wanted)),
        _ => Some(text.as_bytes().cmp(wanted.text.as_bytes())),
    }
}

fn lower(value: &Json) -> Cow<'_, str> {
    Cow::Owned(text(value).to_lowercase())
}
