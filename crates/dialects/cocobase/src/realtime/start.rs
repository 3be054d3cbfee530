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
use tidewire_feed::{ResetReason, Start};
use tidewire_model::{Position, Record, Seq, Timestamp};
use tidewire_rules::{Query, Residual};
use tidewire_store::StoreError;

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
        let (seq, records) = self.snapshot().await.map_err(|error| {
            tracing::error!(%error, collection = self.path, "cannot take a snapshot");
            Refusal::Unavailable
        })?;
        let mut preface = vec![self.connected(recovered, seq)];
        let (name, cursor) = (&self.interest.collection.name, self.cursor(seq));
        match self.frames(&records) {
            Some(frames) => {
                preface.extend(frames);
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

    /// One record more than the limit, so that it can be told that it was passed.
    async fn snapshot(&self) -> Result<(Seq, Vec<Arc<Record>>), StoreError> {
        let limit = self.app.realtime.options.snapshot_records as u64 + 1;
        let (interest, principal) = (self.interest.clone(), self.visitor.principal.clone());
        let read = self.app.store.read(move |view| {
            let collection = &interest.collection;
            let gate: Residual = interest.gate(view.catalog(), collection, &principal);
            let query = Query::new(collection, interest.access.project(), Timestamp::now()).filter(&gate);
            Ok((view.head()?, view.select(collection, &query.page(limit, 0))?))
        });
        read.await
    }

    /// `None`: they are more than a snapshot may have.
    fn frames(&self, records: &[Arc<Record>]) -> Option<Vec<Bytes>> {
        let options = &self.app.realtime.options;
        if records.len() > options.snapshot_records {
            return None;
        }
        let mut left = options.snapshot_bytes;
        let mut frames = Vec::with_capacity(records.len());
        for record in records {
            let frame = event::snapshot(record);
            left = left.checked_sub(frame.len())?;
            frames.push(frame);
        }
        Some(frames)
    }
}
