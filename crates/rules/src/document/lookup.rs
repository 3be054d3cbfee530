//! Where a name of a filter leads: a key of a document, a field of a typed record, or nowhere.

use super::text::{number_text, parsed, shown_time};
use crate::node::{At, Column, Node, Operand, Order, Part, Path, Test};
use crate::scalar::{Affinity, Scalar};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;
use tidewire_model::{Collection, Field, FieldKind, Record, Value};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lookup {
    /// a key of `data`, else a path in it, else what every document has
    Key {
        data: Column,
        name: Box<str>,
        system: Option<System>,
    },
    /// a field of a typed record, or a path in it
    Field {
        field: Column,
        path: Option<Box<str>>,
    },
    Constant(Option<Box<str>>),
}

/// What a document has besides its own keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum System {
    Field(Column),
    Collection(Box<str>),
}

impl Lookup {
    /// With a condition that must hold besides, if the value is not everybody's.
    pub(crate) fn new(collection: &Arc<Collection>, name: &str) -> (Self, Option<Node>) {
        if collection.open
            && let Some(data) = Column::named(collection, Collection::DATA)
        {
            return (Self::Key { data, name: name.into(), system: System::named(collection, name) }, None);
        }
        let visible = |name: &str| Column::named(collection, name).filter(|field| is_open(field.field()));
        if let Some(field) = visible(name) {
            let guard = public_email(collection, name);
            return (Self::Field { field, path: None }, guard);
        }
        if let Some((first, rest)) = name.split_once('.')
            && let Some(field) =
                visible(first).filter(|field| matches!(field.field().kind, FieldKind::Json(_)))
        {
            return (Self::Field { field, path: Some(rest.into()) }, None);
        }
        match System::named(collection, name) {
            Some(System::Field(field)) => (Self::Field { field, path: None }, None),
            Some(System::Collection(id)) => (Self::Constant(Some(id)), None),
            None => (Self::Constant(None), None),
        }
    }

    /// The value, if it is the same for every record.
    pub(crate) fn constant(&self) -> Option<Option<Json>> {
        match self {
            Self::Constant(value) => Some(value.as_deref().map(Json::from)),
            _ => None,
        }
    }

    /// The value in a record, whose fields `get` reads.
    pub(crate) fn value<'a>(&self, get: impl Fn(&Column) -> Option<&'a Value>) -> Option<Cow<'a, Json>> {
        match self {
            Self::Key { data, name, system } => {
                let own = match get(data) {
                    Some(Value::Json(json)) => find(json, name),
                    _ => None,
                };
                own.map(Cow::Borrowed).or_else(|| match system.as_ref()? {
                    System::Field(field) => field_json(field, get(field)),
                    System::Collection(id) => Some(Cow::Owned(Json::from(&**id))),
                })
            }
            Self::Field { field, path } => match (get(field), path) {
                (Some(Value::Json(json)), Some(path)) => find(json, path).map(Cow::Borrowed),
                (_, Some(_)) => None,
                (value, None) => field_json(field, value),
            },
            Self::Constant(value) => value.as_deref().map(|text| Cow::Owned(Json::from(text))),
        }
    }

    pub(crate) fn value_of<'a>(&self, record: &'a Record) -> Option<Cow<'a, Json>> {
        self.value(|column| record.get(&column.field().name))
    }

    /// The key of an open collection whose value alone decides, and by which an index can be made.
    pub(crate) fn plain_key(&self) -> Option<(&Column, &str)> {
        match self {
            Self::Key { data, name, system: None } if is_plain(name) => Some((data, name)),
            _ => None,
        }
    }

    /// What a sort compares: scalars as SQLite orders them.
    pub(crate) fn operand(&self) -> Option<Operand> {
        let at = At::Root;
        let (field, parts): (&Column, Vec<&str>) = match self {
            Self::Key { system: Some(System::Field(field)), .. } => (field, Vec::new()),
            Self::Key { system: Some(System::Collection(_)), .. } | Self::Constant(_) => return None,
            Self::Key { data, name, .. } => (data, name.split('.').collect()),
            Self::Field { field, path: Some(path) } => (field, path.split('.').collect()),
            Self::Field { field, path: None } => (field, Vec::new()),
        };
        if !parts.iter().all(|part| is_plain(part)) {
            return None;
        }
        let field = field.clone();
        if parts.is_empty() && !matches!(field.field().kind, FieldKind::Json(_)) {
            return Some(Operand::Column { at, field });
        }
        let path = Path(parts.into_iter().map(|part| Part::Key(part.into())).collect());
        Some(Operand::Extract { at, field, path })
    }

    /// The field of a typed record whose text alone decides.
    pub(crate) fn text_field(&self) -> Option<&str> {
        let Self::Field { field, path: None } = self else { return None };
        match &field.field().kind {
            FieldKind::Number(_) | FieldKind::Bool {} | FieldKind::Json(_) => None,
            FieldKind::GeoPoint {} | FieldKind::Autodate(_) => None,
            kind if kind.is_multiple() => None,
            _ => Some(&field.field().name),
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        let (tag, name) = match self {
            Self::Key { name, .. } => ('k', &**name),
            Self::Field { field, .. } => ('f', &*field.field().name),
            Self::Constant(value) => ('c', value.as_deref().unwrap_or("")),
        };
        let path = match self {
            Self::Field { path: Some(path), .. } => path,
            _ => "",
        };
        for part in [name, path] {
            out.push_str(&format!("{tag}{}:{part}", part.len()));
        }
    }
}

/// Documents show masks to whoever may not see more, and filters do not look behind them.
fn is_open(field: &Field) -> bool {
    !(field.hidden || field.is_encrypted() || field.is_personal())
}

impl System {
    fn named(collection: &Arc<Collection>, name: &str) -> Option<Self> {
        let field =
            |names: &[&str]| names.iter().find_map(|name| Column::named(collection, name)).map(System::Field);
        match name {
            "id" => field(&["id"]),
            "created_at" => field(&["created_at", "created"]),
            "updated_at" => field(&["updated_at", "updated"]),
            "collection_id" => Some(System::Collection(collection.id.clone())),
            _ => None,
        }
    }
}

/// True for names that a path of SQLite can quote and that mean one key.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\' | '.'))
}

/// The key of that name, else the value that its dotted parts lead to.
pub(crate) fn find<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    let map = json.as_object()?;
    if let Some(value) = map.get(name) {
        return Some(value);
    }
    if !name.contains('.') {
        return None;
    }
    name.split('.').try_fold(json, |json, part| json.as_object()?.get(part))
}

fn field_json<'a>(field: &Column, value: Option<&'a Value>) -> Option<Cow<'a, Json>> {
    match value? {
        Value::Json(json) => Some(Cow::Borrowed(json)),
        Value::Text(text) if matches!(field.field().kind, FieldKind::Autodate(_)) => {
            Some(Cow::Owned(shown_time(text).into()))
        }
        other => Some(Cow::Owned(other.to_json())),
    }
}

/// Addresses are those of people: only the ones that their owners show can be asked for.
fn public_email(collection: &Arc<Collection>, name: &str) -> Option<Node> {
    if !collection.is_auth() || name != "email" {
        return None;
    }
    let Some(field) = Column::named(collection, "emailVisibility") else { return Some(Node::Const(false)) };
    let left = Operand::Column { at: At::Root, field };
    let affinity = Affinity::Numeric;
    let test = Test::Compare { order: Order::Equal, left, right: Operand::int(1), affinity };
    Some(Node::Test(Box::new(test)))
}

/// Texts of which two values have one in common if they can be equal, in CocoBase's sense or in SQLite's: a number and its
/// text are, true is "true" and 1, a list is each of its elements.
pub(crate) fn canonical_texts(value: &Json, visit: &mut dyn FnMut(&str)) {
    match value {
        Json::Null => {}
        Json::String(text) => visit(&canonical(text)),
        Json::Number(number) => visit(&canonical(&number_text(number))),
        Json::Bool(value) => {
            visit(if *value { "true" } else { "false" });
            visit(if *value { "1" } else { "0" });
        }
        Json::Array(items) => {
            items.iter().for_each(|item| canonical_texts(item, visit));
            visit(&canonical(&value.to_string()));
        }
        Json::Object(_) => visit(&canonical(&value.to_string())),
    }
}

/// One form for all texts that equal the same number; others stay, but for the case of true and false.
pub(crate) fn canonical(text: &str) -> Cow<'_, str> {
    match parsed(text) {
        Some(Scalar::Int(int)) => Cow::Owned(int.to_string()),
        Some(Scalar::Real(real)) => Cow::Owned(format!("{real:e}")),
        _ if text.eq_ignore_ascii_case("true") => Cow::Borrowed("true"),
        _ if text.eq_ignore_ascii_case("false") => Cow::Borrowed("false"),
        _ => Cow::Borrowed(text),
    }
}
