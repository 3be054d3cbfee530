use crate::{Failure, Remote, output, token};
use std::time::Duration;
use tidewire_client::realtime::{Backoff, State};
use tidewire_client::{Client, Error};
use tokio::sync::watch;

/// Who watches wants to go on soon after the server is back.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(5) };

/// Between two looks at the token.
const LOOK: Duration = Duration::from_secs(60);
/// tokens end at whole seconds
const SECOND: Duration = Duration::from_secs(1);

/// Tells people what happens to the connection while something is waited for.
pub struct Connection {
    client: Client,
    state: watch::Receiver<State>,
    /// there was one
    was_there: bool,
    /// it was said that there is none
    is_told: bool,
}

impl Connection {
    pub fn new(remote: &Remote) -> Self {
        let client = remote.client.clone();
        client.realtime().set_backoff(BACKOFF);
        let state = client.realtime().state();
        Self { client, state, was_there: false, is_told: false }
    }

    /// What the work gives. A failure if waiting for a connection is of no use.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::pin!(work);
        loop {
            let token = self.client.auth().token();
            tokio::select! {
                biased;
                Ok(()) = self.state.changed() => self.tell()?,
                () = token_ends(&token) => self.check_token()?,
                done = &mut work => return Ok(done),
            }
        }
    }

    /// A server takes those whose token has ended for guests: they would hear nothing, and not know why.
    fn check_token(&self) -> Result<(), Failure> {
        let token = self.client.auth().token();
        if token.is_empty() { Ok(()) } else { token::checked(&token).map(drop) }
    }

    fn tell(&mut self) -> Result<(), Failure> {
        match &*self.state.borrow_and_update() {
            State::Connected { .. } => {
                if std::mem::take(&mut self.is_told) {
                    output::note(if self.was_there { "connected again" } else { "connected" });
                }
                self.was_there = true;
            }
            State::Reconnecting { .. } => {
                // it may have come back meanwhile
                let Some(fault) = self.client.realtime().fault() else { return Ok(()) };
                if !self.was_there && !fault.is_temporary() {
                    return Err(Failure::of(&fault));
                }
                if !std::mem::replace(&mut self.is_told, true) {
                    output::note(&format!("{}; waiting for the server", reason(&fault)));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A token that was renewed meanwhile ends later.
async fn token_ends(token: &str) {
    match token::left(token) {
        // a clock that is set and a token that is renewed are noticed after a minute
        Some(left) => tokio::time::sleep(left.min(LOOK) + SECOND).await,
        None => std::future::pending().await,
    }
}

/// Connections that end have no sentence of their own.
fn reason(fault: &Error) -> String {
    match fault {
        Error::Lost(text) => format!("the connection was lost: {text}"),
        other => Failure::of(other).to_string(),
    }
}
