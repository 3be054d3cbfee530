//! One event as one line.

use super::{Told, WatchArgs, WatchFormat};
use crate::Output;
use crate::columns::BESIDE;
use crate::records::cell;
use crate::table::{cut, plain};
use anstyle::{AnsiColor, Style};
use jiff::ZonedDateTime;
use serde::Serialize;
use serde_json::Value as Json;
use tidewire_client::realtime::Event;

/// the action of what is said on a topic
const MESSAGE: &str = "message";
/// the reason where a server numbers no events
const RECONNECTED: &str = "reconnected";

#[derive(Clone, Copy, Debug)]
pub enum Line {
    /// for people
    Pretty,
    /// for programs; `snapshot`: they want to know where it ends
    Json { snapshot: bool },
}

/// What programs get, in this order.
#[derive(Debug, Serialize)]
struct JsonLine<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    cursor: Option<&'a str>,
}

impl Line {
    pub fn new(args: &WatchArgs, out: &Output) -> Self {
        let terminal = out.is_terminal();
        let usual = if terminal && !args.json { WatchFormat::Pretty } else { WatchFormat::Json };
        match args.format.unwrap_or(usual) {
            WatchFormat::Pretty => Self::Pretty,
            WatchFormat::Json => Self::Json { snapshot: args.snapshot },
        }
    }

    /// `None`: nothing that is shown.
    pub fn of(self, told: &Told, out: &Output) -> Option<String> {
        match self {
            Self::Json { snapshot } => serde_json::to_string(&json(told, snapshot)?).ok(),
            Self::Pretty => pretty(told, &ZonedDateTime::now().strftime("%H:%M:%S").to_string(), out),
        }
    }
}

/// Why events are missing before this one.
pub fn missing(told: &Told) -> Option<&str> {
    match told {
        Event::Reset { reason, .. } => Some(reason),
        Event::Gap => Some(RECONNECTED),
        _ => None,
    }
}

fn json(told: &Told, snapshot: bool) -> Option<JsonLine<'_>> {
    let (action, reason) = match told {
        Event::Record { action, .. } => (action.as_str(), None),
        Event::Message { .. } => (MESSAGE, None),
        Event::Live { .. } if snapshot => ("live", None),
        other => ("reset", Some(missing(other)?)),
    };
    Some(JsonLine { action, record: told.record(), reason, cursor: told.cursor() })
}

fn pretty(told: &Told, time: &str, out: &Output) -> Option<String> {
    let record = told.record()?;
    let (id, rest) = match (told.action(), record) {
        (Some(_), Json::Object(map)) => {
            let shown = map.iter().filter(|(name, _)| *name != "id" && !BESIDE[..2].contains(&name.as_str()));
            let fields: Vec<_> =
                shown.map(|(name, value)| format!("{}={}", plain(name), value_of(value))).collect();
            (record["id"].as_str().map(plain).unwrap_or_default(), fields.join(" "))
        }
        (_, other) => (String::new(), plain(&other.to_string())),
    };
    let action = told.action().map_or(MESSAGE, |action| action.as_str());
    // short enough for the terminal before colours make it longer
    let taken = time.len() + 1 + 8 + 1 + id.len() + 1;
    let rest = out.width().map_or(rest.clone(), |width| cut(&rest, width.saturating_sub(taken)));
    let line = format!(
        "{} {} {} {rest}",
        out.paint(Style::new().dimmed(), time),
        out.paint(style(action), &format!("{action:<8}")),
        out.paint(Style::new().bold(), &id)
    );
    Some(line.trim_end().to_owned())
}

/// Text that could be taken for something else is quoted.
fn value_of(value: &Json) -> String {
    match value {
        Json::String(text) if text.is_empty() || text.contains(char::is_whitespace) => {
            plain(&value.to_string())
        }
        value => plain(&cell(value)),
    }
}

fn style(action: &str) -> Style {
    let color = match action {
        "create" | "snapshot" => AnsiColor::Green,
        "update" => AnsiColor::Yellow,
        "delete" | "leave" => AnsiColor::Red,
        _ => AnsiColor::Cyan,
    };
    color.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidewire_client::realtime::Action;

    fn event(action: Action, record: Json) -> Told {
        Event::Record { action, record, cursor: Some("c".into()) }
    }

    #[test]
    fn programs_get_one_line_per_event() {
        let reset = |cursor: Option<&str>| Event::Reset {
            reason: "retention".into(),
            cursor: cursor.map(str::to_owned),
        };
        let live = Event::Live { cursor: "l".into() };
        let out = Output::new(crate::Surroundings::default());
        for (told, snapshot, line) in [
            (
                event(Action::Create, json!({ "id": "a" })),
                false,
                Some(r#"{"action":"create","record":{"id":"a"},"cursor":"c"}"#),
            ),
            (
                Event::Record { action: Action::Snapshot, record: json!({}), cursor: None },
                true,
                Some(r#"{"action":"snapshot","record":{},"cursor":null}"#),
            ),
            (
                Event::Message { data: json!({ "action": "create", "record": 1 }), cursor: Some("m".into()) },
                false,
                Some(r#"{"action":"message","record":{"action":"create","record":1},"cursor":"m"}"#),
            ),
            (reset(Some("d")), false, Some(r#"{"action":"reset","reason":"retention","cursor":"d"}"#)),
            (reset(None), false, Some(r#"{"action":"reset","reason":"retention","cursor":null}"#)),
            (Event::Gap, false, Some(r#"{"action":"reset","reason":"reconnected","cursor":null}"#)),
            (live.clone(), true, Some(r#"{"action":"live","cursor":"l"}"#)),
            (live, false, None),
        ] {
            assert_eq!(Line::Json { snapshot }.of(&told, &out).as_deref(), line, "{told:?}");
        }
    }

    #[test]
    fn people_get_fields_that_cannot_move_the_cursor() {
        let out = Output::new(crate::Surroundings { plain: true, ..Default::default() });
        let record = json!({ "id": "a", "collectionId": "c", "n": 1, "t": "x y", "u": "\u{1b}[2J", "e": "" });
        assert_eq!(
            pretty(&event(Action::Update, record), "10:00:00", &out).unwrap(),
            "10:00:00 update   a e=\"\" n=1 t=\"x y\" u=·[2J"
        );
        assert_eq!(
            pretty(&Event::Message { data: json!([1]), cursor: None }, "10:00:00", &out).unwrap(),
            "10:00:00 message   [1]"
        );
        assert_eq!(pretty(&Event::Gap, "10:00:00", &out), None);
    }
}
