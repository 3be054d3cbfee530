//! The `expand=` option, and the related records that it brings.

use crate::rule::{Bound, bind};
use crate::show::Shown;
use crate::sight::Sight;
use crate::{Asker, Body};
use serde_json::{Map, Value as Json};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tidewire_model::{Collection, Field, FieldKind, Record, TenantId, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError};

/// Levels of relations.
const LEVELS: usize = 6;
/// Names in one option; more are ignored.
const NAMES: usize = 200;
/// Records of one back relation of one record.
const BACK_RELATED: usize = 1000;
/// Related records in one answer, each counted wherever it stands; what goes beyond is left out.
const COPIES: usize = 100_000;
/// Ids in one query.
const IDS: usize = 1000;

/// The relations to follow, as a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expand {
    children: BTreeMap<Box<str>, Expand>,
}

impl Expand {
    /// `None` for an empty text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut root = Self::default();
        for path in text.split(',').take(NAMES) {
            let path = path.replace(' ', "");
            let mut at = &mut root;
            // deeper levels are never followed
            for name in path.trim_matches('.').split('.').take(LEVELS) {
                if !path.is_empty() {
                    at = at.children.entry(name.into()).or_default();
                }
            }
        }
        root.children.remove("");
        (!root.children.is_empty()).then_some(root)
    }
}

/// What one name of an `expand` means for one collection.
struct Relation<'a> {
    /// where the related records are
    collection: &'a Arc<Collection>,
    /// the field that holds the ids: of these records, or of the related ones
    field: &'a Field,
    back: bool,
    /// several records, shown as a list
    many: bool,
}

/// What a relation of several records leads to.
struct Fetched {
    /// for each of the records
    ids: Vec<Vec<String>>,
    /// those that may be seen
    related: Vec<Arc<Record>>,
}

/// A record's `expand` object.
#[derive(Clone, Default)]
pub(crate) struct Object {
    pub members: Map<String, Json>,
    /// records in it, at all levels
    copies: usize,
}

/// A related record as it is shown, with what it brings.
struct Copy {
    json: Json,
    copies: usize,
}

/// For each record its `expand` object; `None` where no name was a relation.
pub(crate) struct Expanded {
    pub objects: Vec<Option<Object>>,
    /// at least one name was a relation whose records may be seen
    any: bool,
}

pub(crate) struct Expander<'a> {
    snapshot: &'a Snapshot<'a>,
    asker: &'a Asker,
    /// copies that may still be made
    left: Cell<usize>,
}

impl<'a> Expander<'a> {
    pub fn new(snapshot: &'a Snapshot<'a>, asker: &'a Asker) -> Self {
        Self { snapshot, asker, left: Cell::new(COPIES) }
    }

    /// One query per relation and level, for all records together.
    pub fn expand(&self, records: &[Arc<Record>], expand: &Expand) -> Result<Expanded, StoreError> {
        let mut expanded = Expanded { objects: vec![None; records.len()], any: records.is_empty() };
        let Some(first) = records.first() else { return Ok(expanded) };
        for (name, below) in &expand.children {
            let Some(relation) = find(self.snapshot, &self.asker.tenant, &first.collection, name) else {
                continue;
            };
            let tenant = &first.tenant;
            let Some(Fetched { ids, related }) = self.fetch(&relation, records, tenant)? else { continue };
            let deeper = self.expand(&related, below)?;
            if !below.children.is_empty() && !deeper.any {
                continue;
            }
            expanded.any = true;
            let shown = self.show(&relation, &related, deeper)?;
            for (object, ids) in expanded.objects.iter_mut().zip(&ids) {
                let found = ids.iter().filter_map(|id| shown.get(id));
                self.add(object.get_or_insert_default(), name, found, relation.many);
            }
        }
        Ok(expanded)
    }

    fn add<'c>(&self, object: &mut Object, name: &str, found: impl Iterator<Item = &'c Copy>, many: bool) {
        let mut taken = Vec::new();
        for copy in found.take(if many { usize::MAX } else { 1 }) {
            let Some(left) = self.left.get().checked_sub(copy.copies) else { break };
            self.left.set(left);
            object.copies += copy.copies;
            taken.push(copy.json.clone());
        }
        let value = if many { Json::Array(taken) } else { taken.pop().unwrap_or_default() };
        if value.is_object() || value.as_array().is_some_and(|all| !all.is_empty()) {
            object.members.insert(name.to_owned(), value);
        }
    }

    fn show(
        &self,
        relation: &Relation<'_>,
        related: &[Arc<Record>],
        deeper: Expanded,
    ) -> Result<HashMap<String, Copy>, StoreError> {
        let sight = Sight::of(self.asker, self.snapshot.catalog(), relation.collection);
        let shown = Shown { snapshot: self.snapshot, sight: &sight };
        let pairs = related.iter().zip(deeper.objects);
        let copies = pairs.map(|(record, object)| {
            let copies = 1 + object.as_ref().map_or(0, |object| object.copies);
            let json = shown.json(record, object.map(|object| object.members))?;
            Ok((record.id().to_owned(), Copy { json, copies }))
        });
        copies.collect()
    }

    /// `None` if this asker may see none of the related records, whichever they are.
    fn fetch(
        &self,
        relation: &Relation<'_>,
        records: &[Arc<Record>],
        tenant: &TenantId,
    ) -> Result<Option<Fetched>, StoreError> {
        let collection = relation.collection;
        let rule = collection.rules.view.as_deref();
        let bound = match bind(self.snapshot.catalog(), collection, self.asker, rule, &Body::new()) {
            Ok(Bound::Broken) | Err(_) => return Ok(None),
            Ok(bound) => bound,
        };
        if relation.back && !relation.field.kind.is_multiple() {
            return self.fetch_back(relation, records, tenant, &bound).map(Some);
        }
        let mut ids = Vec::with_capacity(records.len());
        for record in records {
            ids.push(if relation.back {
                self.referencing(relation, record, tenant)?
            } else {
                let value = record.get(&relation.field.name);
                value.map(|value| value.items().into_iter().map(str::to_owned).collect()).unwrap_or_default()
            });
        }
        let mut seen = HashSet::new();
        let wanted: Vec<&str> =
            ids.iter().flatten().map(String::as_str).filter(|id| seen.insert(*id)).collect();
        let mut related = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(IDS) {
            related.extend(match &bound {
                Bound::If(_) => self.select(collection, tenant, &bound, "id", some)?,
                _ => self.snapshot.get_many(collection, tenant, some)?,
            });
        }
        Ok(Some(Fetched { ids, related }))
    }

    /// A single back relation: one query finds the records and whom they point to.
    fn fetch_back(
        &self,
        relation: &Relation<'_>,
        records: &[Arc<Record>],
        tenant: &TenantId,
        bound: &Bound,
    ) -> Result<Fetched, StoreError> {
        let name = &relation.field.name;
        let here: Vec<&str> = records.iter().map(|record| record.id()).collect();
        let mut by_target: HashMap<String, Vec<String>> = HashMap::new();
        let mut related = Vec::new();
        for some in here.chunks(IDS) {
            for record in self.select(relation.collection, tenant, bound, name, some)? {
                let ids = by_target.entry(record.text(name).to_owned()).or_default();
                if ids.len() < BACK_RELATED {
                    ids.push(record.id().to_owned());
                    related.push(record);
                }
            }
        }
        let ids = here.iter().map(|id| by_target.get(*id).cloned().unwrap_or_default()).collect();
        Ok(Fetched { ids, related })
    }

    fn referencing(
        &self,
        relation: &Relation<'_>,
        record: &Record,
        tenant: &TenantId,
    ) -> Result<Vec<String>, StoreError> {
        let (collection, field) = (relation.collection, &relation.field.name);
        let found = self.snapshot.referencing(collection, tenant, field, record.id(), BACK_RELATED as u64)?;
        Ok(found.iter().map(|record| record.id().to_owned()).collect())
    }

    fn select(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        bound: &Bound,
        field: &str,
        values: &[&str],
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let query = Query::new(collection, tenant, Timestamp::now()).only(field, values);
        let query = if let Bound::If(residual) = bound { query.filter(residual) } else { query };
        self.snapshot.select(collection, &query)
    }
}

fn find<'a>(
    snapshot: &'a Snapshot<'_>,
    tenant: &TenantId,
    from: &'a Arc<Collection>,
    name: &str,
) -> Option<Relation<'a>> {
    let catalog = snapshot.catalog();
    let Some((collection, field)) = back_relation(name) else {
        let field = from.field(name)?;
        let options = field.kind.relation()?;
        let collection = catalog.by_id(&options.collection_id)?;
        return Some(Relation { collection, field, back: false, many: field.kind.is_multiple() });
    };
    let collection = catalog.find(tenant, collection)?;
    let field = collection.field(field)?;
    if !matches!(&field.kind, FieldKind::Relation(options) if options.collection_id == *from.id) {
        return None;
    }
    let many = !is_unique(collection, &field.name);
    Some(Relation { collection, field, back: true, many })
}

/// `coll_via_field`, or `coll(field)` as it was once written.
fn back_relation(name: &str) -> Option<(&str, &str)> {
    if let Some((collection, rest)) = name.split_once('(') {
        return Some((collection, rest.strip_suffix(')')?));
    }
    name.rsplit_once("_via_").filter(|(collection, field)| !collection.is_empty() && !field.is_empty())
}

/// True if a unique index spans this column alone.
pub fn is_unique(collection: &Collection, column: &str) -> bool {
    collection.indexes.iter().any(|statement| {
        let upper = statement.to_ascii_uppercase();
        let columns = statement.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
        let partial = columns.is_some_and(|(_, after)| !after.trim().trim_end_matches(';').is_empty());
        let only = columns.and_then(|(columns, _)| columns.split_whitespace().next());
        upper.trim_start().starts_with("CREATE UNIQUE")
            && !partial
            && columns.is_some_and(|(columns, _)| !columns.contains(','))
            && only.is_some_and(|only| only.trim_matches(['`', '"', '[', ']']).eq_ignore_ascii_case(column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(expand: &Expand) -> String {
        let parts = expand.children.iter().map(|(name, below)| match spell(below) {
            below if below.is_empty() => name.to_string(),
            below => format!("{name}[{below}]"),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn paths_become_a_tree() {
        for (text, expected) in [
            ("", ""),
            (" , .", ""),
            ("author", "author"),
            ("author, tags", "author tags"),
            ("a.b,a,a.c", "a[b c]"),
            (".a.", "a"),
            ("a.b.c.d.e.f.g.h", "a[b[c[d[e[f]]]]]"),
            ("comments(post).x", "comments(post)[x]"),
        ] {
            let found = Expand::parse(text);
            assert_eq!(found.as_ref().map(spell).unwrap_or_default(), expected, "{text}");
            assert_eq!(found.is_none(), expected.is_empty(), "{text}");
        }
    }

    #[test]
    fn back_relations_are_told_by_their_form() {
        for (name, expected) in [
            ("comments_via_post", Some(("comments", "post"))),
            ("comments(post)", Some(("comments", "post"))),
            ("author", None),
            ("_via_post", None),
            ("comments(post", None),
        ] {
            assert_eq!(back_relation(name), expected, "{name}");
        }
    }

    #[test]
    fn single_unique_columns_are_found() {
        for (statement, expected) in [
            ("CREATE UNIQUE INDEX `i` ON `c` (`post`)", true),
            ("create unique index i on c (post COLLATE NOCASE)", true),
            ("CREATE INDEX i ON c (post)", false),
            ("CREATE UNIQUE INDEX i ON c (post, x)", false),
            ("CREATE UNIQUE INDEX i ON c (other)", false),
            ("CREATE UNIQUE INDEX i ON c (post) WHERE post != ''", false),
        ] {
            let mut collection = Collection::default();
            collection.indexes.push(statement.into());
            assert_eq!(is_unique(&collection, "post"), expected, "{statement}");
        }
    }
}
