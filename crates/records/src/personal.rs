//! Who sees personal data as they are.

use crate::{Asker, user};

/// The group whose members do.
pub const GROUP: &str = "pii_access";

/// Refuses a filter or sort by what the asker sees masked: its answer would tell the value.
pub(crate) fn permit(asker: &Asker, field: Option<&str>) -> Result<(), String> {
    match field.filter(|_| !may_see(asker)) {
        Some(name) => Err(format!("Field '{name}' is masked for you and cannot be used in filters or sorts")),
        None => Ok(()),
    }
}

/// Superusers and members of the group.
pub fn may_see(asker: &Asker) -> bool {
    let Some(record) = asker.principal.record() else { return false };
    asker.is_superuser() || user::groups(record).contains(&GROUP)
}
