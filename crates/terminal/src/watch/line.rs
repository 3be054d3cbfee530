//! One event as one line.

use super::cell;
use super::follow::Heard;
use crate::Output;
use crate::columns::BESIDE;
use crate::table::{cut, plain};
use anstyle::{AnsiColor, Style};
use jiff::ZonedDateTime;
use serde_json::{Value as Json, json};

#[derive(Clone, Copy, Debug)]
pub enum Line {
    /// for people
    Pretty,
    /// for programs; `snapshot`: they want to know where it ends
    Json { snapshot: bool },
}

impl Line {
    /// `None`: nothing that is shown.
    pub fn of(self, heard: &Heard, out: &Output) -> Option<String> {
        match self {
            Self::Json { snapshot } => json(heard, snapshot).map(|line| line.to_string()),
            Self::Pretty => pretty(heard, &ZonedDateTime::now().strftime("%H:%M:%S").to_string(), out),
        }
    }
}

fn json(heard: &Heard, snapshot: bool) -> Option<Json> {
    match heard {
        Heard::Event { action, record, cursor } => {
            Some(json!({ "action": action, "record": record, "cursor": cursor }))
        }
        Heard::Live { cursor } if snapshot => Some(json!({ "action": "live", "cursor": cursor })),
        Heard::Reset { reason, cursor } => {
            Some(json!({ "action": "reset", "reason": reason, "cursor": cursor }))
        }
        _ => None,
    }
}

fn pretty(heard: &Heard, time: &str, out: &Output) -> Option<String> {
    let Heard::Event { action, record, .. } = heard else { return None };
    let (id, rest) = match record {
        Json::Object(map) if action != "message" => {
            let shown = map.iter().filter(|(name, _)| *name != "id" && !BESIDE[..2].contains(&name.as_str()));
            let fields: Vec<_> =
                shown.map(|(name, value)| format!("{}={}", plain(name), value_of(value))).collect();
            (record["id"].as_str().map(plain).unwrap_or_default(), fields.join(" "))
        }
        other => (String::new(), plain(&other.to_string())),
    };
    // short enough for the terminal before colours make it longer
    let taken = time.len() + 1 + 8 + 1 + id.len() + 1;
    let rest = out.width().map_or(rest.clone(), |width| cut(&rest, width.saturating_sub(taken)));
    let action = out.paint(style(action), &format!("{:<8}", plain(action)));
    let line = format!(
        "{} {action} {} {rest}",
        out.paint(Style::new().dimmed(), time),
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

    fn event(action: &str, record: Json) -> Heard {
        Heard::Event { action: action.into(), record, cursor: "c".into() }
    }

    #[test]
    fn programs_get_one_line_per_event() {
        let reset = Heard::Reset { reason: "retention".into(), cursor: "d".into() };
        let live = Heard::Live { cursor: "l".into() };
        for (heard, snapshot, line) in [
            (
                event("create", json!({ "id": "a" })),
                false,
                Some(json!({ "action": "create", "record": { "id": "a" }, "cursor": "c" })),
            ),
            (reset, false, Some(json!({ "action": "reset", "reason": "retention", "cursor": "d" }))),
            (live.clone(), true, Some(json!({ "action": "live", "cursor": "l" }))),
            (live, false, None),
            (Heard::Connected { again: true }, true, None),
        ] {
            assert_eq!(json(&heard, snapshot), line, "{heard:?}");
        }
    }

    #[test]
    fn people_get_fields_that_cannot_move_the_cursor() {
        let out = Output::new(crate::Surroundings { plain: true, ..Default::default() });
        let record = json!({ "id": "a", "collectionId": "c", "n": 1, "t": "x y", "u": "\u{1b}[2J", "e": "" });
        assert_eq!(
            pretty(&event("update", record), "10:00:00", &out).unwrap(),
            "10:00:00 update   a e=\"\" n=1 t=\"x y\" u=·[2J"
        );
        assert_eq!(
            pretty(&event("message", json!([1])), "10:00:00", &out).unwrap(),
            "10:00:00 message   [1]"
        );
    }
}
