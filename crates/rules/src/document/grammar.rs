//! Filter keys: `[or]`, `[or:group]`, `a__or__b_op`, `a__and__b_op`, `field_op`, `field__op`.

use super::operator::Operator;

/// One key of a filter, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Key<'a> {
    /// "" for `[or]` without a name
    pub(super) group: Option<&'a str>,
    /// one part is enough
    pub(super) any: bool,
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Part<'a> {
    pub(super) field: &'a str,
    pub(super) operator: Operator,
}

impl<'a> Key<'a> {
    pub(super) fn parse(key: &'a str) -> Self {
        let (group, body) = split_group(key);
        let (any, texts): (bool, Vec<&str>) = if body.contains("__or__") {
            (true, body.split("__or__").collect())
        } else {
            (false, body.split("__and__").collect())
        };
        let parts: Vec<_> = texts.into_iter().map(split_operator).collect();
        // what the last part asks is asked of those that say nothing themselves
        let last = parts.last().and_then(|(_, operator)| *operator).unwrap_or(Operator::Equal);
        let part = |(field, operator): (&'a str, Option<Operator>)| Part {
            field,
            operator: operator.unwrap_or(last),
        };
        Self { group, any, parts: parts.into_iter().map(part).collect() }
    }
}

fn split_group(key: &str) -> (Option<&str>, &str) {
    if let Some(body) = key.strip_prefix("[or]") {
        return (Some(""), body);
    }
    match key.strip_prefix("[or:").and_then(|rest| rest.split_once(']')) {
        Some((group, body)) => (Some(group), body),
        None => (None, key),
    }
}

/// Cuts at the last `__`, else at the last `_`, if an operator follows; a part without a field is a field as a whole.
fn split_operator(part: &str) -> (&str, Option<Operator>) {
    for separator in ["__", "_"] {
        if let Some((field, tail)) = part.rsplit_once(separator)
            && let Some(operator) = Operator::named(tail)
        {
            return if field.is_empty() { (part, None) } else { (field, Some(operator)) };
        }
    }
    (part, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written as `group|any?|field op,field op`.
    fn check(key: &str, expected: &str) {
        let found = Key::parse(key);
        let parts: Vec<_> =
            found.parts.iter().map(|part| format!("{} {}", part.field, part.operator.name())).collect();
        let group = found.group.unwrap_or("-");
        let joint = if found.any { "any" } else { "all" };
        assert_eq!(format!("{group}|{joint}|{}", parts.join(",")), expected, "{key}");
    }

    #[test]
    fn keys_are_taken_apart() {
        for (key, expected) in [
            ("status", "-|all|status eq"),
            ("status_eq", "-|all|status eq"),
            ("age_gte", "-|all|age gte"),
            ("age__gte", "-|all|age gte"),
            ("user_id", "-|all|user_id eq"),
            ("first_name", "-|all|first_name eq"),
            ("user_id_in", "-|all|user_id in"),
            ("role_notin", "-|all|role notin"),
            ("name_icontains", "-|all|name contains"),
            // an operator that a field's name ends in is taken for one
            ("checked_in", "-|all|checked in"),
            ("checked_in_eq", "-|all|checked_in eq"),
            ("_in", "-|all|_in eq"),
            ("__in", "-|all|__in eq"),
            ("", "-|all| eq"),
            ("[or]age_gte", "|all|age gte"),
            ("[or:g1]b_ne", "g1|all|b ne"),
            ("[or:open", "-|all|[or:open eq"),
            ("name__or__email_contains", "-|any|name contains,email contains"),
            ("name_eq__or__email_contains", "-|any|name eq,email contains"),
            ("a__or__b__or__c_contains", "-|any|a contains,b contains,c contains"),
            ("a__and__b_gt", "-|all|a gt,b gt"),
            ("[or]name__or__email_contains", "|any|name contains,email contains"),
            ("author.role_ne", "-|all|author.role ne"),
        ] {
            check(key, expected);
        }
    }
}
