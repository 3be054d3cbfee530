//! Who sees personal data as they are.

use crate::{Asker, user};

/// The group whose members do.
pub const GROUP: &str = "pii_access";

/// Superusers and members of the group.
pub fn may_see(asker: &Asker) -> bool {
    let Some(record) = asker.principal.record() else { return false };
    asker.is_superuser() || user::groups(record).contains(&GROUP)
}
