use tidewire_model::{Record, Timestamp, Value};

/// Answer of the in-memory evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    /// other records decide: ask the store
    Ask,
}

/// What is left of a rule once the request is known: it reads the record, the clock, and at most other records.
#[derive(Clone, Debug)]
pub struct Residual {}

/// `field` must equal one of `values` in every record for which the residual holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Equality {
    pub field: Box<str>,
    pub values: Vec<Value>,
}

impl Residual {
    pub fn always() -> Self {
        unimplemented!()
    }

    pub fn never() -> Self {
        unimplemented!()
    }

    /// `Some` if it holds for every record, or for none.
    pub fn constant(&self) -> Option<bool> {
        unimplemented!()
    }

    pub fn and(self, other: Self) -> Self {
        let _ = other;
        unimplemented!()
    }

    pub fn or(self, other: Self) -> Self {
        let _ = other;
        unimplemented!()
    }

    /// True if no other record can matter: `eval` never answers `Ask`.
    pub fn is_local(&self) -> bool {
        unimplemented!()
    }

    /// Evaluates on one image of a record. `now` is what the time macros mean.
    pub fn eval(&self, record: &Record, now: Timestamp) -> Truth {
        let _ = (record, now);
        unimplemented!()
    }

    /// Appends a text that is equal exactly for equal residuals.
    pub fn write_key(&self, out: &mut String) {
        let _ = out;
        unimplemented!()
    }

    /// A necessary equality to index by, the most selective one that is known; `None` if there is none.
    pub fn equality(&self) -> Option<Equality> {
        unimplemented!()
    }
}
