use crate::realtime::frame::Wire;
use serde_json::{Map, Value as Json};
use tidewire_model::Operations;

/// One collection as a client wants to hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub wire: Wire,
    pub collection: Box<str>,
    pub operations: Operations,
    pub extras: Extras,
    /// filters of the server's own code, which take away
    pub narrowed: Box<[Box<str>]>,
}

/// What SnackBase itself does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    pub filter: Box<str>,
    /// go on after this cursor
    pub since: Box<str>,
    /// the records as they are now first
    pub snapshot: bool,
    /// tell cursors
    pub cursor: bool,
    /// tell a record that leaves the view rule or the filter as deleted
    pub leave: bool,
}

impl Wanted {
    /// Equal texts: the same subscription, which goes on where it is.
    pub fn name(&self) -> Box<str> {
        let Extras { filter, cursor, leave, .. } = &self.extras;
        let (letter, narrowed) = (self.operations.letter(), self.narrowed.len());
        let (collection, cursor, leave) = (&self.collection, u8::from(*cursor), u8::from(*leave));
        let mut name = format!("{collection}\0{letter}{cursor}{leave}{narrowed}\0{filter}");
        for filter in &self.narrowed {
            name.push('\0');
            name.push_str(filter);
        }
        name.into()
    }
}

impl Extras {
    /// From a message of a client; the text of an error names the key.
    pub fn read(message: &Map<String, Json>, leave: bool) -> Result<Self, &'static str> {
        let text = |key: &str| match message.get(key) {
            None | Some(Json::Null) => Some(""),
            Some(Json::String(text)) => Some(text.as_str()),
            Some(_) => None,
        };
        let flag = |key: &str, default: bool| match message.get(key) {
            None | Some(Json::Null) => Some(default),
            Some(Json::Bool(flag)) => Some(*flag),
            Some(_) => None,
        };
        let since = text("since").ok_or("Invalid since")?;
        let snapshot = flag("snapshot", false).ok_or("Invalid snapshot")?;
        Ok(Self {
            filter: text("filter").ok_or("Invalid filter")?.into(),
            since: since.into(),
            snapshot,
            cursor: flag("cursor", snapshot || !since.is_empty()).ok_or("Invalid cursor")?,
            leave: flag("leave", leave).ok_or("Invalid leave")?,
        })
    }

    /// From a query; the last of equal names holds.
    pub fn of_query(query: &[(String, String)], leave: bool) -> Self {
        let text = |name: &str| query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| &**value);
        let flag = |name: &str, default: bool| match text(name) {
            None | Some("") => default,
            Some(value) => matches!(value, "true" | "1"),
        };
        let since = text("since").unwrap_or_default();
        let snapshot = flag("snapshot", false);
        Self {
            filter: text("filter").unwrap_or_default().into(),
            since: since.into(),
            snapshot,
            cursor: flag("cursor", snapshot || !since.is_empty()),
            leave: flag("leave", leave),
        }
    }
}
