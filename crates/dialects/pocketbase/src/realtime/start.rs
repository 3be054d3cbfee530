//! Where a new subscription begins: now, after what its client heard last, or after a snapshot.

use crate::App;
use crate::realtime::clients::Client;
use crate::realtime::frame;
use crate::realtime::interest::{TopicInterest, tenant_of};
use crate::realtime::snapshot;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_connection::snapshot::{Limits, Snapshot, Wanted};
use tidewire_feed::{ClassSpec, Interest as _, ResetReason, Start, Topic};
use tidewire_model::{Catalog, Position, Principal, Seq};
use tidewire_store::{Snapshot as View, StoreError};

/// As `since` of a topic whose messages are kept: all that are there.
const FIRST: &str = "first";

/// Decides for the new topics of one request.
pub struct Beginning<'a> {
    app: &'a App,
    client: &'a Client,
    principal: &'a Principal,
    /// bytes that snapshots may still take
    bytes: usize,
}

impl<'a> Beginning<'a> {
    pub fn new(app: &'a App, client: &'a Client, principal: &'a Principal) -> Self {
        Self { app, client, principal, bytes: app.realtime.options.snapshot_bytes }
    }

    pub async fn of(&mut self, interest: &Arc<TopicInterest>) -> Result<Start, StoreError> {
        let catalog = self.app.store.catalog();
        if interest.collection(&catalog, &tenant_of(self.principal)).is_none() {
            return self.of_messages(&catalog, interest);
        }
        let text = &*interest.topic.text;
        let mut preface = Vec::new();
        match self.wanted(interest).map(|cursor| self.position(cursor)) {
            Some(Ok(seq)) => return Ok(Start::After { seq, preface }),
            Some(Err(cause)) if interest.topic.flag("snapshot") => {
                let (_, cursor) = self.head();
                preface.push(frame::reset(text, reason(cause), &cursor));
            }
            Some(Err(cause)) => return Ok(self.reset(text, reason(cause))),
            None => {}
        }
        if interest.topic.flag("snapshot") {
            return self.snapshot(interest, preface).await;
        }
        Ok(Start::Now)
    }

    /// Of a custom topic. Where messages are kept, all of those come that still are, also if some are gone.
    fn of_messages(&self, catalog: &Catalog, interest: &TopicInterest) -> Result<Start, StoreError> {
        let (text, name) = (&*interest.topic.text, interest.topic.name());
        let is_kept = catalog.topics().keeping(name).is_some();
        let Some(wanted) = self.wanted(interest) else { return Ok(Start::Now) };
        if !is_kept {
            let cause = self.position(wanted).map_or_else(reason, |_| "not_kept");
            return Ok(self.reset(text, cause));
        }
        let tenant = tenant_of(self.principal);
        let store = &self.app.store;
        let floor = store.read_here(|view| view.topic_floor(&tenant, name))?.max(store.floor());
        if wanted == FIRST {
            return Ok(Start::After { seq: floor, preface: Vec::new() });
        }
        Ok(match self.position(wanted) {
            Ok(seq) if seq >= floor => Start::After { seq, preface: Vec::new() },
            Ok(_) | Err(ResetReason::Retention) => {
                let gone = frame::reset(text, reason(ResetReason::Retention), &self.cursor(floor));
                Start::After { seq: floor, preface: vec![gone] }
            }
            Err(cause) => self.reset(text, reason(cause)),
        })
    }

    /// The position that the client asks to go on from.
    fn wanted<'t>(&'t self, interest: &'t TopicInterest) -> Option<&'t str> {
        let since = interest.topic.option("since");
        if !since.is_empty() {
            return Some(since);
        }
        let in_time = self.client.opened.elapsed() <= self.app.realtime.options.resume_window;
        self.client.last_event_id.as_deref().filter(|_| in_time)
    }

    fn position(&self, cursor: &str) -> Result<Seq, ResetReason> {
        match self.app.feed.resume(cursor) {
            Err(ResetReason::InvalidCursor) => self.beginning_of(cursor),
            found => found,
        }
    }

    /// A client that heard nothing yet brings its client id: that was its last event.
    fn beginning_of(&self, client_id: &str) -> Result<Seq, ResetReason> {
        let seq = self.app.realtime.clients.began(client_id).ok_or(ResetReason::InvalidCursor)?;
        self.app.feed.check(&Position { epoch: self.app.store.epoch(), seq, offset: 0 })
    }

    /// The last position, and its cursor.
    fn head(&self) -> (Seq, String) {
        let seq = self.app.store.head();
        (seq, self.cursor(seq))
    }

    fn cursor(&self, seq: Seq) -> String {
        cursor(self.app, seq)
    }

    fn reset(&self, topic: &str, reason: &str) -> Start {
        let (seq, cursor) = self.head();
        Start::After { seq, preface: vec![frame::reset(topic, reason, &cursor)] }
    }

    async fn snapshot(
        &mut self,
        interest: &Arc<TopicInterest>,
        mut preface: Vec<Bytes>,
    ) -> Result<Start, StoreError> {
        let snapshot = self.taken(interest).await?;
        let (text, cursor) = (&*interest.topic.text, self.cursor(snapshot.head));
        // others share it, whatever is left for this request
        let bytes = snapshot.bytes();
        match snapshot.frames.filter(|_| bytes <= self.bytes) {
            Some(frames) => {
                self.bytes -= bytes;
                preface.extend(frames.iter().cloned());
                preface.push(frame::live(text, &cursor));
            }
            None => preface.push(frame::reset(text, "snapshot_too_large", &cursor)),
        }
        Ok(Start::After { seq: snapshot.head, preface })
    }

    async fn taken(&self, interest: &Arc<TopicInterest>) -> Result<Snapshot, StoreError> {
        let App { store, realtime, .. } = self.app;
        let (head, catalog) = (store.head(), store.catalog());
        let of_records = |class: &ClassSpec| !matches!(class.topic, Topic::Custom { .. });
        let Some(class) = interest.classes(&catalog, self.principal).into_iter().find(of_records) else {
            return Ok(Snapshot::empty(head));
        };
        let options = &realtime.options;
        let limits = Limits { records: options.snapshot_records, bytes: options.snapshot_bytes };
        let (reading, principal) = (interest.clone(), self.principal.clone());
        let read = move |view: &View<'_>| snapshot::take(view, &reading, &principal, limits);
        realtime.snapshots.take(store, Wanted::of(&class, catalog.revision), read).await
    }
}

/// The text of a position.
pub(super) fn cursor(app: &App, seq: Seq) -> String {
    app.feed.cursors().write(&Position { epoch: app.store.epoch(), seq, offset: 0 })
}

/// How a client is told it.
pub fn reason(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::EpochChanged => "epoch_changed",
        ResetReason::Retention => "retention",
        ResetReason::AheadOfHead => "ahead_of_head",
        ResetReason::InvalidCursor => "invalid_cursor",
    }
}
