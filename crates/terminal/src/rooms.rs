//! `tidewire rooms`: who is in which room of a running server, what is said there, and saying something.

mod door;
mod say;
mod watch;

use crate::records::cell;
use crate::table::Table;
use crate::{CODES, Failure, Output, Surroundings};
use clap::{Args, Subcommand};
use door::Door;
use serde_json::Value as Json;

#[derive(Args, Clone, Debug)]
#[command(after_help = CODES)]
pub struct RoomsArgs {
    #[command(subcommand)]
    pub task: Option<RoomsTask>,
    #[command(flatten)]
    pub list: ListArgs,
    /// One line of JSON per room or event
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only rooms of this account: id, slug or code
    #[arg(long)]
    pub account: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum RoomsTask {
    /// Lists rooms with their members; the same as no command
    List(ListArgs),
    /// Joins a room and shows what is said there, and who comes and goes
    Watch {
        /// Id of the room
        room: String,
        /// Goes on after this cursor, as a line of JSON has it, if the server keeps what is said
        #[arg(long, value_name = "CURSOR")]
        since: Option<String>,
        #[command(flatten)]
        door: Door,
    },
    /// Joins a room, says something there, waits until it was heard, and leaves
    Say {
        /// Id of the room
        room: String,
        /// What is said
        text: String,
        #[command(flatten)]
        door: Door,
    },
}

/// Does what is done over the network.
pub async fn talk(task: RoomsTask, json: bool, surroundings: Surroundings) -> Result<(), Failure> {
    let mut out = Output::new(surroundings);
    match task {
        RoomsTask::List(_) => Err(Failure::Usage("rooms are listed through the data folder".to_owned())),
        RoomsTask::Watch { room, since, door } => watch::run(&room, since, &door, json, &mut out).await,
        RoomsTask::Say { room, text, door } => say::run(&room, &text, &door).await,
    }
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
