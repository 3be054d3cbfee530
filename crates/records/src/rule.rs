//! Rules and filters, resolved once per catalog: views and lists must not parse each time.

use crate::asker::Asker;
use crate::error::RecordError;
use crate::personal;
use crate::prepare::Body;
use crate::sight::Layout;
use hashbrown::{Equivalent, HashMap};
use parking_lot::RwLock;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use tidewire_model::{Catalog, Collection, Language, TenantId};
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, ResolveError, Rule};

/// Texts kept per catalog; beyond it the cache of that catalog starts anew.
const TEXTS: usize = 4096;
/// Catalogs whose rules are kept: the current one, and those of requests and transactions still under way.
const CATALOGS: usize = 4;
/// Rules are written by superusers and may be longer than filters.
pub(crate) const RULE_LIMITS: Limits = Limits { length: 100_000, count: 10_000, depth: 64 };

/// A text that was understood, or why not.
type Resolved = Result<Arc<Rule>, ResolveError>;

/// Holds the catalog, so that no other one can come to lie at its address.
struct Shelf {
    catalog: Arc<Catalog>,
    rules: RwLock<HashMap<Key, Resolved>>,
    layouts: RwLock<HashMap<Box<str>, Arc<Layout>>>,
}

struct Key {
    collection: Box<str>,
    tenant: TenantId,
    audience: u8,
    language: Language,
    text: Box<str>,
}

struct Asked<'a> {
    collection: &'a str,
    tenant: &'a TenantId,
    audience: Audience,
    language: Language,
    text: &'a str,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&*self.collection, &self.tenant, self.audience, self.language as u8, &*self.text).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.audience == other.audience
            && self.language == other.language
            && self.text == other.text
            && self.collection == other.collection
            && self.tenant == other.tenant
    }
}

impl Eq for Key {}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.collection, self.tenant, self.audience as u8, self.language as u8, self.text).hash(state);
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.audience as u8 == key.audience
            && self.language == key.language
            && self.text == &*key.text
            && self.collection == &*key.collection
            && self.tenant == &key.tenant
    }
}

static SHELVES: LazyLock<RwLock<Vec<Arc<Shelf>>>> = LazyLock::new(RwLock::default);

/// A rule or filter with names looked up, from the cache if it was asked before.
pub(crate) fn resolve(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    audience: Audience,
    language: Language,
    text: &str,
) -> Resolved {
    let shelf = shelf(catalog);
    let asked = Asked { collection: &collection.id, tenant, audience, language, text };
    if let Some(known) = shelf.rules.read().get(&asked) {
        return known.clone();
    }
    let resolved = resolve_anew(catalog, collection, tenant, audience, language, text);
    let mut rules = shelf.rules.write();
    if rules.len() >= TEXTS {
        rules.clear();
    }
    let key = Key {
        collection: collection.id.clone(),
        tenant: tenant.clone(),
        audience: audience as u8,
        language,
        text: text.into(),
    };
    rules.insert(key, resolved.clone());
    resolved
}

fn resolve_anew(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    tenant: &TenantId,
    audience: Audience,
    language: Language,
    text: &str,
) -> Resolved {
    let limits = if audience == Audience::Rule { RULE_LIMITS } else { Limits::default() };
    let expr =
        Expr::parse_in(language, text, limits).map_err(|error| ResolveError::Invalid(error.message))?;
    Rule::resolve(&expr, catalog, tenant, collection, audience).map(Arc::new)
}

fn shelf(catalog: &Arc<Catalog>) -> Arc<Shelf> {
    let is_it = |shelf: &&Arc<Shelf>| Arc::ptr_eq(&shelf.catalog, catalog);
    if let Some(found) = SHELVES.read().iter().rev().find(is_it) {
        return found.clone();
    }
    let mut shelves = SHELVES.write();
    if let Some(found) = shelves.iter().find(is_it) {
        return found.clone();
    }
    if shelves.len() >= CATALOGS {
        shelves.remove(0);
    }
    let made =
        Arc::new(Shelf { catalog: catalog.clone(), rules: RwLock::default(), layouts: RwLock::default() });
    shelves.push(made.clone());
    made
}

/// How the records of a collection are laid out, made once per catalog.
pub(crate) fn layout(catalog: &Arc<Catalog>, collection: &Arc<Collection>) -> Arc<Layout> {
    let shelf = shelf(catalog);
    if let Some(known) = shelf.layouts.read().get(&*collection.id).filter(|known| known.is_of(collection)) {
        return known.clone();
    }
    let made = Arc::new(Layout::new(collection));
    // an image of an older definition must not push out the layout of the current one
    if catalog.by_id(&collection.id).is_some_and(|current| Arc::ptr_eq(current, collection)) {
        shelf.layouts.write().insert(collection.id.clone(), made.clone());
    }
    made
}

/// What a rule leaves open for this asker: everything for superusers and for the rule "".
pub(crate) fn bind(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    asker: &Asker,
    rule: Option<&str>,
    body: &Body,
) -> Result<Bound, RecordError> {
    if asker.is_superuser() {
        return Ok(Bound::Open);
    }
    match rule {
        None => Err(RecordError::SuperusersOnly),
        Some("") => Ok(Bound::Open),
        Some(text) => Ok(match bind_text(catalog, collection, asker, Audience::Rule, text, body) {
            Ok(residual) => Bound::If(residual),
            Err(_) => Bound::Broken,
        }),
    }
}

/// A rule bound to one request.
pub(crate) enum Bound {
    Open,
    If(Residual),
    /// the stored rule does not fit the schema any more
    Broken,
}

pub(crate) fn bind_text(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    asker: &Asker,
    audience: Audience,
    text: &str,
    body: &Body,
) -> Result<Residual, ResolveError> {
    let language = if audience == Audience::Rule { collection.language } else { asker.language };
    let rule = resolve(catalog, collection, &asker.tenant, audience, language, text)?;
    if audience != Audience::Rule {
        personal::permit(asker, rule.personal()).map_err(ResolveError::Invalid)?;
    }
    // most rules read nothing of the request but who asks: headers and query need not be copied for the others; a
    // client's filter may call for the list rules of related collections, which may read them
    if matches!(audience, Audience::Client | Audience::Realtime) || text.contains("@request.") {
        return Ok(rule.bind(&asker.facts(body)));
    }
    Ok(rule.bind(&Facts { principal: asker.principal.clone(), ..Facts::default() }))
}
