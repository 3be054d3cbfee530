//! Evaluation in memory on one image of a record.

mod value;

use crate::like::like;
use crate::node::{At, Constant, Counter, Join, JoinId, Key, Node, Operand, Order, Quantified, Source, Test};
use crate::scalar::{Affinity, Scalar};
use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use tidewire_model::{Collection, Record, Timestamp, Value};

pub(crate) use value::{elements, extract, json_scalar, length, stored};

/// SQL's three truths, and a fourth: only the store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    True,
    False,
    Null,
    Ask,
}

/// A value that only the store knows.
pub(crate) struct Unknown;

type Known<T> = Result<T, Unknown>;

/// Rows looked at in one evaluation before the store is asked instead.
const MAX_ROWS: u32 = 100_000;

/// One evaluation.
pub(crate) struct Eval<'a> {
    /// none while constants are folded
    record: Option<&'a Record>,
    /// the record has the definition that the expression was resolved with
    aligned: bool,
    now: Timestamp,
    clock: OnceCell<Box<str>>,
    rows: Cell<u32>,
}

/// The rows that joins stand at, innermost first.
pub(crate) struct Frame<'a> {
    id: JoinId,
    row: Row<'a>,
    outer: Option<&'a Frame<'a>>,
}

#[derive(Clone)]
enum Row<'a> {
    /// no record there: all of its columns are NULL
    Missing,
    Element(Scalar<'a>),
    Unknown,
}

type Rows<'f> = Option<&'f Frame<'f>>;

impl<'a> Eval<'a> {
    pub(crate) fn new(record: &'a Record, collection: &Collection, now: Timestamp) -> Self {
        let aligned = std::ptr::eq(&raw const *record.collection, collection);
        Self { record: Some(record), aligned, now, clock: OnceCell::new(), rows: Cell::new(0) }
    }

    /// For trees that read neither a record nor the clock.
    pub(crate) fn of_constants() -> Self {
        let (clock, rows) = (OnceCell::new(), Cell::new(0));
        Self { record: None, aligned: false, now: Timestamp::default(), clock, rows }
    }

    pub(crate) fn node(&self, node: &'a Node, rows: Rows<'_>) -> Answer {
        match node {
            Node::Const(value) => Answer::from(*value),
            Node::And(nodes) => self.all(nodes, rows),
            Node::Or(nodes) => self.some(nodes, rows),
            Node::Test(test) => self.test(test, rows).unwrap_or(Answer::Ask),
            Node::Any(any) => self.any(any, 0, rows),
            Node::None(counter) => self.none(counter, 0, rows),
        }
    }

    /// A NULL can no more become true, so it decides as FALSE does.
    fn all(&self, nodes: &'a [Node], rows: Rows<'_>) -> Answer {
        let mut answer = Answer::True;
        for node in nodes {
            match self.node(node, rows) {
                Answer::True => {}
                Answer::False => return Answer::False,
                Answer::Null => answer = Answer::Null,
                Answer::Ask if answer == Answer::True => answer = Answer::Ask,
                Answer::Ask => {}
            }
        }
        answer
    }

    fn some(&self, nodes: &'a [Node], rows: Rows<'_>) -> Answer {
        let mut answer = Answer::False;
        for node in nodes {
            match self.node(node, rows) {
                Answer::False => {}
                Answer::True => return Answer::True,
                Answer::Ask => answer = Answer::Ask,
                Answer::Null if answer == Answer::False => answer = Answer::Null,
                Answer::Null => {}
            }
        }
        answer
    }

    /// True if some row makes the body true.
    fn any(&self, any: &'a Quantified, next: usize, outer: Rows<'_>) -> Answer {
        let Some(join) = any.joins.get(next) else { return self.node(&any.body, outer) };
        let mut answer = Answer::False;
        self.each_row(join, outer, |row| match self.any(any, next + 1, Some(row)) {
            Answer::True => {
                answer = Answer::True;
                false
            }
            Answer::Ask => {
                answer = Answer::Ask;
                true
            }
            Answer::False | Answer::Null => true,
        })
        .map_or(Answer::Ask, |()| answer)
    }

    /// False if some row makes the test false.
    fn none(&self, counter: &'a Counter, next: usize, outer: Rows<'_>) -> Answer {
        let Some(join) = counter.joins.get(next) else {
            return match self.test(&counter.test, outer) {
                Ok(Answer::False) => Answer::False,
                Ok(_) => Answer::True,
                Err(Unknown) => Answer::Ask,
            };
        };
        let mut answer = Answer::True;
        self.each_row(join, outer, |row| match self.none(counter, next + 1, Some(row)) {
            Answer::False => {
                answer = Answer::False;
                false
            }
            Answer::Ask => {
                answer = Answer::Ask;
                true
            }
            Answer::True | Answer::Null => true,
        })
        .map_or(Answer::Ask, |()| answer)
    }

    /// Calls `visit` with each row of the join until it returns false.
    fn each_row(
        &self,
        join: &'a Join,
        outer: Rows<'_>,
        mut visit: impl FnMut(&Frame<'_>) -> bool,
    ) -> Known<()> {
        let id = join.id;
        let mut one = |row| {
            visit(&Frame { id, row, outer });
            Ok(())
        };
        let elements = match &join.source {
            Source::Each { at: At::Root, field } => elements(self.field(field.index, &field.field().name)),
            Source::Items(items) => items.iter().map(Scalar::borrowed).collect(),
            Source::Each { at, .. } => return one(self.row(*at, outer)),
            Source::One { at: At::Root, field, .. } => {
                let id = self.field(field.index, &field.field().name).map_or("", Value::as_str);
                return one(if id.is_empty() { Row::Missing } else { Row::Unknown });
            }
            Source::One { at, .. } | Source::Back { key: Key::Row(at @ At::Join(_)), .. } => {
                return one(self.row(*at, outer));
            }
            Source::Member { each, .. } => {
                return one(match self.row(At::Join(*each), outer) {
                    Row::Element(element) if element.is_null_or_empty() => Row::Missing,
                    Row::Missing => Row::Missing,
                    _ => Row::Unknown,
                });
            }
            Source::Ids { ids, .. } if ids.is_empty() => return one(Row::Missing),
            Source::Back { .. } | Source::Ids { .. } | Source::All { .. } => return one(Row::Unknown),
        };
        if elements.is_empty() {
            return one(Row::Missing);
        }
        for element in elements {
            self.rows.set(self.rows.get() + 1);
            if self.rows.get() > MAX_ROWS {
                return Err(Unknown);
            }
            if !visit(&Frame { id, row: Row::Element(element), outer }) {
                break;
            }
        }
        Ok(())
    }

    fn row<'f>(&self, at: At, mut rows: Rows<'f>) -> Row<'f> {
        let At::Join(id) = at else { return Row::Unknown };
        while let Some(frame) = rows {
            if frame.id == id {
                return frame.row.clone();
            }
            rows = frame.outer;
        }
        Row::Unknown
    }

    fn field(&self, index: usize, name: &str) -> Option<&'a Value> {
        let record = self.record?;
        if self.aligned { record.values.get(index) } else { record.get(name) }
    }

    fn test(&self, test: &'a Test, rows: Rows<'_>) -> Known<Answer> {
        Ok(match test {
            Test::Const(value) => Answer::from(*value),
            Test::Document { lookup, condition } => {
                let value = lookup.value(|column| self.field(column.index, &column.field().name));
                Answer::from(condition.matches(value.as_deref()))
            }
            Test::Compare { order, left, right, affinity } => {
                let (left, right) = (self.operand(left, rows)?, self.operand(right, rows)?);
                if left.is_null() || right.is_null() {
                    return Ok(Answer::Null);
                }
                Answer::from(order.holds(left.order(right, *affinity)))
            }
            Test::Same { negated, left, right, affinity } => {
                let (left, right) = (self.operand(left, rows)?, self.operand(right, rows)?);
                Answer::from((left.order(right, *affinity) == Ordering::Equal) != *negated)
            }
            Test::Empty { negated, of } => {
                Answer::from(self.operand(of, rows)?.is_null_or_empty() != *negated)
            }
            Test::Merged { negated, left, right } => {
                let (left, right) = (self.operand(left, rows)?, self.operand(right, rows)?);
                let (left, right) = (or_empty(left), or_empty(right));
                Answer::from((left.order(right, Affinity::None) == Ordering::Equal) != *negated)
            }
            Test::Like { negated, text, pattern, form } => {
                let (text, pattern) = (self.operand(text, rows)?, self.operand(pattern, rows)?);
                let (Some(text), Some(pattern)) = (text.to_text(), pattern.to_text()) else {
                    return Ok(Answer::Null);
                };
                like(&text, &pattern, *form).map_or(Answer::Null, |found| Answer::from(found != *negated))
            }
        })
    }

    pub(crate) fn operand<'s>(&'s self, operand: &'a Operand, rows: Rows<'s>) -> Known<Scalar<'s>> {
        match operand {
            Operand::Value(Constant { value, .. }) => Ok(value.borrowed()),
            Operand::Column { at: At::Root, field } => {
                Ok(stored(self.field(field.index, &field.field().name)))
            }
            Operand::Extract { at: At::Root, field, path } => {
                Ok(extract(self.field(field.index, &field.field().name), path))
            }
            Operand::Length { at: At::Root, field } => {
                Ok(Scalar::Int(length(self.field(field.index, &field.field().name))))
            }
            Operand::Column { at, .. } | Operand::Extract { at, .. } => self.missing(*at, rows, Scalar::Null),
            Operand::Length { at, .. } => self.missing(*at, rows, Scalar::Int(0)),
            Operand::Element(id) => match self.row(At::Join(*id), rows) {
                Row::Missing => Ok(Scalar::Null),
                Row::Element(element) => Ok(element),
                Row::Unknown => Err(Unknown),
            },
            Operand::Lower(inner) => Ok(self.operand(inner, rows)?.lower()),
            Operand::Apply(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.operand(argument, rows)?);
                }
                Ok(function.apply(&values))
            }
            Operand::Tenant => {
                Ok(self.record.map_or(Scalar::Null, |record| Scalar::text(record.tenant.as_str())))
            }
            Operand::Macro { of, wrapped } => Ok(self.time(*of, *wrapped)),
            Operand::Distance(points) => {
                let mut numbers = [None; 4];
                for (number, point) in numbers.iter_mut().zip(points.iter()) {
                    *number = self.operand(point, rows)?.to_number();
                }
                Ok(crate::geo::distance(numbers).map_or(Scalar::Null, Scalar::Real))
            }
            Operand::Strftime(arguments) => self.strftime(arguments, rows),
            Operand::Truth(node) => match self.node(node, rows) {
                Answer::True => Ok(Scalar::Int(1)),
                Answer::False => Ok(Scalar::Int(0)),
                Answer::Null => Ok(Scalar::Null),
                Answer::Ask => Err(Unknown),
            },
        }
    }

    /// What a column of a joined row is: known only if there is no such row.
    fn missing<'s>(&self, at: At, rows: Rows<'s>, value: Scalar<'s>) -> Known<Scalar<'s>> {
        match self.row(at, rows) {
            Row::Missing => Ok(value),
            _ => Err(Unknown),
        }
    }

    fn time(&self, of: crate::clock::Macro, wrapped: bool) -> Scalar<'_> {
        if of == crate::clock::Macro::Now && !wrapped {
            return Scalar::text(self.clock.get_or_init(|| self.now.to_text().into()));
        }
        let value = of.value(self.now);
        if !wrapped {
            return value;
        }
        let text = value.to_text().unwrap_or_default();
        Scalar::Text(crate::like::wrap(&text).into())
    }

    fn strftime<'s>(&'s self, arguments: &'a [Operand], rows: Rows<'s>) -> Known<Scalar<'s>> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.operand(argument, rows)?);
        }
        crate::strftime::strftime(&values, self.now).ok_or(Unknown)
    }
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

fn or_empty(scalar: Scalar<'_>) -> Scalar<'_> {
    if scalar.is_null() { Scalar::EMPTY } else { scalar }
}
