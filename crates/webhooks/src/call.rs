//! One call of a receiver.

use crate::{Hook, answer};
use serde_json::json;
use tidewire_hooks::{Asking, Elsewhere, Event, Handler, Hands, HookError, Occasion};
use tidewire_model::{Timestamp, id};
use tidewire_outbound::{Client, OutboundError, Request, Response};
use tokio::runtime::Handle;

/// Posts what happens to the URL of a hook and waits for the answer.
pub(crate) struct Caller {
    pub hook: Hook,
    pub client: Client,
    pub runtime: Handle,
}

/// On threads that may be blocked.
impl Handler for Caller {
    fn call(&self, occasion: &mut Occasion, _: &mut dyn Hands) -> Result<(), HookError> {
        let request = self.request(occasion, Timestamp::now().seconds())?;
        let answer = self.runtime.block_on(self.client.send(request));
        answer::take(occasion, &answer.map_err(failed)?)
    }
}

/// While a write waits.
impl Elsewhere for Caller {
    fn ask(&self, mut occasion: Occasion) -> Asking {
        let request = self.request(&occasion, Timestamp::now().seconds());
        let (client, runtime) = (self.client.clone(), self.runtime.clone());
        Box::pin(async move {
            let outcome = match request {
                Ok(request) => send(&runtime, client, request).await,
                Err(error) => Err(error),
            };
            let outcome = outcome.and_then(|response| answer::take(&mut occasion, &response));
            (occasion, outcome)
        })
    }
}

/// On the runtime of the hooks: whoever waits may have none.
async fn send(runtime: &Handle, client: Client, request: Request) -> Result<Response, HookError> {
    let sent = runtime.spawn(async move { client.send(request).await }).await;
    sent.map_err(|_| HookError::Failed("the server stops".to_owned()))?.map_err(failed)
}

fn failed(error: OutboundError) -> HookError {
    match error {
        OutboundError::TimedOut => HookError::TimedOut,
        other => HookError::Failed(other.to_string()),
    }
}

impl Caller {
    fn request(&self, occasion: &Occasion, now: i64) -> Result<Request, HookError> {
        let id = message_id(&self.hook, occasion);
        let body = json!({
            "id": id,
            "event": occasion.event.name(),
            "data": occasion.fields,
            "context": { "account_id": occasion.tenant.as_str(), "hook": self.hook.name },
        });
        let body = serde_json::to_vec(&body).map_err(|error| HookError::Failed(error.to_string()))?;
        let own = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Tidewire".to_owned()),
            ("webhook-id", id.clone()),
            ("webhook-timestamp", now.to_string()),
            ("webhook-signature", self.hook.secret.sign(&id, now, &body)),
        ];
        let more = self.hook.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let headers = own.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(more).collect();
        let (method, url) = ("POST".to_owned(), self.hook.url.clone());
        Ok(Request { method, url, headers, body, timeout: Some(self.hook.timeout()) })
    }
}

/// The same for every try of one change, so that receivers can tell what they had before.
fn message_id(hook: &Hook, occasion: &Occasion) -> String {
    let after = matches!(
        occasion.event,
        Event::RecordAfterCreate | Event::RecordAfterUpdate | Event::RecordAfterDelete
    );
    match occasion.fields.get("position").and_then(serde_json::Value::as_u64).filter(|_| after) {
        Some(position) => format!("msg_{}_{position}", hook.id),
        None => format!("msg_{}", id::lower(24)),
    }
}
