//! The frame by which a client says who it is and what it wants.

use crate::realtime::refusal::Refusal;
use serde_json::{Map, Value as Json};

/// What every socket's first frame may say; the sockets differ in what they read of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstFrame {
    pub api_key: String,
    /// of a user of an auth collection; not CocoBase's
    pub token: Option<String>,
    /// the position of the last frame that the client heard; not CocoBase's
    pub since: Option<String>,
    /// what exists comes first; not CocoBase's
    pub snapshot: bool,
    /// frames carry positions; not CocoBase's
    pub cursor: bool,
    /// updates that take a document out of the filter are told; not CocoBase's
    pub leave: bool,
    pub filters: Map<String, Json>,
    pub user_id: String,
    pub user_name: String,
    pub create: bool,
    pub room_title: Option<String>,
}

impl FirstFrame {
    /// Names longer than `names` bytes are refused.
    pub fn parse(text: &str, names: usize) -> Result<Self, Refusal> {
        let parsed: Json = serde_json::from_str(text).map_err(|error| Refusal::Failed(error.to_string()))?;
        let Json::Object(mut members) = parsed else {
            return Err(Refusal::Failed("expected an object".to_owned()));
        };
        let api_key = match members.remove("api_key") {
            Some(Json::String(key)) if !key.is_empty() => key,
            _ => return Err(Refusal::KeyMissing),
        };
        let filters = match members.remove("filters") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(filters)) => filters,
            Some(_) => return Err(Refusal::Failed("filters must be an object".to_owned())),
        };
        let since = text_of(members.remove("since"));
        let frame = Self {
            api_key,
            filters,
            token: text_of(members.remove("token")).filter(|token| !token.is_empty()),
            snapshot: members.get("snapshot") == Some(&Json::Bool(true)),
            cursor: since.is_some() || members.get("cursor") == Some(&Json::Bool(true)),
            since,
            leave: members.get("leave") == Some(&Json::Bool(true)),
            user_id: text_of(members.remove("user_id")).unwrap_or_else(|| "anonymous".to_owned()),
            user_name: text_of(members.remove("user_name")).unwrap_or_else(|| "Anonymous".to_owned()),
            create: members.get("action").is_some_and(|action| action == "create"),
            room_title: text_of(members.remove("room_title")),
        };
        frame.check_names(names)?;
        Ok(frame)
    }

    fn check_names(&self, names: usize) -> Result<(), Refusal> {
        let title = self.room_title.as_deref().unwrap_or_default();
        for (name, text) in
            [("user_id", &*self.user_id), ("user_name", &*self.user_name), ("room_title", title)]
        {
            if text.len() > names {
                return Err(Refusal::NameTooLong(name));
            }
        }
        Ok(())
    }
}

/// Numbers are taken as text; other kinds count as absent.
fn text_of(value: Option<Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: Result<FirstFrame, Refusal>) {
        assert_eq!(FirstFrame::parse(text, 10), expected, "{text}");
    }

    #[test]
    fn what_is_absent_has_defaults() {
        let plain = FirstFrame {
            api_key: "K".to_owned(),
            user_id: "anonymous".to_owned(),
            user_name: "Anonymous".to_owned(),
            ..FirstFrame::default()
        };
        check(r#"{"api_key":"K"}"#, Ok(plain.clone()));
        check(
            r#"{"api_key":"K","user_id":null,"user_name":null,"filters":null,"room_title":null,"token":"","x":[1]}"#,
            Ok(plain.clone()),
        );
        check(
            r#"{"api_key":"K","user_id":7,"user_name":"N","action":"create","room_title":"","filters":{"a":1}}"#,
            Ok(FirstFrame {
                user_id: "7".to_owned(),
                user_name: "N".to_owned(),
                create: true,
                room_title: Some(String::new()),
                filters: json!({"a": 1}).as_object().cloned().unwrap(),
                ..plain.clone()
            }),
        );
        check(
            r#"{"api_key":"K","since":"c","snapshot":true,"leave":true,"token":"t","action":"join"}"#,
            Ok(FirstFrame {
                since: Some("c".to_owned()),
                cursor: true,
                snapshot: true,
                leave: true,
                token: Some("t".to_owned()),
                ..plain
            }),
        );
    }

    #[test]
    fn faults_are_told_apart() {
        for text in ["{}", r#"{"api_key":""}"#, r#"{"api_key":null}"#, r#"{"api_key":1}"#, r#"{"filters":1}"#]
        {
            check(text, Err(Refusal::KeyMissing));
        }
        for text in ["[]", "1", "null", r#""x""#] {
            check(text, Err(Refusal::Failed("expected an object".to_owned())));
        }
        check(
            r#"{"api_key":"K","filters":[]}"#,
            Err(Refusal::Failed("filters must be an object".to_owned())),
        );
        for name in ["user_id", "user_name", "room_title"] {
            check(&format!(r#"{{"api_key":"K","{name}":"12345678901"}}"#), Err(Refusal::NameTooLong(name)));
        }
        for text in ["", "x", "{", r#"{"api_key":"K"} x"#] {
            assert!(matches!(FirstFrame::parse(text, 10), Err(Refusal::Failed(_))), "{text}");
        }
    }
}
