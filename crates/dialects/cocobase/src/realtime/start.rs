//! Where a watch begins, and the frames that come before its first change.

use crate::App;
use crate::realtime::event;
use crate::realtime::first_frame::FirstFrame;
use crate::realtime::frame;
use crate::realtime::interest::CollectionInterest;
use crate::realtime::refusal::Refusal;
use crate::realtime::visitor::Visitor;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_connection::snapshot::{Limits, Snapshot, Wanted};
use tidewire_feed::{ResetReason, Start};
use tidewire_model::{Position, Principal, Seq, Timestamp};
use tidewire_rules::{Query, Residual};
use tidewire_store::{Snapshot as View, StoreError};

/// What the beginning is decided by.
pub struct Beginning<'a> {
    pub app: &'a App,
    pub path: &'a str,
    pub frame: &'a FirstFrame,
    pub interest: &'a Arc<CollectionInterest>,
    pub visitor: &'a Visitor,
}

impl Beginning<'_> {
    /// The confirmation is the first frame, and every change that is committed after it was sent comes after it.
    pub async fn find(&self) -> Result<Start, Refusal> {
        let resumed = self.frame.since.as_ref().map(|since| self.app.feed.resume(since));
        match resumed {
            Some(Ok(seq)) => Ok(Start::After { seq, preface: vec![self.connected(Some(Ok(())), seq)] }),
            Some(Err(reason)) => self.anew(Some(Err(reason))).await,
            None => self.anew(None).await,
        }
    }

    async fn anew(&self, recovered: Option<Result<(), ResetReason>>) -> Result<Start, Refusal> {
        if !self.frame.snapshot {
            let seq = self.app.store.head();
            return Ok(Start::After { seq, preface: vec![self.connected(recovered, seq)] });
        }
        let taken = self.snapshot().await.map_err(|error| {
            tracing::error!(%error, collection = self.path, "cannot take a snapshot");
            Refusal::Unavailable
        })?;
        let seq = taken.head;
        let mut preface = vec![self.connected(recovered, seq)];
        let (name, cursor) = (&self.interest.collection.name, self.cursor(seq));
        match taken.frames {
            Some(frames) => {
                preface.extend(frames.iter().cloned());
                preface.push(event::live(name, &cursor));
            }
            None => preface.push(event::too_large(name, &cursor)),
        }
        Ok(Start::After { seq, preface })
    }

    fn connected(&self, recovered: Option<Result<(), ResetReason>>, seq: Seq) -> Bytes {
        frame::object(|out| {
            out.text("event", "connected");
            out.text("collection_id", self.path);
            if !self.frame.filters.is_empty() {
                out.object("filters", |filters| {
                    self.frame.filters.iter().for_each(|(key, value)| filters.json(key, value));
                });
            }
            out.recovered(recovered);
            if self.frame.cursor {
                out.text("cursor", &self.cursor(seq));
            }
        })
    }

    fn cursor(&self, seq: Seq) -> String {
        self.app.feed.cursors().write(&Position { epoch: self.app.store.epoch(), seq, offset: 0 })
    }

    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let App { store, realtime, .. } = self.app;
        let (head, catalog) = (store.head(), store.catalog());
        let Some(class) = self.interest.class(&catalog, &self.visitor.principal) else {
            return Ok(Snapshot::empty(head));
        };
        let options = &realtime.options;
        let limits = Limits { records: options.snapshot_records, bytes: options.snapshot_bytes };
        let (interest, principal) = (self.interest.clone(), self.visitor.principal.clone());
        let read = move |view: &View<'_>| take(view, &interest, &principal, limits);
        realtime.snapshots.take(store, Wanted::of(&class, catalog.revision), read).await
    }
}

/// Blocks: for a reader's thread.
fn take(
    view: &View<'_>,
    interest: &CollectionInterest,
    principal: &Principal,
    limits: Limits,
) -> Result<Snapshot, StoreError> {
    let collection = &interest.collection;
    let gate: Residual = interest.gate(view.catalog(), collection, principal);
    let query = Query::new(collection, interest.access.project(), Timestamp::now()).filter(&gate);
    // one more than the limit, so that it can be told that it was passed
    let records = view.select(collection, &query.page(limits.records as u64 + 1, 0))?;
    Snapshot::of(view, &records, limits, |record, out| {
        event::write_snapshot(record, out);
        Ok(())
    })
}
