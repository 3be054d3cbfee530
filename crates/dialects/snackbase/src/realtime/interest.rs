//! What one subscription means to the feed.

use crate::realtime::encoder::RecordEncoder;
use crate::realtime::start;
use crate::realtime::wanted::Wanted;
use crate::record_json::RecordJson;
use crate::records::scope::is_shown;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_feed::{self as feed, ClassSpec, Interest, ResetReason};
use tidewire_model::{Catalog, Collection, Language, Principal, TenantId};
use tidewire_records::gate::{self, Which};
use tidewire_records::{Asker, account, personal};
use tidewire_rules::Residual;

/// A collection by name, looked up anew under every catalog and for every principal.
pub struct CollectionInterest {
    pub wanted: Wanted,
}

/// The same for one principal who may see something of it.
pub struct Shown {
    pub collection: Arc<Collection>,
    pub tenant: TenantId,
    pub gate: Residual,
    pub encoder: RecordEncoder,
}

impl Interest for CollectionInterest {
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec> {
        self.shown(catalog, principal)
            .map(|shown| shown.class(self.wanted.extras.leave))
            .into_iter()
            .collect()
    }

    /// Only those who know cursors understand it.
    fn reset(&self, reason: ResetReason, cursor: &str) -> Option<Bytes> {
        let Wanted { wire, collection, extras, .. } = &self.wanted;
        extras.cursor.then(|| wire.reset(collection, start::reason(reason), cursor))
    }
}

impl CollectionInterest {
    /// `None` if nothing of the collection can ever be seen.
    pub fn shown(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Option<Shown> {
        let Wanted { wire, collection: name, operations, extras, narrowed } = &self.wanted;
        let tenant = tenant_of(principal)?;
        let collection =
            catalog.find(&tenant, name).filter(|found| found.name == *name && is_shown(found))?;
        let asker = asker(principal, &tenant);
        let gate = gate::gate(catalog, collection, Which::View, &asker, &extras.filter)
            .and(gate::narrow(catalog, collection, &asker, narrowed));
        if gate.constant() == Some(false) {
            return None;
        }
        let encoder = RecordEncoder {
            wire: *wire,
            collection: name.clone(),
            operations: *operations,
            cursor: extras.cursor,
            json: record_json(collection, &asker),
        };
        Some(Shown { collection: collection.clone(), tenant, gate, encoder })
    }
}

impl Shown {
    fn class(self, leave: bool) -> ClassSpec {
        let Self { collection, tenant, gate, encoder } = self;
        let mut projection = format!(
            "snackbase\0{:?}{}{}\0",
            encoder.wire,
            encoder.operations.letter(),
            u8::from(encoder.cursor)
        );
        encoder.json.write_key(&mut projection);
        let topic = feed::Topic::Collection { tenant, collection: collection.id.clone() };
        ClassSpec { topic, gate, leave, projection, encoder: Arc::new(encoder) }
    }
}

/// Superadmins hear their own account.
pub fn tenant_of(principal: &Principal) -> Option<TenantId> {
    let identity = principal.identity()?;
    Some(if identity.superuser { TenantId::new(account::SYSTEM_ID) } else { identity.tenant.clone() })
}

fn asker(principal: &Principal, tenant: &TenantId) -> Asker {
    Asker {
        principal: principal.clone(),
        tenant: tenant.clone(),
        language: Language::SnackBase,
        context: "realtime",
        method: "GET".to_owned(),
        ..Asker::default()
    }
}

fn record_json(collection: &Arc<Collection>, asker: &Asker) -> RecordJson {
    let view = collection.projections.view.as_deref().filter(|_| !asker.is_superuser());
    RecordJson::new(collection, view, !personal::may_see(asker))
}
