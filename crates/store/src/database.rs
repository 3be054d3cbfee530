use crate::StoreError;
use crate::checkpoint::Log;
use crate::demand::Demand;
use crate::layout::Layout;
use crate::short::{self, Budget};
use crate::stand_in::StandIns;
use crate::{distance, document};
use hashbrown::HashMap;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};
use std::cell::RefCell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidewire_model::Collection;

/// statements kept ready per connection
const STATEMENTS: usize = 256;
/// layouts kept per connection, before the deleted ones among them are dropped with all others
const LAYOUTS: usize = 4096;
/// KiB of pages kept per connection; the system keeps the file beside that
const CACHE: i64 = 8_000;
/// bytes to which the write-ahead log is cut back after a checkpoint
const WAL_KEPT: i64 = 64 << 20;
/// how long to wait for another process that looks into the file
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// When the disk is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// by each commit: what was acknowledged survives a power cut
    #[default]
    Commit,
    /// by checkpoints only: a power cut may take the last commits, a crash of the process takes none
    Checkpoint,
}

/// One connection and what is kept ready on it.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    layouts: RefCell<HashMap<Box<str>, Arc<Layout>>>,
    pub(crate) stand_ins: RefCell<StandIns>,
    pub(crate) demand: Arc<Demand>,
}

impl Database {
    pub(crate) fn open_writer(
        file: &Path,
        durability: Durability,
        demand: Arc<Demand>,
        log: Arc<Log>,
    ) -> Result<Self, StoreError> {
        let mut connection = Connection::open(file)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(StoreError::Database(format!("journal mode is {mode} instead of wal")));
        }
        let level = match durability {
            Durability::Commit => "FULL",
            Durability::Checkpoint => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", level)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
        // takes the place of SQLite's own checkpoints
        connection.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            log.committed(pages.unsigned_abs());
            Ok(())
        }))?;
        Self::new(connection, demand)
    }

    /// The file is opened read-only, while temporary tables stay possible (`query_only` would forbid both).
    pub(crate) fn open_reader(
        file: &Path,
        demand: Arc<Demand>,
        budget: Arc<Budget>,
    ) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(file, flags)?;
        connection.progress_handler(short::STRIDE, Some(move || budget.look()))?;
        Self::new(connection, demand)
    }

    fn new(connection: Connection, demand: Arc<Demand>) -> Result<Self, StoreError> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        distance::register(&connection)?;
        document::register(&connection)?;
        Ok(Self { connection, layouts: RefCell::default(), stand_ins: RefCell::default(), demand })
    }

    pub(crate) fn layout(&self, collection: &Arc<Collection>) -> Arc<Layout> {
        let mut layouts = self.layouts.borrow_mut();
        if let Some(layout) = layouts.get(&collection.id)
            && Arc::ptr_eq(&layout.collection, collection)
        {
            return layout.clone();
        }
        if layouts.len() >= LAYOUTS {
            layouts.clear();
        }
        let layout = Arc::new(Layout::new(collection.clone()));
        layouts.insert(collection.id.clone(), layout.clone());
        layout
    }

    /// Runs a statement without parameters and rows, e.g. COMMIT.
    pub(crate) fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute(())?;
        Ok(())
    }
}
