use serde_json::Value as Json;
use std::cmp::Ordering;

/// An order of records that can be told from what they show, without asking the server: that of SQLite, in which the server sorts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    /// field, and whether descending
    keys: Vec<(String, bool)>,
}

/// Values whose order is not known here: a list, an object, or none at all.
#[derive(Debug, PartialEq)]
pub(crate) struct Unknown;

impl Order {
    /// `None` if it goes by more than fields of the record itself.
    pub(crate) fn of(sort: &str) -> Option<Self> {
        let keys = sort.split(',').map(str::trim).map(|key| {
            let name = key.strip_prefix(['-', '+']).unwrap_or(key);
            let is_field = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_field.then(|| (name.to_owned(), key.starts_with('-')))
        });
        Some(Self { keys: keys.collect::<Option<_>>()? })
    }

    /// What a record is sorted by.
    pub(crate) fn key(&self, record: &Json) -> Result<Key, Unknown> {
        self.keys.iter().map(|(name, _)| Value::of(record.get(name).ok_or(Unknown)?)).collect()
    }

    pub(crate) fn compare(&self, left: &Key, right: &Key) -> Ordering {
        for ((left, right), (_, descending)) in left.iter().zip(right).zip(&self.keys) {
            let order = left.compare(right);
            if order.is_ne() {
                return if *descending { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    }
}

/// The list's order, with ties by id: so it is the same whoever asks.
pub(crate) fn with_ties(sort: Option<&str>) -> String {
    match sort.map(str::trim).filter(|sort| !sort.is_empty()) {
        None => "id".to_owned(),
        Some(sort) => format!("{sort},id"),
    }
}

pub(crate) type Key = Vec<Value>;

/// One value that a record is sorted by. What is null comes before numbers, among which are bools, and these before texts, which go
/// by their bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Whole(i64),
    Real(f64),
    Text(Box<str>),
}

impl Value {
    fn of(json: &Json) -> Result<Self, Unknown> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Whole(i64::from(*flag)),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Whole(whole),
                None => Self::Real(number.as_f64().ok_or(Unknown)?),
            },
            Json::String(text) => Self::Text(text.as_str().into()),
            Json::Array(_) | Json::Object(_) => return Err(Unknown),
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (left, right) => match (left.number(), right.number()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => left.class().cmp(&right.class()),
            },
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            // no zero has a sign there
            Self::Real(real) => Some(real + 0.0),
            _ => None,
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Whole(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_in_the_order_of_the_store() {
        let sorted = [
            json!(null),
            json!(-2.5),
            json!(-1),
            json!(false),
            json!(0.5),
            json!(true),
            json!(2),
            json!(1e300),
            json!(""),
            json!("10"),
            json!("9"),
            json!("B"),
            json!("a"),
            json!("a b"),
            json!("é"),
            json!("\u{10000}"),
        ];
        let order = Order::of("x").unwrap();
        for (at, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                let key = |value| order.key(&json!({ "x": value })).unwrap();
                assert_eq!(order.compare(&key(left), &key(right)), at.cmp(&other), "{left} {right}");
            }
        }
        for unknown in [json!({}), json!({ "x": [] }), json!({ "x": {} })] {
            assert_eq!(order.key(&unknown), Err(Unknown), "{unknown}");
        }
    }

    #[test]
    fn only_fields_of_the_record_itself_are_known() {
        for (sort, known) in [
            ("title", true),
            ("-n, +title,id", true),
            ("@random", false),
            ("@rowid", false),
            ("author.name", false),
            ("title:lower", false),
            ("title,", false),
            ("", false),
        ] {
            assert_eq!(Order::of(sort).is_some(), known, "{sort}");
        }
        let order = Order::of("-n,title").unwrap();
        let key = |n: i64, title: &str| order.key(&json!({ "n": n, "title": title })).unwrap();
        assert_eq!(order.compare(&key(1, "a"), &key(2, "a")), Ordering::Greater);
        assert_eq!(order.compare(&key(1, "a"), &key(1, "b")), Ordering::Less);
        assert_eq!(order.compare(&key(1, "a"), &key(1, "a")), Ordering::Equal);
        assert_eq!((with_ties(None), with_ties(Some("-n"))), ("id".to_owned(), "-n,id".to_owned()));
    }
}
