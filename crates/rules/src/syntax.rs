//! Text to syntax tree.

/// A parsed expression; names are not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {}

/// Bounds on a filter text of a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// characters
    pub length: usize,
    /// comparisons
    pub count: usize,
    /// nested brackets and calls
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { length: 3500, count: 200, depth: 64 }
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub message: String,
    /// byte offset in the text
    pub at: usize,
}

impl Expr {
    pub fn parse(text: &str, limits: Limits) -> Result<Self, SyntaxError> {
        let _ = (text, limits);
        unimplemented!()
    }
}
