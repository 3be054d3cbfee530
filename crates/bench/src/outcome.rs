//! What one run of a row gives.

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// What is measured, with its unit.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub better: Better,
}

const fn higher(name: &'static str) -> Column {
    Column { name, better: Better::Higher }
}

const fn lower(name: &'static str) -> Column {
    Column { name, better: Better::Lower }
}

pub const DELIVERIES: Column = higher("deliveries/s");
pub const WRITES: Column = higher("writes/s");
pub const REQUESTS: Column = higher("requests/s");
pub const CPU_DELIVERY: Column = lower("CPU µs / delivery");
pub const CPU_WRITE: Column = lower("CPU µs / write");
pub const CPU_REQUEST: Column = lower("CPU µs / request");
pub const CPU_CLIENT: Column = lower("CPU µs / client");
pub const CPU_SECONDS: Column = lower("CPU s");
pub const P50: Column = lower("p50 ms");
pub const P90: Column = lower("p90 ms");
pub const P99: Column = lower("p99 ms");
pub const P999: Column = lower("p99.9 ms");
pub const LONGEST: Column = lower("max ms");
pub const P50_ALONE: Column = lower("p50 ms alone");
pub const P99_ALONE: Column = lower("p99 ms alone");
pub const P50_TIMES: Column = lower("p50, times that");
pub const P99_TIMES: Column = lower("p99, times that");
pub const SECONDS: Column = lower("all done s");
pub const RSS_START: Column = lower("RSS MiB at start");
pub const RSS_BEFORE: Column = lower("RSS MiB before");
pub const RSS_PEAK: Column = lower("RSS MiB peak");
pub const RSS_AFTER: Column = lower("RSS MiB after");
pub const RSS_EACH: Column = lower("RSS KiB each");
pub const KERNEL: Column = lower("kernel's TCP MiB");
pub const CAUGHT_UP: Column = lower("slow ones caught up s");

/// Deliveries that went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub order: u64,
    pub lost: u64,
    pub doubled: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub values: Vec<(&'static Column, f64)>,
    pub faults: Option<Faults>,
    /// share of a core that others used meanwhile
    pub foreign: Option<f64>,
}

impl Outcome {
    pub fn with(mut self, column: &'static Column, value: f64) -> Self {
        self.values.push((column, value));
        self
    }

    pub fn faults(self, faults: Faults) -> Self {
        Outcome { faults: Some(faults), ..self }
    }

    pub fn foreign(self, foreign: f64) -> Self {
        Outcome { foreign: Some(foreign), ..self }
    }
}
