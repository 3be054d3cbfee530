//! What is known of the request, and the macros that stand for conditions on it.

use super::Phrase;
use crate::facts::Facts;
use crate::scalar::Scalar;
use serde_json::Value as Json;
use tidewire_model::Value;

pub(super) const AUTH: &str = "@request.auth.";
pub(super) const DATA: &str = "@request.data.";
pub(super) const FACTS: [&str; 4] =
    ["@request.auth.account_id", "@request.auth.email", "@request.auth.id", "@request.auth.role"];

/// Hidden fields of a user's record.
const ROLE: &str = "accountRole";
const GROUPS: &str = "accountGroups";
/// The role of users that were given none.
const DEFAULT_ROLE: &str = "user";

/// The condition that a macro stands for; `None` if there is no such macro.
pub(super) fn meaning(name: &str, arguments: &[Phrase]) -> Option<Phrase> {
    let me = || Phrase::name("@request.auth.id");
    Some(match (name, arguments) {
        ("@owns_record" | "@is_creator", []) => Phrase::equal(Phrase::name("created_by"), me()),
        ("@owns_record", [Phrase::Literal(Scalar::Text(field))]) => Phrase::equal(Phrase::name(field), me()),
        ("@owns_record", [field]) => Phrase::equal(field.clone(), me()),
        ("@is_public", []) => Phrase::equal(Phrase::name("public"), Phrase::Literal(Scalar::Int(1))),
        ("@has_role", [role]) => Phrase::equal(Phrase::name("@request.auth.role"), role.clone()),
        _ => return None,
    })
}

impl Facts {
    /// The value of `@request.auth.…` or `@request.data.…`; NULL for guests and for what was not sent.
    pub(super) fn value(&self, name: &str) -> Scalar<'static> {
        if let Some(path) = name.strip_prefix(DATA) {
            let first = self.body.get(path.split('.').next().unwrap_or_default());
            let found = path.split('.').skip(1).fold(first, |json, key| json?.get(key));
            return found.map_or(Scalar::Null, |json| crate::eval::json_scalar(json).into_owned());
        }
        let Some(identity) = self.principal.identity() else { return Scalar::Null };
        let text = match name {
            "@request.auth.id" => identity.record.id(),
            "@request.auth.email" => identity.record.text("email"),
            "@request.auth.account_id" => identity.tenant.as_str(),
            "@request.auth.role" => match identity.record.text(ROLE) {
                "" => DEFAULT_ROLE,
                role => role,
            },
            _ => return Scalar::Null,
        };
        Scalar::text(text).into_owned()
    }

    /// Names of the groups that the principal is in.
    pub(super) fn memberships(&self) -> Vec<Phrase> {
        let groups = match self.principal.record().and_then(|record| record.get(GROUPS)) {
            Some(Value::Json(Json::Array(groups))) => groups.as_slice(),
            _ => &[],
        };
        groups.iter().filter_map(Json::as_str).map(Phrase::text).collect()
    }
}
