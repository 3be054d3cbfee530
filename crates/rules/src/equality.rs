//! Necessary equalities: what an index of classes can look up.

use crate::document::{Condition, Lookup};
use crate::node::{At, Constant, Node, Operand, Order, Part, Test};
use crate::residual::{Equality, Facet};
use crate::scalar::{Affinity, Scalar};
use std::sync::Arc;
use tidewire_model::Value;
use tidewire_model::field::FieldKind;

/// More values than this are not worth an index.
const MAX_VALUES: usize = 256;

pub(crate) fn equality(node: &Node) -> Option<Equality> {
    candidates(node).into_iter().min_by_key(cost)
}

/// The id first, then texts before numbers, few values before many; "" is in many records.
fn cost(equality: &Equality) -> (bool, bool, bool, usize) {
    let is_text = equality.values.iter().all(|value| matches!(value, Value::Text(_)));
    let has_zero = equality.values.iter().any(Value::is_zero);
    (!equality.field.is_id(), has_zero, !is_text, equality.values.len())
}

fn candidates(node: &Node) -> Vec<Equality> {
    match node {
        Node::Test(test) => of_test(test).into_iter().collect(),
        Node::And(nodes) => nodes.iter().flat_map(candidates).collect(),
        Node::Or(nodes) => of_alternatives(nodes),
        Node::Any(any) => candidates(&any.body),
        Node::Const(_) | Node::None(_) => Vec::new(),
    }
}

/// Fields that every alternative restricts.
fn of_alternatives(nodes: &[Node]) -> Vec<Equality> {
    let mut nodes = nodes.iter();
    let mut found = nodes.next().map(candidates).unwrap_or_default();
    for node in nodes {
        let others = candidates(node);
        found.retain_mut(|equality| {
            let Some(other) = others.iter().find(|other| other.field == equality.field) else { return false };
            for value in &other.values {
                if !equality.values.contains(value) {
                    equality.values.push(value.clone());
                }
            }
            equality.values.len() <= MAX_VALUES
        });
        if found.is_empty() {
            break;
        }
    }
    found
}

fn of_test(test: &Test) -> Option<Equality> {
    let (column, value) = match test {
        Test::Compare { order: Order::Equal, left, right, .. }
        | Test::Same { negated: false, left, right, .. } => match (left, right) {
            (column, Operand::Value(value)) | (Operand::Value(value), column) => (column, value.clone()),
            _ => return None,
        },
        Test::Empty { negated: false, of } => (of, empty()),
        Test::Document { lookup, condition } => return of_document(lookup, condition),
        _ => return None,
    };
    match column {
        Operand::Column { at: At::Root, field } => {
            let mut values = vec![value_of(&field.field().kind, &value)?];
            if field.field().nullable && matches!(test, Test::Empty { .. }) {
                values.push(Value::Null);
            }
            Some(Equality { field: Facet::field(&field.field().name), values })
        }
        // the value of a key in SQLite's sense; NULL equals what is missing
        Operand::Extract { at: At::Root, field, path } if field.is_open_data() => {
            let ([Part::Key(key)], Some(text)) = (&*path.0, value.value.to_text()) else { return None };
            let (lookup, _) = Lookup::new(&field.of, key);
            lookup.plain_key()?;
            let values = vec![Facet::document_value(&text)];
            Some(Equality { field: Facet::document(Arc::new(lookup)), values })
        }
        _ => None,
    }
}

fn of_document(lookup: &Arc<Lookup>, condition: &Condition) -> Option<Equality> {
    let texts = condition.equal_to()?;
    if texts.clone().count() > MAX_VALUES {
        return None;
    }
    let field = match lookup.text_field() {
        Some(name) => {
            return Some(Equality { field: Facet::field(name), values: texts.map(Value::text).collect() });
        }
        None => Facet::document(lookup.clone()),
    };
    Some(Equality { field, values: texts.map(Facet::document_value).collect() })
}

fn empty() -> Constant {
    Constant { value: Scalar::EMPTY, affinity: Affinity::None, literal: true }
}

/// The field value that a column must have to equal the constant.
fn value_of(kind: &FieldKind, constant: &Constant) -> Option<Value> {
    let number = |scalar: &Scalar<'_>| match scalar {
        Scalar::Int(int) => Some(*int as f64),
        Scalar::Real(real) => Some(*real),
        _ => None,
    };
    match kind {
        FieldKind::Number(_) => {
            number(&constant.value).map(|number| Value::Number(if number == 0.0 { 0.0 } else { number }))
        }
        FieldKind::Bool {} => match number(&constant.value)? {
            1.0 => Some(Value::Bool(true)),
            0.0 => Some(Value::Bool(false)),
            _ => None,
        },
        FieldKind::Json(_) | FieldKind::GeoPoint {} => None,
        kind if kind.is_multiple() => None,
        // a column of numbers beside it would turn both into numbers
        _ if constant.affinity == Affinity::Numeric => None,
        _ => constant.value.to_text().map(|text| Value::text(&text)),
    }
}

/// Keys of open collections that the node demands to equal a constant, in such words that an index can find them.
pub(crate) fn document_keys<'a>(node: &'a Node, keys: &mut Vec<&'a str>) {
    match node {
        Node::And(nodes) => nodes.iter().for_each(|node| document_keys(node, keys)),
        Node::Test(test) => keys.extend(document_key(test)),
        _ => {}
    }
}

fn document_key(test: &Test) -> Option<&str> {
    let column = match test {
        Test::Document { lookup, condition } => {
            return lookup.plain_key().filter(|_| condition.equal_to().is_some()).map(|(_, key)| key);
        }
        Test::Compare { order: Order::Equal, left, right, .. }
        | Test::Same { negated: false, left, right, .. } => match (left, right) {
            (column, Operand::Value(_)) | (Operand::Value(_), column) => column,
            _ => return None,
        },
        _ => return None,
    };
    match column {
        Operand::Extract { at: At::Root, field, path } if field.is_open_data() => match &*path.0 {
            [Part::Key(key)] if crate::document::is_plain(key) => Some(key),
            _ => None,
        },
        _ => None,
    }
}
