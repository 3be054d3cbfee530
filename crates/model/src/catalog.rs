use crate::collection::Collection;
use crate::field::FieldKind;
use crate::tenant::TenantId;
use crate::topics::Topics;
use hashbrown::{Equivalent, HashMap};
use std::borrow::Cow;
use std::sync::Arc;

/// All collections, and the rules of custom topics, at one moment. Immutable: a change of the schema makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// grows with every change of a definition
    pub revision: u64,
    /// in the order of creation
    list: Vec<Arc<Collection>>,
    by_id: HashMap<Box<str>, Arc<Collection>>,
    /// lower-cased name, by owner (None: the instance)
    by_name: HashMap<(Option<TenantId>, String), Arc<Collection>>,
    topics: Arc<Topics>,
}

/// A key of `by_name` to look up.
#[derive(Hash)]
struct Name<'a>(Option<&'a TenantId>, &'a str);

impl Equivalent<(Option<TenantId>, String)> for Name<'_> {
    fn equivalent(&self, (owner, name): &(Option<TenantId>, String)) -> bool {
        self.0 == owner.as_ref() && self.1 == name
    }
}

impl Catalog {
    pub fn new(revision: u64, list: Vec<Arc<Collection>>) -> Self {
        let by_id = list.iter().map(|c| (c.id.clone(), c.clone())).collect();
        let named = list.iter().filter(|c| !c.internal);
        let by_name = named.map(|c| ((c.owner.clone(), c.name.to_lowercase()), c.clone())).collect();
        Self { revision, list, by_id, by_name, topics: Arc::default() }
    }

    /// The same collections with these rules of custom topics.
    pub fn with_topics(self, topics: Arc<Topics>) -> Self {
        Self { topics, ..self }
    }

    /// The rules of custom topics.
    pub fn topics(&self) -> &Arc<Topics> {
        &self.topics
    }

    pub fn all(&self) -> &[Arc<Collection>] {
        &self.list
    }

    pub fn by_id(&self, id: &str) -> Option<&Arc<Collection>> {
        self.by_id.get(id)
    }

    /// By exact name, or by name in another case: a tenant's own first, then the instance's. The server's own have no
    /// name that anybody could say.
    pub fn by_name(&self, tenant: &TenantId, name: &str) -> Option<&Arc<Collection>> {
        let is_lower = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let name = if is_lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) };
        let found = self.by_name.get(&Name(Some(tenant), &name));
        found.or_else(|| self.by_name.get(&Name(None, &name)))
    }

    /// What a path segment names: an id or a name. What another tenant made for itself is not there.
    pub fn find(&self, tenant: &TenantId, name_or_id: &str) -> Option<&Arc<Collection>> {
        let found = self.by_id(name_or_id).filter(|found| !found.is_foreign(tenant) && !found.internal);
        found.or_else(|| self.by_name(tenant, name_or_id))
    }

    /// Relation fields of other collections (or its own) that point to `id`: (collection, field index).
    pub fn references_to(&self, id: &str) -> Vec<(&Arc<Collection>, usize)> {
        let mut found = Vec::new();
        for collection in &self.list {
            for (index, field) in collection.fields.iter().enumerate() {
                if matches!(&field.kind, FieldKind::Relation(relation) if relation.collection_id == id) {
                    found.push((collection, index));
                }
            }
        }
        found
    }
}
