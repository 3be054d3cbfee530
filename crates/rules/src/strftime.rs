//! SQLite's `strftime`.

use crate::scalar::Scalar;
use tidewire_model::Timestamp;

/// `None` where only SQLite itself knows.
pub(crate) fn strftime<'a>(arguments: &[Scalar<'_>], now: Timestamp) -> Option<Scalar<'a>> {
    let _ = (arguments, now);
    None
}

/// True if `strftime` answers whatever the record holds.
pub(crate) fn is_known(_arguments: &[crate::node::Operand]) -> bool {
    false
}
