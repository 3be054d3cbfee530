use crate::checkpoint::Log;
use crate::demand::Demand;
use crate::touched::Touched;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidewire_model::{Catalog, Epoch, Seq, Timings};

/// What everybody may see of the last commit without asking the database.
pub(crate) struct Published {
    pub(crate) demand: Arc<Demand>,
    pub(crate) log: Arc<Log>,
    pub(crate) epoch: Epoch,
    catalog: ArcSwap<Catalog>,
    head: AtomicU64,
    floor: AtomicU64,
    touched: Touched,
    /// how long transactions took, from their begin to the end of their commit
    pub(crate) commits: Timings,
    /// jobs in them
    pub(crate) jobs: AtomicU64,
}

impl Published {
    pub(crate) fn new(
        epoch: Epoch,
        catalog: Arc<Catalog>,
        head: Seq,
        floor: Seq,
        demand: Arc<Demand>,
        log: Arc<Log>,
    ) -> Self {
        Self {
            demand,
            log,
            epoch,
            catalog: ArcSwap::new(catalog),
            head: AtomicU64::new(head),
            floor: AtomicU64::new(floor),
            touched: Touched::new(head),
            commits: Timings::default(),
            jobs: AtomicU64::new(0),
        }
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    pub(crate) fn head(&self) -> Seq {
        self.head.load(Ordering::Acquire)
    }

    pub(crate) fn floor(&self) -> Seq {
        self.floor.load(Ordering::Acquire)
    }

    pub(crate) fn touched(&self) -> &Touched {
        &self.touched
    }

    pub(crate) fn set_catalog(&self, catalog: Arc<Catalog>) {
        self.catalog.store(catalog);
    }

    pub(crate) fn set_head(&self, head: Seq) {
        self.head.store(head, Ordering::Release);
    }

    pub(crate) fn set_floor(&self, floor: Seq) {
        self.floor.store(floor, Ordering::Release);
    }
}
