//! The bound tree: what a residual consists of.

use crate::clock::Macro;
use crate::document::{Condition, Lookup};
use crate::function::Function;
use crate::like::wrap;
use crate::scalar::{Affinity, Scalar};
use std::sync::Arc;
use tidewire_model::field::FieldKind;
use tidewire_model::{Collection, Field, TenantId};

pub(crate) type JoinId = u32;

/// The row that a column is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// the record in question
    Root,
    Join(JoinId),
}

/// Conditions without NOT, so that a row can be looked for as deep in the tree as it is used.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Const(bool),
    And(Vec<Node>),
    Or(Vec<Node>),
    Test(Box<Test>),
    /// some row of the joins fulfils the body
    Any(Box<Quantified>),
    /// no row of the joins makes the test false
    None(Box<Counter>),
}

#[derive(Clone, Debug)]
pub(crate) struct Quantified {
    /// each after those it depends on
    pub(crate) joins: Vec<Join>,
    pub(crate) body: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) joins: Vec<Join>,
    pub(crate) test: Test,
}

/// A set of rows beside the record, always left joined: without a match it is one row of NULLs.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) id: JoinId,
    pub(crate) source: Source,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// the record whose id is in the column
    One { at: At, field: Column, target: Target },
    /// the elements of the column
    Each { at: At, field: Column },
    /// constant elements
    Items(Arc<[Scalar<'static>]>),
    /// the record whose id is the element
    Member { each: JoinId, target: Target },
    /// the records whose relation names the row, or a constant id
    Back { key: Key, field: Column, target: Target },
    /// the records with these ids
    Ids { ids: Arc<[Box<str>]>, target: Target },
    /// all records; one row per alias
    All { alias: Box<str>, target: Target },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Row(At),
    Id(Box<str>),
}

/// A collection that is joined, and the tenant whose rows are seen.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) collection: Arc<Collection>,
    pub(crate) tenant: TenantId,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.collection.id == other.collection.id && self.tenant == other.tenant
    }
}

/// One field of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) of: Arc<Collection>,
    pub(crate) index: usize,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.of.id == other.of.id
    }
}

impl Column {
    pub(crate) fn named(of: &Arc<Collection>, name: &str) -> Option<Self> {
        Some(Self { of: of.clone(), index: of.field_index(name)? })
    }

    pub(crate) fn field(&self) -> &Field {
        &self.of.fields[self.index]
    }

    pub(crate) fn affinity(&self) -> Affinity {
        affinity(&self.field().kind)
    }

    /// True for the column that holds the keys of an open collection.
    pub(crate) fn is_open_data(&self) -> bool {
        self.of.open && &*self.field().name == Collection::DATA
    }
}

pub(crate) fn affinity(kind: &FieldKind) -> Affinity {
    match kind {
        FieldKind::Number(_) | FieldKind::Bool {} | FieldKind::Json(_) | FieldKind::GeoPoint {} => {
            Affinity::Numeric
        }
        kind if kind.is_multiple() => Affinity::Numeric,
        _ => Affinity::Text,
    }
}

/// Select, relation and file fields: those that can be told to hold several values.
pub(crate) fn is_multi_capable(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Select(_) | FieldKind::Relation(_) | FieldKind::File(_))
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// NULL if a side is
    Compare {
        order: Order,
        left: Operand,
        right: Operand,
        affinity: Affinity,
    },
    /// NULL is a value like others
    Same {
        negated: bool,
        left: Operand,
        right: Operand,
        affinity: Affinity,
    },
    /// NULL or ""
    Empty {
        negated: bool,
        of: Operand,
    },
    /// NULL and "" are the same, nothing is converted
    Merged {
        negated: bool,
        left: Operand,
        right: Operand,
    },
    Like {
        negated: bool,
        text: Operand,
        pattern: Operand,
        form: LikeForm,
    },
    /// a condition of a CocoBase filter
    Document {
        lookup: Arc<Lookup>,
        condition: Arc<Condition>,
    },
    Const(bool),
}

/// How the pattern of a LIKE is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LikeForm {
    /// with `\` as escape character
    Escaped,
    /// the same between two `%`
    Contains,
    /// without an escape character
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Value(Constant),
    Macro {
        of: Macro,
        wrapped: bool,
    },
    Column {
        at: At,
        field: Column,
    },
    /// a part of a JSON column
    Extract {
        at: At,
        field: Column,
        path: Path,
    },
    /// the element of a join of elements
    Element(JoinId),
    Length {
        at: At,
        field: Column,
    },
    /// the tenant of the record in question
    Tenant,
    Lower(Box<Operand>),
    Apply(Function, Box<[Operand]>),
    /// kilometres between two points
    Distance(Box<[Operand; 4]>),
    /// format, time value, modifiers
    Strftime(Vec<Operand>),
    /// 1, 0 or NULL
    Truth(Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    pub(crate) value: Scalar<'static>,
    pub(crate) affinity: Affinity,
    /// it came from a text or a request: LIKE makes it a pattern
    pub(crate) literal: bool,
}

/// Keys and indexes into a JSON value.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Path(pub(crate) Arc<[Part]>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Key(Box<str>),
    Index(usize),
}

impl Operand {
    pub(crate) const NULL: Self =
        Self::Value(Constant { value: Scalar::Null, affinity: Affinity::None, literal: false });

    pub(crate) fn text(text: &str) -> Self {
        Self::Value(Constant {
            value: Scalar::text(text).into_owned(),
            affinity: Affinity::None,
            literal: true,
        })
    }

    pub(crate) fn int(value: i64) -> Self {
        Self::Value(Constant { value: Scalar::Int(value), affinity: Affinity::None, literal: false })
    }

    pub(crate) fn affinity(&self) -> Affinity {
        match self {
            Self::Value(constant) => constant.affinity,
            Self::Column { field, .. } => field.affinity(),
            Self::Element(_) => Affinity::Blob,
            _ => Affinity::None,
        }
    }

    /// The operand as the pattern of a LIKE: each literal in it wrapped in `%`.
    pub(crate) fn to_pattern(&self) -> Self {
        match self {
            Self::Value(constant) if constant.literal => {
                let text = match &constant.value {
                    Scalar::Real(real) => wrap(&real.to_string()),
                    other => wrap(&other.to_text().unwrap_or_default()),
                };
                Self::text(&text)
            }
            Self::Macro { of, .. } => Self::Macro { of: *of, wrapped: true },
            Self::Lower(inner) => Self::Lower(Box::new(inner.to_pattern())),
            Self::Strftime(arguments) => Self::Strftime(arguments.iter().map(Self::to_pattern).collect()),
            Self::Distance(arguments) => Self::Distance(Box::new(arguments.each_ref().map(Self::to_pattern))),
            other => other.clone(),
        }
    }

    /// Calls `visit` for this operand and all inside of it.
    pub(crate) fn walk(&self, visit: &mut dyn FnMut(&Operand)) {
        visit(self);
        match self {
            Self::Lower(inner) => inner.walk(visit),
            Self::Apply(_, arguments) => arguments.iter().for_each(|argument| argument.walk(visit)),
            Self::Strftime(arguments) => arguments.iter().for_each(|argument| argument.walk(visit)),
            Self::Distance(arguments) => arguments.iter().for_each(|argument| argument.walk(visit)),
            Self::Truth(node) => node.walk_tests(&mut |test| test.walk(visit)),
            _ => {}
        }
    }
}

impl Test {
    pub(crate) fn operands(&self) -> [Option<&Operand>; 2] {
        match self {
            Self::Compare { left, right, .. }
            | Self::Same { left, right, .. }
            | Self::Merged { left, right, .. } => [Some(left), Some(right)],
            Self::Like { text, pattern, .. } => [Some(text), Some(pattern)],
            Self::Empty { of, .. } => [Some(of), None],
            Self::Document { .. } | Self::Const(_) => [None, None],
        }
    }

    pub(crate) fn walk(&self, visit: &mut dyn FnMut(&Operand)) {
        self.operands().into_iter().flatten().for_each(|operand| operand.walk(visit));
    }
}

impl Node {
    pub(crate) fn walk_tests(&self, visit: &mut dyn FnMut(&Test)) {
        match self {
            Self::Const(_) => {}
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().for_each(|node| node.walk_tests(visit)),
            Self::Test(test) => visit(test),
            Self::Any(any) => any.body.walk_tests(visit),
            Self::None(counter) => visit(&counter.test),
        }
    }

    /// All of them; nested conjunctions become one, constants are folded.
    pub(crate) fn all(nodes: impl IntoIterator<Item = Node>) -> Self {
        let mut kept = Vec::new();
        for node in nodes {
            match node {
                Self::Const(true) => {}
                Self::Const(false) => return Self::Const(false),
                Self::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        Self::single(kept, Self::And, true)
    }

    /// One of them at least.
    pub(crate) fn some(nodes: impl IntoIterator<Item = Node>) -> Self {
        let mut kept = Vec::new();
        for node in nodes {
            match node {
                Self::Const(false) => {}
                Self::Const(true) => return Self::Const(true),
                Self::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        Self::single(kept, Self::Or, false)
    }

    fn single(mut kept: Vec<Node>, several: fn(Vec<Node>) -> Node, empty: bool) -> Self {
        match kept.len() {
            0 => Self::Const(empty),
            1 => kept.remove(0),
            _ => several(kept),
        }
    }
}

impl Order {
    /// Its opposite where neither side is NULL.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Greater => Self::LessOrEqual,
            Self::LessOrEqual => Self::Greater,
        }
    }
}

impl Source {
    /// The row that it hangs on, if it is not constant or free.
    pub(crate) fn parent(&self) -> Option<At> {
        match self {
            Self::One { at, .. } | Self::Each { at, .. } | Self::Back { key: Key::Row(at), .. } => Some(*at),
            Self::Member { each, .. } => Some(At::Join(*each)),
            Self::Items(_) | Self::Ids { .. } | Self::All { .. } | Self::Back { .. } => None,
        }
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::One { target, .. }
            | Self::Member { target, .. }
            | Self::Back { target, .. }
            | Self::Ids { target, .. }
            | Self::All { target, .. } => Some(target),
            Self::Each { .. } | Self::Items(_) => None,
        }
    }
}
