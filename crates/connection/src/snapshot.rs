//! The records that a subscription shows now, as frames, all read at one position: read and encoded once for all who ask for
//! the same at the same time.

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tidewire_feed::{ClassSpec, Topic};
use tidewire_model::{Record, Seq};
use tidewire_store::{Snapshot as View, Store, StoreError};
use tokio::sync::Semaphore;

/// Frames are joined up to this length, so that a snapshot is few entries in each queue.
const PIECE: usize = 32 * 1024;
/// A snapshot is shared for at most so long, and given back then.
const KEPT: Duration = Duration::from_secs(5);
/// Different snapshots that are shared, and their bytes; beyond it all are forgotten and read again when they are asked for.
const SNAPSHOTS: usize = 1024;
const BYTES: usize = 64 << 20;

/// What one snapshot may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub records: usize,
    pub bytes: usize,
}

/// Whole frames in pieces, and the position they were read at.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub head: Seq,
    /// of the definitions they were read under
    pub revision: u64,
    /// `None`: it is larger than the limits
    pub frames: Option<Arc<[Bytes]>>,
}

/// Which snapshot: equal ones have equal bytes.
pub struct Wanted {
    key: String,
    revision: u64,
    /// the only collection that it shows and asks; `None` if it may read others, or the clock
    collection: Option<Box<str>>,
}

/// The snapshots that are being read, or were a moment ago.
#[derive(Default)]
pub struct Snapshots {
    flights: Arc<Mutex<HashMap<String, Arc<Flight>>>>,
    reads: AtomicU64,
}

/// One snapshot: who asks while it is read waits, and reads again or shares what was read meanwhile.
struct Flight {
    turn: Semaphore,
    last: Mutex<Option<Snapshot>>,
}

impl Wanted {
    /// What the members of a class see now, under the definitions of this revision.
    pub fn of(class: &ClassSpec, revision: u64) -> Self {
        let mut key = format!("{revision} {:?}\0{}\0", class.topic, class.projection);
        class.gate.write_key(&mut key);
        let alone = class.gate.is_local() && !class.gate.reads().clock() && !class.encoder.needs_store();
        let collection = match &class.topic {
            Topic::Collection { collection, .. } | Topic::Record { collection, .. } if alone => {
                Some(collection.clone())
            }
            _ => None,
        };
        Self { key, revision, collection }
    }
}

impl Snapshots {
    /// The snapshot as it is now or was at an equal state: whatever was committed before the call is in it. `read` may
    /// block, and runs on a reader's thread if nobody else has read it.
    pub async fn take<F>(&self, store: &Store, wanted: Wanted, read: F) -> Result<Snapshot, StoreError>
    where
        F: FnOnce(&View<'_>) -> Result<Snapshot, StoreError> + Send + 'static,
    {
        let asked = store.head();
        let touched = wanted.collection.as_ref().map(|collection| store.touched(collection));
        let flight = self.flight(wanted.key);
        let _turn = flight.turn.acquire().await.map_err(|_| StoreError::Closed)?;
        let shared = flight.last.lock().clone().and_then(|last| last.at(asked, touched));
        if let Some(shared) = shared {
            return Ok(shared);
        }
        self.reads.fetch_add(1, Relaxed);
        let taken = store.read(read).await?;
        // under other definitions than the key was made with it may show others too much
        *flight.last.lock() = (taken.revision == wanted.revision).then(|| taken.clone());
        Ok(taken)
    }

    /// How often the store was read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    fn flight(&self, key: String) -> Arc<Flight> {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        let bytes: usize = flights.values().map(|flight| flight.bytes()).sum();
        if flights.len() >= SNAPSHOTS || bytes > BYTES {
            flights.clear();
        }
        let flight = Arc::new(Flight { turn: Semaphore::new(1), last: Mutex::default() });
        flights.insert(key.clone(), flight.clone());
        let (flights, mine) = (self.flights.clone(), flight.clone());
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            let mut flights = flights.lock();
            if flights.get(&key).is_some_and(|known| Arc::ptr_eq(known, &mine)) {
                flights.remove(&key);
            }
        });
        flight
    }
}

impl Snapshot {
    /// Of what shows nothing.
    pub fn empty(head: Seq) -> Self {
        Self { head, revision: 0, frames: Some(Arc::default()) }
    }

    /// Frames of all records, if they are within the limits.
    pub fn of(
        view: &View<'_>,
        records: &[Arc<Record>],
        limits: Limits,
        mut write: impl FnMut(&Arc<Record>, &mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let (head, revision) = (view.head()?, view.catalog().revision);
        let too_large = Self { head, revision, frames: None };
        if records.len() > limits.records {
            return Ok(too_large);
        }
        let (mut pieces, mut piece, mut total) = (Vec::new(), Vec::new(), 0);
        for record in records {
            write(record, &mut piece)?;
            if total + piece.len() > limits.bytes {
                return Ok(too_large);
            }
            if piece.len() >= PIECE {
                total += piece.len();
                pieces.push(Bytes::from(std::mem::take(&mut piece)));
            }
        }
        if !piece.is_empty() {
            pieces.push(piece.into());
        }
        Ok(Self { head, revision, frames: Some(pieces.into()) })
    }

    pub fn bytes(&self) -> usize {
        self.frames.iter().flat_map(|frames| frames.iter()).map(Bytes::len).sum()
    }

    /// The same for whoever asked at the position `asked`, when what it reads had changed at `touched` last.
    fn at(self, asked: Seq, touched: Option<Seq>) -> Option<Self> {
        match touched {
            Some(touched) if touched <= self.head => Some(Self { head: self.head.max(asked), ..self }),
            _ => (asked <= self.head).then_some(self),
        }
    }
}

impl Flight {
    fn bytes(&self) -> usize {
        self.last.lock().as_ref().map_or(0, Snapshot::bytes)
    }
}

#[cfg(test)]
mod tests;
