use crate::Error;
use serde_json::Value as Json;

/// Puts values into the places `{:name}` of a filter, quoted and escaped as the filter language wants it.
///
/// Strings become literals, numbers, booleans and null stand as they are, lists and objects become strings of their JSON. A place
/// without a value is an error, and so is a string with a backslash at its end or before a single quote: the language has no
/// literal for it. The text of a value is never looked at for places.
///
/// ```
/// use serde_json::json;
/// let text = tidewire_client::filter("title = {:title} && n > {:n}", &[("title", json!("it's")), ("n", json!(3))])?;
/// assert_eq!(text, r"title = 'it\'s' && n > 3");
/// # Ok::<(), tidewire_client::Error>(())
/// ```
pub fn filter(text: &str, values: &[(&str, Json)]) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{:") {
        out.push_str(before);
        let (name, tail) = after
            .split_once('}')
            .ok_or_else(|| Error::Invalid(format!("a place is not closed in {text:?}")))?;
        let value = values.iter().find(|(known, _)| *known == name);
        let (_, value) = value.ok_or_else(|| Error::Invalid(format!("no value for the place {name:?}")))?;
        out.push_str(&literal(value)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn literal(value: &Json) -> Result<String, Error> {
    match value {
        Json::String(text) => quoted(text),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(value.to_string()),
        Json::Array(_) | Json::Object(_) => quoted(&value.to_string()),
    }
}

/// A backslash before a quote would be read as its escape, or would take the escape's backslash: such texts have no literal.
fn quoted(text: &str) -> Result<String, Error> {
    if text.ends_with('\\') || text.contains("\\'") {
        return Err(Error::Invalid(format!("{text:?} cannot be written in a filter")));
    }
    Ok(format!("'{}'", text.replace('\'', "\\'")))
}

#[cfg(test)]
mod tests {
    use super::filter;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use serde_json::{Value as Json, json};

    #[test]
    fn values_take_their_places() {
        let cases: [(Json, Option<&str>); 8] = [
            (json!("it's"), Some(r"a = 'it\'s'")),
            (json!("{:b}"), Some("a = '{:b}'")),
            (json!(1.5), Some("a = 1.5")),
            (json!(true), Some("a = true")),
            (Json::Null, Some("a = null")),
            (json!(["x"]), Some(r#"a = '["x"]'"#)),
            (json!("end\\"), None),
            (json!("\\' || 1 = 1"), None),
        ];
        for (value, expected) in cases {
            let made = filter("a = {:a}", &[("a", value.clone())]).ok();
            assert_eq!(made.as_deref(), expected, "{value}");
        }
        assert!(filter("a = {:b}", &[("a", json!(1))]).is_err());
        assert!(filter("a = {:a", &[("a", json!(1))]).is_err());
    }

    /// How much of the text a literal takes; `doubled` if two backslashes are one, as some readers have it.
    fn end(text: &str, doubled: bool) -> Option<usize> {
        let mut characters = text.char_indices().skip(1).peekable();
        while let Some((index, character)) = characters.next() {
            match character {
                '\'' => return Some(index + 1),
                '\\' => {
                    characters.next_if(|(_, next)| *next == '\'' || (doubled && *next == '\\'));
                }
                _ => {}
            }
        }
        None
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_literal(free in any::<String>(), sharp in "['\"\\\\{:}a]{0,12}") {
            for value in [free, sharp] {
                let Ok(made) = filter("{:a}", &[("a", json!(value))]) else {
                    prop_assert!(value.contains('\\'));
                    continue;
                };
                for doubled in [false, true] {
                    prop_assert_eq!(end(&made, doubled), Some(made.len()), "{}", made);
                }
            }
        }
    }
}
