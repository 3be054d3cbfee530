//! `tidewire rooms`: who is in which room of a running server.

use crate::records::cell;
use crate::table::Table;
use crate::{CODES, Failure, Output};
use clap::{Args, Subcommand};
use serde_json::Value as Json;

#[derive(Args, Clone, Debug)]
#[command(after_help = CODES)]
pub struct RoomsArgs {
    #[command(subcommand)]
    pub task: Option<RoomsTask>,
    /// Only rooms of this account: id, slug or code
    #[arg(long, global = true)]
    pub account: Option<String>,
    /// One line of JSON per room
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum RoomsTask {
    /// Lists rooms with their members; the same as no command
    List,
}

/// Prints rooms as the server's data folder told them.
pub fn show(rooms: &str, json: bool, out: &mut Output) -> Result<(), Failure> {
    let rooms: Vec<Json> = serde_json::from_str(rooms)
        .map_err(|error| Failure::Failed(format!("the server's answer cannot be read: {error}")))?;
    if json {
        return rooms.iter().try_for_each(|room| out.line(&room.to_string()));
    }
    let mut table = Table::new(["account", "room", "title", "created", "members"]);
    for room in &rooms {
        let members = room["participants"].as_array().map_or(&[][..], Vec::as_slice);
        let members: Vec<_> = members.iter().map(member).collect();
        table.push([
            cell(&room["account"]),
            cell(&room["id"]),
            cell(&room["title"]),
            cell(&room["created"]),
            members.join(", "),
        ]);
    }
    let width = out.width();
    table.lines(width).iter().try_for_each(|line| out.line(line))
}

fn member(member: &Json) -> String {
    let (id, name) = (cell(&member["id"]), cell(&member["name"]));
    if name.is_empty() || name == id { id } else { format!("{name} ({id})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_have_their_names() {
        for (told, shown) in [
            (json!({ "id": "u1", "name": "Ann" }), "Ann (u1)"),
            (json!({ "id": "u1", "name": "u1" }), "u1"),
            (json!({ "id": "u1", "name": "" }), "u1"),
        ] {
            assert_eq!(member(&told), shown);
        }
    }
}
