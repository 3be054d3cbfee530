//! Who sees personal data as they are.

use crate::Asker;
use serde_json::Value as Json;
use tidewire_model::Value;

/// The group whose members do.
pub const GROUP: &str = "pii_access";
/// Groups of a user, by id; the ids of groups with this name end with it.
const GROUPS: &str = "accountGroups";

/// Superusers and members of the group.
pub fn may_see(asker: &Asker) -> bool {
    let Some(record) = asker.principal.record() else { return false };
    let is_it = |group: &Json| group.as_str().is_some_and(|group| group == GROUP);
    asker.is_superuser()
        || matches!(record.get(GROUPS), Some(Value::Json(Json::Array(groups))) if groups.iter().any(is_it))
}
