//! Field paths: own columns, relations, back-relations, JSON paths, `@collection`.

use super::{Resolver, Result, invalid};
use crate::compare::{Many, Merging, Resolved};
use crate::index::is_unique_alone;
use crate::node::{
    At, Column, Join, JoinId, Key, Operand, Order, Part, Path, Source, Test, is_multi_capable,
};
use crate::rule::{Audience, ResolveError};
use crate::scalar::{Affinity, Scalar};
use crate::snackbase::computed;
use std::sync::Arc;
use tidewire_model::field::FieldKind;
use tidewire_model::{Collection, Field, Record};

/// Relations in one path.
const MAX_RELATIONS: usize = 6;

/// A suffix of the last name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modifier {
    Each,
    IsSet,
    Length,
    Lower,
    Changed,
}

/// A join of a path; where it hangs is decided when it is laid out.
enum Step {
    One(Column),
    Each(Column),
    Member,
    Back(Column),
    /// hangs nowhere
    Free(Source),
}

/// A path on its way: the collection reached, and how.
pub(super) struct Walk {
    collection: Arc<Collection>,
    /// the record itself is known and not joined
    known: Option<Arc<Record>>,
    /// each with the collection whose rows it yields
    steps: Vec<(Step, Option<Arc<Collection>>)>,
    many: bool,
    /// an unknown field is NULL
    lenient: bool,
}

impl Resolver<'_> {
    pub(crate) fn path(&mut self, name: &str) -> Result<Resolved> {
        if let Some(rest) = name.strip_prefix("@request.") {
            return self.request(name, rest);
        }
        if let Some(rest) = name.strip_prefix("@collection.") {
            return self.other_collection(name, rest);
        }
        if name.starts_with(['@', '#']) {
            return invalid(format!("failed to resolve field {name:?}"));
        }
        let mut walk = Walk::new(self.base.clone());
        self.walk(&mut walk, &name.split('.').collect::<Vec<_>>())
    }

    /// `@collection.NAME[:alias].field…`
    fn other_collection(&mut self, name: &str, rest: &str) -> Result<Resolved> {
        if self.audience == Audience::Realtime {
            return Err(ResolveError::CollectionForbidden);
        }
        let mut props = rest.split('.');
        let first = props.next().unwrap_or_default();
        let props: Vec<_> = props.collect();
        let (wanted, alias) = first.split_once(':').unwrap_or((first, ""));
        if wanted.is_empty()
            || props.is_empty()
            || alias.contains(':')
            || (alias.is_empty() && first.ends_with(':'))
        {
            return invalid(format!("failed to resolve field {name:?}"));
        }
        let Some(collection) = self.find(wanted) else {
            return invalid(format!("failed to load collection {first:?} from field path {name:?}"));
        };
        let source = Source::All { alias: alias.into(), target: self.target(&collection) };
        let mut walk = Walk::new(collection.clone());
        walk.many = true;
        walk.push(Step::Free(source), Some(&collection));
        self.walk(&mut walk, &props)
    }

    /// Follows the names from where the walk stands.
    pub(super) fn walk(&mut self, walk: &mut Walk, props: &[&str]) -> Result<Resolved> {
        for (index, prop) in props.iter().enumerate() {
            if index + 1 == props.len() {
                return self.last(walk, prop);
            }
            let rest = &props[index + 1..];
            let collection = walk.collection.clone();
            let Some(field) = Column::named(&collection, prop) else {
                if let Some(data) = open_data(&collection) {
                    return self.json_path(walk, data, &props[index..]);
                }
                match self.back_relation(walk, prop, index) {
                    Ok(()) => continue,
                    Err(_) if walk.lenient => return Ok(Resolved::null()),
                    Err(error) => return Err(error),
                }
            };
            self.check_visible(walk, field.field(), prop)?;
            match &field.field().kind {
                FieldKind::Json(_) | FieldKind::GeoPoint {} => return self.json_path(walk, field, rest),
                FieldKind::Relation(_) if index >= MAX_RELATIONS => return too_deep(prop),
                kind @ FieldKind::Relation(_) if !kind.is_multiple() && *rest == ["id"] => {
                    return self.last(walk, prop);
                }
                FieldKind::Relation(_) => self.relation(walk, field)?,
                _ => return invalid(format!("field {prop:?} is not a valid relation")),
            }
        }
        invalid("failed to resolve field \"\"")
    }

    fn check_visible(&mut self, walk: &Walk, field: &Field, name: &str) -> Result<()> {
        if field.hidden && !self.sees_hidden() {
            return invalid(format!("non-filterable field {name:?}"));
        }
        // what is known of the asker's own record is not looked for
        if walk.known.is_some() { Ok(()) } else { self.notice(field) }
    }

    fn relation(&mut self, walk: &mut Walk, field: Column) -> Result<()> {
        let Some(target) = field.field().kind.relation().and_then(|to| self.by_id(&to.collection_id)) else {
            return invalid(format!("failed to load field {:?} collection", field.field().name));
        };
        let multiple = field.field().kind.is_multiple();
        walk.many |= multiple;
        match (walk.known.take(), multiple) {
            (Some(record), true) => {
                walk.push(Step::Free(items(record.values.get(field.index))), None);
                walk.push(Step::Member, Some(&target));
            }
            (Some(record), false) => {
                let id = record.values.get(field.index).map_or("", |value| value.as_str());
                let ids = Arc::from_iter((!id.is_empty()).then(|| id.into()));
                let source = Source::Ids { ids, target: self.target(&target) };
                walk.push(Step::Free(source), Some(&target));
            }
            (None, true) => {
                walk.push(Step::Each(field), None);
                walk.push(Step::Member, Some(&target));
            }
            (None, false) => walk.push(Step::One(field), Some(&target)),
        }
        walk.collection = target;
        Ok(())
    }

    /// `COLLECTION_via_FIELD`
    fn back_relation(&mut self, walk: &mut Walk, prop: &str, index: usize) -> Result<()> {
        if index >= MAX_RELATIONS {
            return too_deep(prop);
        }
        let Some((name, field_name)) =
            prop.rsplit_once("_via_").filter(|(a, b)| !a.is_empty() && !b.is_empty())
        else {
            return invalid(format!("failed to resolve field {prop:?}"));
        };
        let Some(target) = self.find(name) else {
            return invalid(format!("failed to load back relation field {prop:?} collection"));
        };
        let Some(field) = Column::named(&target, field_name) else {
            return invalid(format!("missing back relation field {field_name:?}"));
        };
        let Some(options) = field.field().kind.relation() else {
            return invalid(format!("invalid back relation field {field_name:?}"));
        };
        if field.field().hidden && !self.sees_hidden() {
            return invalid(format!("non-filterable back relation field {field_name:?}"));
        }
        if *options.collection_id != *walk.collection.id {
            return invalid(format!("invalid collection reference of a back relation field {field_name:?}"));
        }
        walk.many |= field.field().kind.is_multiple() || !is_unique_alone(&target.indexes, field_name);
        let step = match walk.known.take() {
            Some(record) => {
                let key = Key::Id(record.id().into());
                Step::Free(Source::Back { key, field, target: self.target(&target) })
            }
            None => Step::Back(field),
        };
        walk.push(step, Some(&target));
        walk.collection = target;
        Ok(())
    }

    fn json_path(&mut self, walk: &Walk, field: Column, rest: &[&str]) -> Result<Resolved> {
        let path = Path(rest.iter().map(|part| json_part(part)).collect::<Result<_>>()?);
        if let Some(record) = &walk.known {
            let value = crate::eval::extract(record.values.get(field.index), &path).into_owned();
            return Ok(Resolved { merging: Merging::Never, ..fixed(value, Affinity::None) });
        }
        let resolved =
            self.lay_out(walk, |at| Operand::Extract { at, field: field.clone(), path: path.clone() })?;
        Ok(Resolved { merging: Merging::Never, ..resolved })
    }

    /// A key of an open collection; modifiers other than `lower` mean nothing there.
    fn open_key(&mut self, walk: &Walk, data: Column, name: &str, lower: bool) -> Result<Resolved> {
        let mut resolved = self.json_path(walk, data, &[name])?;
        if lower {
            let wrap = |operand: &mut Operand| {
                let inner = std::mem::replace(operand, Operand::NULL);
                *operand = Operand::Lower(Box::new(inner));
            };
            wrap(&mut resolved.operand);
            resolved.many.iter_mut().for_each(|many| wrap(&mut many.operand));
        }
        Ok(resolved)
    }

    /// The last name of a path, with its modifier.
    fn last(&mut self, walk: &mut Walk, prop: &str) -> Result<Resolved> {
        let (name, modifier) = split_modifier(prop)?;
        let collection = walk.collection.clone();
        let Some(field) = Column::named(&collection, name) else {
            if let Some(data) = open_data(&collection) {
                return self.open_key(walk, data, name, modifier == Some(Modifier::Lower));
            }
            return if walk.lenient {
                Ok(Resolved::null())
            } else {
                invalid(format!("unknown field {name:?}"))
            };
        };
        self.check_visible(walk, field.field(), name)?;
        if let Some(record) = walk.known.clone() {
            return self.of_known(walk, &record, &field, modifier);
        }
        match modifier {
            Some(Modifier::Length) if is_multi_capable(&field.field().kind) => {
                self.lay_out(walk, |at| Operand::Length { at, field: field.clone() })
            }
            Some(Modifier::Each) if is_multi_capable(&field.field().kind) => {
                walk.many |= field.field().kind.is_multiple();
                walk.push(Step::Each(field), None);
                self.lay_out(walk, element)
            }
            modifier => self.column(walk, &field, modifier == Some(Modifier::Lower)),
        }
    }

    fn column(&mut self, walk: &Walk, field: &Column, lower: bool) -> Result<Resolved> {
        let json = matches!(field.field().kind, FieldKind::Json(_));
        let is_computed = field.field().formula().is_some();
        if is_computed {
            let (_, personal) = computed(field, self.root)?;
            self.personal = self.personal.take().or(personal);
        }
        let mut resolved = self.lay_out(walk, |at| {
            let field = field.clone();
            let plain = if is_computed {
                computed(&field, at).map_or(Operand::NULL, |(operand, _)| operand)
            } else if json {
                Operand::Extract { at, field, path: Path::default() }
            } else {
                Operand::Column { at, field }
            };
            if lower { Operand::Lower(Box::new(plain)) } else { plain }
        })?;
        if json {
            resolved.merging = Merging::Never;
        }
        if &*field.field().name == "email" && walk.collection.is_auth() && !self.sees_hidden() {
            resolved.guard = self.public_email(walk)?;
        }
        Ok(resolved)
    }

    /// Only e-mail addresses that their owners show.
    fn public_email(&mut self, walk: &Walk) -> Result<Option<Test>> {
        let Some(field) = Column::named(&walk.collection, "emailVisibility") else {
            return Ok(Some(Test::Const(false)));
        };
        let left = self.lay_out(walk, |at| Operand::Column { at, field: field.clone() })?.operand;
        let affinity = Affinity::Numeric;
        Ok(Some(Test::Compare { order: Order::Equal, left, right: Operand::int(1), affinity }))
    }

    /// A field of a record that is at hand.
    fn of_known(
        &mut self,
        walk: &mut Walk,
        record: &Record,
        field: &Column,
        modifier: Option<Modifier>,
    ) -> Result<Resolved> {
        let value = record.values.get(field.index);
        let kind = &field.field().kind;
        match modifier {
            Some(Modifier::Length) if is_multi_capable(kind) => {
                return Ok(Resolved::new(Operand::int(crate::eval::length(value))));
            }
            Some(Modifier::Each) if is_multi_capable(kind) => {
                walk.many |= kind.is_multiple();
                walk.push(Step::Free(items(value)), None);
                return self.lay_out(walk, element);
            }
            _ => {}
        }
        let json = matches!(kind, FieldKind::Json(_));
        let plain =
            if json { crate::eval::extract(value, &Path::default()) } else { crate::eval::stored(value) };
        let (value, affinity) = match modifier {
            Some(Modifier::Lower) => (plain.lower(), Affinity::None),
            _ if json => (plain, Affinity::None),
            _ => (plain, field.affinity()),
        };
        let merging = if json { Merging::Never } else { Merging::Auto };
        Ok(Resolved { merging, ..fixed(value.into_owned(), affinity) })
    }

    /// Joins the steps of the path, once shared and, if it can yield several values, once for itself.
    pub(super) fn lay_out(&mut self, walk: &Walk, operand: impl Fn(At) -> Operand) -> Result<Resolved> {
        let mut at = self.root;
        for (step, collection) in &walk.steps {
            let source = self.source(step, at, collection.as_ref());
            at = At::Join(self.join(source)?);
        }
        let mut resolved = Resolved::new(operand(at));
        if walk.many {
            let mut joins = Vec::with_capacity(walk.steps.len());
            let mut at = self.root;
            for (step, collection) in &walk.steps {
                let source = self.source(step, at, collection.as_ref());
                let id = self.fresh();
                joins.push(Join { id, source });
                at = At::Join(id);
            }
            resolved.many = Some(Many { joins, operand: operand(at) });
        }
        Ok(resolved)
    }

    fn source(&self, step: &Step, at: At, collection: Option<&Arc<Collection>>) -> Source {
        let target = || self.target(collection.unwrap_or(self.base));
        match step {
            Step::One(field) => Source::One { at, field: field.clone(), target: target() },
            Step::Each(field) => Source::Each { at, field: field.clone() },
            Step::Member => Source::Member { each: id_of(at), target: target() },
            Step::Back(field) => Source::Back { key: Key::Row(at), field: field.clone(), target: target() },
            Step::Free(source) => source.clone(),
        }
    }
}

impl Walk {
    pub(super) fn new(collection: Arc<Collection>) -> Self {
        Self { collection, known: None, steps: Vec::new(), many: false, lenient: false }
    }

    /// From the signed-in record.
    pub(super) fn of_record(record: &Arc<Record>) -> Self {
        Self { known: Some(record.clone()), lenient: true, ..Self::new(record.collection.clone()) }
    }

    /// From the records that a body names.
    pub(super) fn of_source(source: Source, collection: &Arc<Collection>, many: bool) -> Self {
        let mut walk = Self { many, lenient: true, ..Self::new(collection.clone()) };
        walk.push(Step::Free(source), Some(collection));
        walk
    }

    /// From constant elements.
    pub(super) fn of_items(source: Source, collection: &Arc<Collection>, many: bool) -> Self {
        let mut walk = Self { many, lenient: true, ..Self::new(collection.clone()) };
        walk.push(Step::Free(source), None);
        walk
    }

    fn push(&mut self, step: Step, collection: Option<&Arc<Collection>>) {
        self.steps.push((step, collection.cloned()));
    }
}

pub(super) fn element(at: At) -> Operand {
    Operand::Element(id_of(at))
}

/// Elements are never those of the root itself.
fn id_of(at: At) -> JoinId {
    match at {
        At::Join(id) => id,
        At::Root => 0,
    }
}

fn open_data(collection: &Arc<Collection>) -> Option<Column> {
    if collection.open { Column::named(collection, Collection::DATA) } else { None }
}

fn fixed(value: Scalar<'static>, affinity: Affinity) -> Resolved {
    // a NULL in a column is not the word null
    let affinity = if value.is_null() && affinity == Affinity::None { Affinity::Blob } else { affinity };
    Resolved::new(Operand::Value(crate::node::Constant { value, affinity, literal: false }))
}

fn items(value: Option<&tidewire_model::Value>) -> Source {
    Source::Items(crate::eval::elements(value).into_iter().map(Scalar::into_owned).collect())
}

fn too_deep<T>(prop: &str) -> Result<T> {
    invalid(format!("max nested relations reached for field {prop:?}"))
}

/// Digits are an index; a modifier inside of a JSON path loses its colon.
fn json_part(part: &str) -> Result<Part> {
    if part.is_empty() {
        return invalid("empty name in a JSON path");
    }
    if part.bytes().all(|byte| byte.is_ascii_digit()) {
        // no array is that long, and SQLite's own index would wrap around
        return Ok(Part::Index(part.parse().ok().filter(|index| *index < 1 << 31).unwrap_or((1 << 31) - 1)));
    }
    Ok(Part::Key(part.replace(':', "").into()))
}

pub(super) fn split_modifier(prop: &str) -> Result<(&str, Option<Modifier>)> {
    let Some((name, suffix)) = prop.split_once(':').filter(|(_, suffix)| !suffix.contains(':')) else {
        return Ok((prop, None));
    };
    let modifier = match suffix {
        "each" => Modifier::Each,
        "isset" => Modifier::IsSet,
        "length" => Modifier::Length,
        "lower" => Modifier::Lower,
        "changed" => Modifier::Changed,
        _ => return Err(ResolveError::Invalid(format!("unknown modifier in {prop:?}"))),
    };
    Ok((name, Some(modifier)))
}
