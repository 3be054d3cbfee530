use crate::StoreError;
use crate::definition;
use crate::kept;
use rusqlite::Connection;
use std::time::{Duration, Instant};
use tidewire_model::{Catalog, Seq, Timestamp};

/// When change rows may be deleted: as soon as one bound is passed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// changes kept in all; default 1 000 000
    pub count: u64,
    /// seconds; default 7 days
    pub age: u64,
    /// bytes of images; default 1 GiB
    pub size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { count: 1_000_000, age: 7 * 24 * 3600, size: 1 << 30 }
    }
}

/// changes deleted in one transaction
const BATCH: u64 = 1000;
/// how often the clock is asked when nobody writes
const TICK: Duration = Duration::from_secs(60);

/// Deletes old change rows, a batch at a time.
pub(crate) struct Keeper {
    retention: Retention,
    floor: Seq,
    /// up to where rows must go
    target: Seq,
    /// the head at the last look
    seen: Seq,
    next_look: Instant,
    /// up to where messages were looked at, while that is under way
    sweeping: Option<Seq>,
    next_sweep: Instant,
}

impl Keeper {
    pub(crate) fn new(retention: Retention, floor: Seq) -> Self {
        let now = Instant::now();
        Self { retention, floor, target: floor, seen: 0, next_look: now, sweeping: None, next_sweep: now }
    }

    /// When the writer should come back if nothing is written until then.
    pub(crate) fn next_look(&self) -> Instant {
        if self.target > self.floor || self.sweeping.is_some() {
            Instant::now()
        } else {
            self.next_look.min(self.next_sweep)
        }
    }

    /// After an error: not again before the next look.
    pub(crate) fn pause(&mut self) {
        self.target = self.floor;
        self.next_look = Instant::now() + TICK;
    }

    /// Whether there is something to delete.
    pub(crate) fn has_work(
        &mut self,
        connection: &Connection,
        head: Seq,
        bytes: u64,
    ) -> Result<bool, StoreError> {
        Ok(self.target > self.floor || self.look(connection, head, bytes)?)
    }

    /// Looks after messages that are kept, a batch at a time, from the first on whenever the clock says so.
    pub(crate) fn sweep(&mut self, connection: &mut Connection, catalog: &Catalog) -> Result<(), StoreError> {
        if self.sweeping.is_none() && Instant::now() >= self.next_sweep {
            self.next_sweep = Instant::now() + TICK;
            self.sweeping = Some(0);
        }
        let Some(from) = self.sweeping.take() else { return Ok(()) };
        self.sweeping = kept::sweep(connection, catalog, from, Timestamp::now())?;
        Ok(())
    }

    /// Deletes one batch. Returns the new floor.
    pub(crate) fn work(&mut self, connection: &mut Connection) -> Result<Seq, StoreError> {
        let upto = self.target.min(self.floor + BATCH);
        let transaction = connection.transaction()?;
        transaction.prepare_cached("DELETE FROM tw_change WHERE seq <= ?")?.execute([upto as i64])?;
        definition::purge(&transaction, upto)?;
        kept::purge(&transaction, upto)?;
        transaction.commit()?;
        self.floor = upto;
        Ok(upto)
    }

    /// Finds out up to where the bounds are passed. To spare transactions of one row, a look waits until a part of the
    /// allowed count was written, or for the clock.
    fn look(&mut self, connection: &Connection, head: Seq, bytes: u64) -> Result<bool, StoreError> {
        let now = Instant::now();
        let slack = (self.retention.count / 16).clamp(1, BATCH);
        if head < self.seen + slack && now < self.next_look {
            return Ok(false);
        }
        self.seen = head;
        self.next_look = now + TICK;
        let by_count = head.saturating_sub(self.retention.count);
        let oldest =
            Timestamp::now().millis().saturating_sub_unsigned(self.retention.age.saturating_mul(1000));
        let by_age = self.last(connection, head, |row| row.at < oldest)?;
        let surplus = bytes.saturating_sub(self.retention.size);
        let by_size = self.last(connection, head, |row| row.bytes < surplus)?;
        self.target = by_count.max(by_age).max(by_size).min(head);
        Ok(self.target > self.floor)
    }

    /// The last change of which `old` is true, if it is true of all before it.
    fn last(
        &self,
        connection: &Connection,
        head: Seq,
        old: impl Fn(&Row) -> bool,
    ) -> Result<Seq, StoreError> {
        let (mut low, mut high) = (self.floor, head);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if old(&row(connection, middle)?) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }
}

struct Row {
    at: i64,
    /// size of all images before this one's
    bytes: u64,
}

fn row(connection: &Connection, seq: Seq) -> Result<Row, StoreError> {
    let mut statement = connection.prepare_cached("SELECT at, bytes FROM tw_change WHERE seq=?")?;
    Ok(statement
        .query_row([seq as i64], |row| Ok(Row { at: row.get(0)?, bytes: row.get::<_, i64>(1)? as u64 }))?)
}
