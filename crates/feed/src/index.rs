use crate::bucket::Bucket;
use crate::topic::Topic;
use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use std::hash::{BuildHasher, Hash, Hasher};
use tidewire_model::{Change, Record, TenantId, Value};
use tidewire_rules::{Facet, Residual};

pub(crate) type ClassId = u32;

/// Finds the classes that a change or a message can concern, at a cost that grows with what it finds.
#[derive(Default)]
pub(crate) struct Index {
    collections: HashMap<(TenantId, Box<str>), Shelf>,
    messages: HashMap<(TenantId, Box<str>), Bucket>,
    hasher: DefaultHashBuilder,
}

type ByHash = HashMap<u64, Bucket>;

/// The classes of one collection in one tenant.
#[derive(Default)]
struct Shelf {
    /// asked about every change
    open: Bucket,
    /// asked if a field has a value; few fields, many values
    fields: Vec<(Facet, ByHash)>,
    records: HashMap<Box<str>, Bucket>,
}

/// Where a class stands under its topic.
pub(crate) enum Place {
    /// no record can ever concern it
    Nowhere,
    Topic,
    /// hashes of the values that `field` must have; a collision only costs a decision
    Values {
        field: Facet,
        hashes: Box<[u64]>,
    },
}

#[derive(Hash)]
struct Key<'a>(&'a TenantId, &'a str);

impl Equivalent<(TenantId, Box<str>)> for Key<'_> {
    fn equivalent(&self, key: &(TenantId, Box<str>)) -> bool {
        *self.0 == key.0 && *self.1 == *key.1
    }
}

impl Index {
    pub fn place(&self, topic: &Topic, gate: &Residual) -> Place {
        if matches!(topic, Topic::Custom { .. }) {
            return Place::Topic;
        }
        if gate.constant() == Some(false) {
            return Place::Nowhere;
        }
        match gate.equality() {
            Some(equality) if matches!(topic, Topic::Collection { .. }) => {
                let hashes = equality.values.iter().map(|value| self.hash(value)).collect::<Option<Vec<_>>>();
                match hashes {
                    Some(mut hashes) => {
                        hashes.sort_unstable();
                        hashes.dedup();
                        Place::Values { field: equality.field, hashes: hashes.into() }
                    }
                    None => Place::Topic,
                }
            }
            _ => Place::Topic,
        }
    }

    pub fn insert(&mut self, class: ClassId, topic: &Topic, place: &Place) {
        if matches!(place, Place::Nowhere) {
            return;
        }
        match topic {
            Topic::Custom { tenant, name } => {
                self.messages.entry((tenant.clone(), name.clone())).or_default().insert(class);
            }
            Topic::Collection { tenant, collection } => {
                self.collections
                    .entry((tenant.clone(), collection.clone()))
                    .or_default()
                    .insert(class, place);
            }
            Topic::Record { tenant, collection, record } => {
                let shelf = self.collections.entry((tenant.clone(), collection.clone())).or_default();
                shelf.records.entry(record.clone()).or_default().insert(class);
            }
        }
    }

    pub fn remove(&mut self, class: ClassId, topic: &Topic, place: &Place) {
        let (tenant, collection) = match topic {
            Topic::Custom { tenant, name } => {
                take_out(&mut self.messages, &Key(tenant, name), class);
                return;
            }
            Topic::Collection { tenant, collection } | Topic::Record { tenant, collection, .. } => {
                (tenant, collection)
            }
        };
        let Some(shelf) = self.collections.get_mut(&Key(tenant, collection)) else { return };
        match topic {
            Topic::Record { record, .. } => take_out(&mut shelf.records, record, class),
            _ => shelf.remove(class, place),
        }
        if shelf.is_empty() {
            self.collections.remove(&Key(tenant, collection));
        }
    }

    /// Collections, records and names that somebody listens to.
    pub fn topics(&self) -> usize {
        let shelves = self.collections.values().map(Shelf::topics);
        self.messages.len() + shelves.sum::<usize>()
    }

    /// Appends the classes that this change can concern; some twice.
    pub fn candidates(&self, change: &Change, out: &mut Vec<ClassId>) {
        if let Some(message) = change.message() {
            return self.listeners(&change.tenant, message.topic, out);
        }
        let Some(shelf) = self.collections.get(&Key(&change.tenant, &change.collection.id)) else { return };
        shelf.open.append_to(out);
        for image in [&change.new, &change.old].into_iter().flatten() {
            self.by_value(shelf, image, out);
        }
        if !shelf.records.is_empty()
            && let Some(bucket) = shelf.records.get(change.record().id())
        {
            bucket.append_to(out);
        }
    }

    fn by_value(&self, shelf: &Shelf, image: &Record, out: &mut Vec<ClassId>) {
        for (field, values) in &shelf.fields {
            field.each_value(image, &mut |value| {
                if let Some(hash) = self.hash(value)
                    && let Some(bucket) = values.get(&hash)
                {
                    bucket.append_to(out);
                }
            });
        }
    }

    /// Appends the classes of everyone who listens to messages of this name.
    pub fn listeners(&self, tenant: &TenantId, name: &str, out: &mut Vec<ClassId>) {
        if let Some(bucket) = self.messages.get(&Key(tenant, name)) {
            bucket.append_to(out);
        }
    }

    /// Equal values, equal hashes; `None` for values that are not looked up.
    fn hash(&self, value: &Value) -> Option<u64> {
        let mut hasher = self.hasher.build_hasher();
        match value {
            Value::Text(text) => text.hash(&mut hasher),
            // 0 and -0 are equal
            Value::Number(number) => (number + 0.0).to_bits().hash(&mut hasher),
            Value::Bool(value) => value.hash(&mut hasher),
            Value::Null | Value::List(_) | Value::Geo(_) | Value::Json(_) => return None,
        }
        Some(hasher.finish())
    }
}

impl Shelf {
    fn insert(&mut self, class: ClassId, place: &Place) {
        match place {
            Place::Nowhere => {}
            Place::Topic => self.open.insert(class),
            Place::Values { field, hashes } => {
                let index = self.field(field);
                for hash in hashes {
                    self.fields[index].1.entry(*hash).or_default().insert(class);
                }
            }
        }
    }

    fn field(&mut self, field: &Facet) -> usize {
        self.fields.iter().position(|(known, _)| known == field).unwrap_or_else(|| {
            self.fields.push((field.clone(), HashMap::new()));
            self.fields.len() - 1
        })
    }

    fn remove(&mut self, class: ClassId, place: &Place) {
        match place {
            Place::Nowhere => {}
            Place::Topic => self.open.remove(class),
            Place::Values { field, hashes } => {
                let Some(index) = self.fields.iter().position(|(known, _)| known == field) else { return };
                for hash in hashes {
                    take_out(&mut self.fields[index].1, hash, class);
                }
                if self.fields[index].1.is_empty() {
                    self.fields.swap_remove(index);
                }
            }
        }
    }

    fn topics(&self) -> usize {
        let whole = !self.open.is_empty() || !self.fields.is_empty();
        self.records.len() + usize::from(whole)
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.fields.is_empty() && self.records.is_empty()
    }
}

fn take_out<K, Q>(map: &mut HashMap<K, Bucket>, key: &Q, class: ClassId)
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ?Sized,
{
    if let Some(bucket) = map.get_mut(key) {
        bucket.remove(class);
        if bucket.is_empty() {
            map.remove(key);
        }
    }
}
