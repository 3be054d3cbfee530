//! What is measured: a server's binary with its environment, or the machine itself.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PocketBase,
    Tidewire,
    /// Tidewire whose commits, as PocketBase's, do not wait for the disk
    Unsynced,
    /// a process that writes ready bytes to sockets
    Raw,
    /// the disk that the servers' data lie on
    Disk,
}

#[derive(Debug)]
pub struct Program {
    pub kind: Kind,
    /// of its binary; empty for what has none
    pub path: PathBuf,
}

impl Program {
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub fn environment(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::Unsynced => &[("TIDEWIRE_SYNC", "checkpoint")],
            _ => &[],
        }
    }

    /// It speaks the protocols of CocoBase and SnackBase.
    pub fn has_sockets(&self) -> bool {
        matches!(self.kind, Kind::Tidewire | Kind::Unsynced)
    }

    pub fn version(&self) -> Result<String> {
        let output = Command::new(&self.path).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::PocketBase => "PocketBase",
            Kind::Tidewire => "Tidewire",
            Kind::Unsynced => "Tidewire, unsynced",
            Kind::Raw => "raw writer",
            Kind::Disk => "the disk",
        }
    }
}
