use crate::known::Name;
use crate::touched::Touched;
use sha2::{Digest, Sha256};
use tidewire_model::Record;
use tidewire_rules::{Reads, Residual};

/// What the answers to one gate rest on: fields of the image, and collections of other records.
pub(crate) struct Basis {
    /// of the gate, under one revision of the definitions
    gate: Name,
    reads: Reads,
    /// of the collections that it reads
    pub places: Box<[usize]>,
}

impl Basis {
    /// `None` if an answer holds for its moment only.
    pub fn of(gate: &Residual, revision: u64) -> Option<Self> {
        let reads = gate.reads();
        if reads.clock() {
            return None;
        }
        let mut key = format!("{revision} ");
        gate.write_key(&mut key);
        let places = reads.others().map(|(tenant, id)| Touched::place(tenant, id)).collect();
        Some(Self { gate: Sha256::digest(key.as_bytes()).into(), reads, places })
    }

    /// Equal names, equal answers for as long as the collections stay as they are. `None` for an image of another
    /// definition.
    pub fn name(&self, image: &Record) -> Option<Name> {
        let mut text = self.gate.to_vec();
        self.reads.write_image(image, &mut text).then(|| Sha256::digest(&text).into())
    }
}
