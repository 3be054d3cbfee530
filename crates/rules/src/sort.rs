use crate::compare::Literals;
use crate::document::Lookup;
use crate::facts::Facts;
use crate::fold::fold;
use crate::node::{Join, Node, Operand};
use crate::place::{needed, place};
use crate::resolve::Resolver;
use crate::rule::{Audience, ResolveError};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, TenantId};

/// Bounds on a sort list of a client.
const MAX_KEYS: usize = 8;
const MAX_LENGTH: usize = 255;

/// A resolved sort list: `-created,+title,rel.name,@random,@rowid,field:lower,json.path`.
#[derive(Clone, Debug)]
pub struct Sort {
    /// with true for descending
    pub(crate) keys: Vec<(Key, bool)>,
    /// list rules of the collections that keys lead through
    pub(crate) guard: Node,
    personal: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Key {
    Random,
    Row,
    Operand { joins: Vec<Join>, operand: Operand },
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SortError(pub String);

impl Default for Sort {
    fn default() -> Self {
        Self { keys: Vec::new(), guard: Node::Const(true), personal: None }
    }
}

impl Sort {
    /// An empty text sorts nothing. `facts` are for the list rules of related collections.
    pub fn resolve(
        text: &str,
        catalog: &Arc<Catalog>,
        tenant: &TenantId,
        collection: &Arc<Collection>,
        audience: Audience,
        facts: &Facts,
    ) -> Result<Self, SortError> {
        if let Some(error) = ResolveError::of_client_text(text).filter(|_| audience == Audience::Client) {
            return Err(SortError(error.to_string()));
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        let items: Vec<_> = text.split(',').map(str::trim).collect();
        if items.len() > MAX_KEYS {
            return Err(SortError(format!("more than {MAX_KEYS} sort fields")));
        }
        let mut resolver = Resolver::new(catalog, tenant, collection, audience, facts);
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            keys.push(key(&mut resolver, item)?);
        }
        let guard = resolver.guards().map_err(|error| SortError(error.to_string()))?;
        let guard = fold(place(guard, resolver.joins));
        Ok(Self { keys, guard, personal: resolver.personal })
    }

    /// A field of personal data that it goes by: whoever sees that masked must not sort by it.
    pub fn personal(&self) -> Option<&str> {
        self.personal.as_deref()
    }

    /// By what one name of a filter on documents leads to, then by the order of insertion, both in one direction. A name
    /// that leads nowhere, or to what not everybody may see, sorts nothing.
    pub fn by_document(collection: &Arc<Collection>, name: &str, descending: bool) -> Self {
        let operand = match Lookup::new(collection, name) {
            (lookup, None) => lookup.operand(),
            _ => None,
        };
        let key = operand.map(|operand| (Key::Operand { joins: Vec::new(), operand }, descending));
        let keys = key.into_iter().chain([(Key::Row, descending)]).collect();
        Self { keys, ..Self::default() }
    }
}

fn key(resolver: &mut Resolver<'_>, item: &str) -> Result<(Key, bool), SortError> {
    let descending = item.starts_with('-');
    let name = item.strip_prefix(['-', '+']).unwrap_or(item);
    let failed = || SortError(format!("invalid sort field {name:?}"));
    if name.len() > MAX_LENGTH {
        return Err(failed());
    }
    let key = match name {
        "@random" => Key::Random,
        "@rowid" => Key::Row,
        _ => {
            let is_name = name
                .starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '@'))
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'@'));
            let resolved =
                if is_name { resolver.path(name).map_err(|_| failed())? } else { return Err(failed()) };
            if resolved.literals != Literals::None || matches!(resolved.operand, Operand::Value(_)) {
                return Err(failed());
            }
            Key::Operand { joins: needed(&resolved.operand, &resolver.joins), operand: resolved.operand }
        }
    };
    let descending = descending && !matches!(key, Key::Random);
    Ok((key, descending))
}
