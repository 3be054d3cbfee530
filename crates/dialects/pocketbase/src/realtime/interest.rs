//! What one topic of one connection means to the feed.

use crate::oauth2::redirect;
use crate::realtime::encoder::{MessageEncoder, RecordEncoder};
use crate::realtime::topic::{Scope, Topic};
use crate::realtime::{frame, start};
use bytes::Bytes;
use std::sync::Arc;
use tidewire_feed::{self as feed, ClassSpec, Interest, ResetReason};
use tidewire_model::json::{self, Escape};
use tidewire_model::{Catalog, Collection, CollectionKind, Language, Operations, Principal, TenantId};
use tidewire_records::Asker;
use tidewire_records::gate::{self, Which};
use tidewire_records::show::{Expand, Fields, Sight};
use tidewire_records::topics::{self, Deed};
use tidewire_rules::Residual;
use tidewire_store::Store;

/// A topic that is looked up anew under every catalog and for every principal.
pub struct TopicInterest {
    pub topic: Topic,
    /// whose it is
    pub client: Box<str>,
    pub store: Store,
    /// what user code leaves of the events of records
    pub operations: Operations,
    /// filters of user code, which take away
    pub narrowed: Box<[Box<str>]>,
}

/// A topic whose path names a collection, for one principal.
pub struct RecordInterest {
    pub collection: Arc<Collection>,
    pub gate: Residual,
    pub encoder: RecordEncoder,
}

impl Interest for TopicInterest {
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec> {
        let tenant = tenant_of(principal);
        let Some(collection) = self.collection(catalog, &tenant) else {
            return self.message_classes(catalog, principal, &tenant);
        };
        // no record can have this topic: what servers say on it is heard
        let is_free = matches!(&self.topic.scope, Scope::One(id) if !collection.may_hold(id));
        let mut classes =
            if is_free { self.message_classes(catalog, principal, &tenant) } else { Vec::new() };
        let records = self.records(catalog, &collection, principal);
        classes.extend(records.map(|interest| self.record_class(tenant, interest)));
        classes
    }

    fn reset(&self, reason: ResetReason, cursor: &str) -> Option<Bytes> {
        Some(frame::reset(&self.topic.text, start::reason(reason), cursor))
    }
}

impl TopicInterest {
    pub fn new(text: &str, client: &str, store: Store) -> Self {
        let (topic, client) = (Topic::parse(text), client.into());
        Self { topic, client, store, operations: Operations::ALL, narrowed: Box::default() }
    }

    /// Equal names: the same subscription, which goes on where it is.
    pub fn name(&self) -> Box<str> {
        let text = &self.topic.text;
        if self.operations == Operations::ALL && self.narrowed.is_empty() {
            return text.clone();
        }
        let mut name = format!("{text}\n{}", self.operations.letter());
        for filter in &self.narrowed {
            name.push('\n');
            name.push_str(filter);
        }
        name.into()
    }

    /// The collection that the path names, to the letter.
    pub fn collection(&self, catalog: &Catalog, tenant: &TenantId) -> Option<Arc<Collection>> {
        let name = &*self.topic.collection;
        let found = catalog.find(tenant, name)?;
        (&*found.name == name || &*found.id == name).then(|| found.clone())
    }

    /// `None` if nothing of the collection can ever be seen.
    pub fn records(
        &self,
        catalog: &Arc<Catalog>,
        collection: &Arc<Collection>,
        principal: &Principal,
    ) -> Option<RecordInterest> {
        if collection.kind == CollectionKind::View {
            return None;
        }
        let which = match self.topic.scope {
            Scope::All => Which::List,
            Scope::One(_) => Which::View,
        };
        let asker = self.asker(principal);
        let gate = gate::gate(catalog, collection, which, &asker, self.topic.option("filter"))
            .and(gate::narrow(catalog, collection, &asker, &self.narrowed));
        if gate.constant() == Some(false) {
            return None;
        }
        let sight = Sight::of(&asker, catalog, collection);
        let encoder = RecordEncoder {
            topic: self.topic.text.clone(),
            operations: self.operations,
            store: self.store.clone(),
            asker,
            sight,
            expand: Expand::parse(self.topic.option("expand")),
            fields: Fields::parse(self.topic.option("fields")),
        };
        Some(RecordInterest { collection: collection.clone(), gate, encoder })
    }

    /// Rules see the options of the subscription, never the request that posted it.
    fn asker(&self, principal: &Principal) -> Asker {
        Asker {
            principal: principal.clone(),
            tenant: tenant_of(principal),
            language: Language::PocketBase,
            context: "realtime",
            method: "GET".to_owned(),
            query: self.topic.options.query.clone(),
            headers: self.topic.options.headers.clone(),
        }
    }

    fn record_class(&self, tenant: TenantId, interest: RecordInterest) -> ClassSpec {
        let RecordInterest { collection, gate, encoder } = interest;
        let collection = collection.id.clone();
        let topic = match &self.topic.scope {
            Scope::All => feed::Topic::Collection { tenant, collection },
            Scope::One(record) => feed::Topic::Record { tenant, collection, record: record.clone() },
        };
        let (leave, projection) = (self.topic.flag("leave"), projection(&encoder));
        ClassSpec { topic, gate, leave, projection, encoder: Arc::new(encoder) }
    }

    /// Whether the principal may hear messages of this name. Who signs in has no rights yet.
    pub fn may_hear(&self, catalog: &Arc<Catalog>, principal: &Principal, name: &str) -> bool {
        name == redirect::TOPIC
            || topics::may(catalog, principal, name, Deed::Subscribe, || self.asker(principal))
    }

    /// What was posted is a name to the letter, also if it has options.
    fn message_classes(
        &self,
        catalog: &Arc<Catalog>,
        principal: &Principal,
        tenant: &TenantId,
    ) -> Vec<ClassSpec> {
        let (text, name) = (&*self.topic.text, self.topic.name());
        let names = [Some(name), (text != name).then_some(text)].into_iter().flatten();
        names
            .filter(|name| self.may_hear(catalog, principal, name))
            .map(|name| self.message_class(tenant.clone(), name))
            .collect()
    }

    fn message_class(&self, tenant: TenantId, name: &str) -> ClassSpec {
        let text = &self.topic.text;
        // what a provider sends is for one client, whoever it is by then
        let (tenant, name) = match &**text {
            redirect::TOPIC => (TenantId::default(), Box::from(redirect::own_topic(&self.client))),
            _ => (tenant, name.into()),
        };
        ClassSpec {
            topic: feed::Topic::Custom { tenant, name },
            gate: Residual::always(),
            leave: false,
            projection: format!("pocketbase\0{text}"),
            encoder: Arc::new(MessageEncoder { topic: text.clone() }),
        }
    }
}

pub fn tenant_of(principal: &Principal) -> TenantId {
    principal.identity().map_or_else(TenantId::default, |identity| identity.tenant.clone())
}

/// The topic's text holds fields, expand and everything else that was asked for, so it stands for all of them.
fn projection(encoder: &RecordEncoder) -> String {
    let mut key = format!("pocketbase\0{}\0", encoder.topic);
    if encoder.operations != Operations::ALL {
        key.push(encoder.operations.letter());
        key.push('\0');
    }
    encoder.sight.write_key(&mut key);
    if encoder.expand.is_some() || !encoder.sight.email.is_local() {
        key.push('\0');
        write_principal(&encoder.asker.principal, &mut key);
    }
    key
}

/// Rules of related records may read anything of the principal, so all of it counts.
fn write_principal(principal: &Principal, key: &mut String) {
    let Some(identity) = principal.identity() else { return };
    key.push_str(&principal.actor());
    if identity.superuser {
        return;
    }
    let mut values = Vec::new();
    for (_, value) in identity.record.fields() {
        json::write_value(&mut values, value, Escape::Ascii);
        values.push(b',');
    }
    key.push_str(&String::from_utf8_lossy(&values));
}
