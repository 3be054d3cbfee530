//! Query strings: filters, and the keys that mean something else.

const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;

/// Keys that are no filters.
const RESERVED: [&str; 15] = [
    "limit",
    "offset",
    "sort",
    "order",
    "populate",
    "select",
    "count",
    "id",
    "sort_by",
    "sort_order",
    "field",
    "operation",
    "count_field",
    "format",
    "collection",
];

/// All pairs, in order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Page {
    pub limit: u64,
    pub offset: u64,
}

impl Query {
    pub fn parse(raw: &str) -> Self {
        Self(form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// The last value, "" if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All values of a key that may be repeated, or hold several with commas between them.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(found, _)| found == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// Pairs that are filters.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| !RESERVED.contains(key))
    }

    /// What is out of bounds is moved into them.
    pub fn page(&self) -> Page {
        let number = |name: &str| self.get(name).trim().parse::<i64>().ok();
        let limit = number("limit").map_or(DEFAULT_LIMIT, |limit| limit.max(1).unsigned_abs());
        let offset = number("offset").map_or(0, |offset| offset.max(0).unsigned_abs());
        Page { limit: limit.min(MAX_LIMIT), offset }
    }

    /// The key to sort by and whether it goes down; the newest come first unless told otherwise.
    pub fn sort(&self) -> (&str, bool) {
        let first = |names: [&str; 2]| {
            let [a, b] = names.map(|name| self.get(name).trim());
            if a.is_empty() { b } else { a }
        };
        let (sort, order) = (first(["sort", "sort_by"]), first(["order", "sort_order"]));
        let descending = if order.is_empty() { true } else { !order.eq_ignore_ascii_case("asc") };
        match sort {
            "" => ("created_at", descending),
            sort => (sort.trim_start_matches(['-', '+']), descending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_sorts() {
        for (text, page, sort) in [
            ("", (100, 0), ("created_at", true)),
            ("limit=5&offset=2", (5, 2), ("created_at", true)),
            ("limit=99999&offset=-3", (1000, 0), ("created_at", true)),
            ("limit=0", (1, 0), ("created_at", true)),
            ("limit=x", (100, 0), ("created_at", true)),
            ("sort=age&order=asc", (100, 0), ("age", false)),
            ("sort=age", (100, 0), ("age", true)),
            ("sort_by=age&sort_order=ASC", (100, 0), ("age", false)),
        ] {
            let query = Query::parse(text);
            let (limit, offset) = page;
            assert_eq!((query.page(), query.sort()), (Page { limit, offset }, sort), "{text}");
        }
    }

    #[test]
    fn reserved_keys_are_no_filters() {
        let query =
            Query::parse("limit=1&id=x&%5Bor%5Drole=a&%5Bor%5Drole=b&field=f&name_contains=a+b%20c&status=");
        let filters: Vec<_> = query.filters().collect();
        assert_eq!(
            filters,
            [("[or]role", "a"), ("[or]role", "b"), ("name_contains", "a b c"), ("status", "")]
        );
        assert_eq!(Query::parse("select=a,b&select=c").all("select"), ["a", "b", "c"]);
    }
}
