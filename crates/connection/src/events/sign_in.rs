use super::Events;
use super::origin::user_agent;
use http::request::Parts;
use serde_json::Value as Json;
use std::net::IpAddr;
use std::sync::Arc;
use tidewire_hooks::{Event, Occasion, Refusal};
use tidewire_model::{Identity, Principal, Record, TenantId};
use tidewire_records::{Asker, show};

/// Somebody who wants to be signed in.
pub struct SignIn<'a> {
    pub tenant: &'a TenantId,
    /// name of the auth collection
    pub collection: &'a str,
    /// what was typed; "" if nothing was
    pub identity: &'a str,
    /// `password`, `oauth2`, `token refresh`, …
    pub method: &'static str,
    pub ip: IpAddr,
    /// of the request
    pub parts: &'a Parts,
}

impl Events {
    /// Asks whether somebody may try to sign in.
    pub async fn sign_in(&self, attempt: &SignIn<'_>) -> Result<(), Refusal> {
        if !self.hooks().has_for(Event::SignInBefore, attempt.collection) {
            return Ok(());
        }
        let hands = self.hands(&Asker { tenant: attempt.tenant.clone(), ..Asker::default() });
        let occasion = attempt.occasion(Event::SignInBefore);
        self.hooks().ask(occasion, hands).await.1
    }

    /// Somebody is signed in; nobody waits for what is done about it.
    pub fn signed_in(&self, attempt: &SignIn<'_>, record: &Arc<Record>) {
        if !self.hooks().has_for(Event::SignIn, attempt.collection) {
            return;
        }
        let asker = asker(record);
        let account = Some(attempt.tenant.as_str()).filter(|id| !id.is_empty());
        let occasion =
            attempt.occasion(Event::SignIn).with("user_id", record.id()).with("account_id", account);
        let shown = self.inner.store.read_here(|snapshot| show::show(snapshot, &asker, record, None, None));
        let shown = shown.unwrap_or_else(|error| {
            tracing::error!(%error, "hooks are told of a sign-in without the record");
            Json::Null
        });
        let (events, hands) = (self.clone(), self.hands(&asker));
        self.later(async move {
            // what has happened cannot be refused
            let _ = events.hooks().ask(occasion.with("record", shown), hands).await;
        });
    }
}

impl SignIn<'_> {
    fn occasion(&self, event: Event) -> Occasion {
        Occasion::new(event, self.tenant.clone())
            .of(self.collection)
            .with("identity", self.identity)
            .with("method", self.method)
            .with("ip", self.ip.to_string())
            .with("user_agent", user_agent(self.parts))
    }
}

/// The user, who sees their own record as a whole.
fn asker(record: &Arc<Record>) -> Asker {
    let identity = Identity {
        record: record.clone(),
        superuser: record.collection.is_superusers(),
        tenant: record.tenant.clone(),
        expires_at: None,
    };
    let tenant = record.tenant.clone();
    Asker { principal: Principal::Known(Arc::new(identity)), tenant, ..Asker::default() }
}
