//! How long the disk itself takes to make a little data safe.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;

use crate::clock;
use crate::histogram::Histogram;

const PIECE: [u8; 4096] = [0x74; 4096];

/// Appends and syncs so many times, on the disk that servers get their folders on.
pub fn syncs(count: usize) -> Result<Histogram> {
    let mut file = tempfile::tempfile()?;
    let mut times = Histogram::default();
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&PIECE)?;
        file.sync_data()?;
        times.record(clock::nanos(begun.elapsed()));
    }
    Ok(times)
}
