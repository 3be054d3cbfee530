use crate::realtime::command::{Begin, Command};
use crate::realtime::entry::Entry;
use crate::realtime::event::Item;
use crate::realtime::queue::Sender;
use crate::realtime::shared::Shared;
use crate::realtime::state::State;
use crate::realtime::wire::{Live, Lost};
use crate::{Auth, Client, Error};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Keeps one stream of events open while somebody listens, and tells each subscription what is for it.
pub(crate) struct Task {
    pub(crate) client: Client,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) entries: Vec<Entry>,
    /// What buffers of subscriptions had no place for, in order: at most what came in one piece.
    pub(crate) stalled: VecDeque<(Sender, Item)>,
    /// the server must be told what is wanted now
    pub(crate) is_changed: bool,
    /// so many connections in a row were not had, or were of no use
    pub(crate) attempt: u32,
    /// who is signed in
    pub(crate) auth: watch::Receiver<Auth>,
    /// with which the topics were set last
    pub(crate) token: String,
}

/// Why a connection ended.
pub(crate) enum End {
    /// nobody listens any more
    Unwanted,
    Lost(Lost),
}

impl Task {
    pub(crate) fn start(client: Client, shared: Arc<Shared>, commands: mpsc::UnboundedReceiver<Command>) {
        let task = Self {
            auth: client.auth().changes(),
            client,
            shared,
            commands,
            entries: Vec::new(),
            stalled: VecDeque::new(),
            is_changed: false,
            attempt: 0,
            token: String::new(),
        };
        tokio::spawn(task.run());
    }

    async fn run(mut self) {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.apply(command);
            }
            if self.entries.is_empty() {
                if self.shared.retire(&self.commands) {
                    return;
                }
                continue;
            }
            match self.connection().await {
                End::Unwanted => {
                    self.attempt = 0;
                    self.shared.tell_disconnect(&[]);
                }
                End::Lost(lost) => self.lose(lost).await,
            }
        }
    }

    /// One connection, from its request to its end.
    async fn connection(&mut self) -> End {
        self.shared.set_state(match self.attempt {
            0 => State::Connecting,
            attempt => State::Reconnecting { attempt },
        });
        let client = self.client.clone();
        let opened = self.until(async move { Live::open(&client).await }).await;
        let mut live = match opened {
            None => return End::Unwanted,
            Some(Err(lost)) => return End::Lost(lost),
            Some(Ok(live)) => live,
        };
        self.is_changed = true;
        self.shared.set_fault(None);
        self.shared.set_state(State::Connected { client_id: live.client_id.clone() });
        self.greet(&live);
        live.serve(self).await
    }

    /// Commands are done meanwhile; `None` once nobody listens.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(command) = self.commands.recv() => {
                    self.apply(command);
                    if self.entries.is_empty() {
                        return None;
                    }
                }
                done = &mut work => return Some(done),
            }
        }
    }

    pub(crate) fn apply(&mut self, command: Command) {
        match command {
            Command::Begin(begin) => self.begin(*begin),
            Command::End(id) => {
                for entry in &mut self.entries {
                    entry.ears.retain(|ear| ear.id != id);
                }
                self.sweep();
            }
            Command::Forget(which) => {
                for entry in self.entries.iter_mut().filter(|entry| which.has(&entry.topic.name)) {
                    entry.ears.clear();
                }
                self.sweep();
            }
        }
    }

    fn begin(&mut self, begin: Begin) {
        match self.entries.iter_mut().find(|entry| entry.can_take(&begin)) {
            Some(entry) => entry.join(begin),
            None => {
                let mut entry = Entry::new(begin);
                if entry.is_greeting() && self.shared.is_connected() {
                    // no request sets it, and the next connection may be long in coming
                    entry.confirm(None, false);
                }
                self.entries.push(entry);
                self.is_changed = true;
            }
        }
    }

    /// What nobody listens to goes.
    pub(crate) fn sweep(&mut self) {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.ears.is_empty());
        self.is_changed |= self.entries.len() != before;
        self.stalled.retain(|(sink, _)| !sink.is_closed());
    }

    /// Hands an item to whoever listens to this entry, behind what is waiting.
    pub(crate) fn hand_out(&mut self, index: usize, item: Item) {
        let entry = &self.entries[index];
        for ear in &entry.ears {
            let item = item.clone();
            if !self.stalled.is_empty() {
                self.stalled.push_back((ear.sink.clone(), item));
            } else if let Err(item) = ear.sink.try_send(item) {
                self.stalled.push_back((ear.sink.clone(), item));
            }
        }
    }

    /// Subscribers of the greeting hear of each connection.
    fn greet(&mut self, live: &Live) {
        self.shared.tell_connect(&live.client_id);
        for index in 0..self.entries.len() {
            if self.entries[index].is_greeting() {
                let item = Item::Message { data: live.greeting.as_str().into(), cursor: None };
                self.entries[index].confirm(None, true);
                self.hand_out(index, item);
            }
        }
    }

    /// The connection is gone, or was not had: whoever is not patient and waits for its first answer is told, the others wait.
    async fn lose(&mut self, lost: Lost) {
        for index in 0..self.entries.len() {
            if let Some(item) = self.entries[index].lose() {
                self.hand_out(index, item);
            }
        }
        let wait = self.shared.backoff().wait(self.attempt, lost.retry_after());
        let was_connected = lost.was_connected;
        // a connection that went stale is no reason to refuse who comes: it is had anew first
        let fault =
            if !was_connected || self.attempt > 0 { self.fail_impatient(lost.error) } else { lost.error };
        if was_connected {
            let topics: Vec<String> = self.entries.iter().map(|entry| entry.topic.name.clone()).collect();
            self.shared.tell_disconnect(&topics);
        }
        self.attempt = self.attempt.saturating_add(1);
        if !self.entries.is_empty() {
            self.shared.set_fault(Some(fault));
            self.shared.set_state(State::Reconnecting { attempt: self.attempt });
            self.pause(wait).await;
        }
    }

    /// Whether somebody else is signed in than when the topics were set.
    pub(crate) fn look_at_auth(&mut self) {
        let is_changed = self.auth.borrow_and_update().token != self.token;
        self.is_changed |= is_changed;
    }

    async fn pause(&mut self, wait: Duration) {
        // nobody listens any more: there is nothing to wait for
        let _ = self.until(tokio::time::sleep(wait)).await;
    }

    /// Gives the error back, or one that says the same.
    fn fail_impatient(&mut self, error: Error) -> Error {
        let text = error.to_string();
        let mut error = Some(error);
        for entry in &mut self.entries {
            entry.ears.retain_mut(|ear| {
                if ear.is_patient || ear.done.is_none() {
                    return true;
                }
                if let Some(done) = ear.done.take() {
                    // whoever waited may have gone
                    let _ = done.send(Err(error.take().unwrap_or_else(|| Error::Lost(text.clone()))));
                }
                false
            });
        }
        self.sweep();
        error.unwrap_or(Error::Lost(text))
    }
}
