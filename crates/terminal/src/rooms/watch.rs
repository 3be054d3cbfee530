use super::door::{Door, enter};
use crate::records::cell;
use crate::{Failure, Output, output};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::rooms::{Member, Room, RoomEvent, RoomState};

/// Between two looks whether somebody still reads the output.
const LOOK: Duration = Duration::from_millis(500);

pub async fn run(
    room: &str,
    since: Option<String>,
    door: &Door,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut join = door.to(room)?;
    if let Some(since) = since {
        join = join.since(since);
    }
    let mut room = enter(join).await?;
    let json = json || !out.is_terminal();
    let ended = tokio::select! {
        ended = watch(&mut room, json, out) => ended,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        () = output::unread(LOOK) => Ok(()),
    };
    room.leave().await;
    ended
}

async fn watch(room: &mut Room<Json>, json: bool, out: &mut Output) -> Result<(), Failure> {
    let mut state = room.state();
    output::note(&format!("in the room as {:?}", room.user()));
    let mut lost = false;
    loop {
        tokio::select! {
            event = room.next() => match event {
                Some(event) => out.line(&shown(&event?, json))?,
                None => return Ok(()),
            },
            Ok(()) = state.changed() => tell(&state.borrow_and_update(), &mut lost),
        }
    }
}

/// What happens to the connection, once each time.
fn tell(state: &RoomState, lost: &mut bool) {
    match state {
        RoomState::Rejoining { reason, .. } if !std::mem::replace(lost, true) => {
            output::note(&format!("{reason}; waiting for the server"));
        }
        RoomState::Joined { .. } if std::mem::take(lost) => output::note("in the room again"),
        _ => {}
    }
}

fn shown(event: &RoomEvent<Json>, json: bool) -> String {
    if json { line(event).to_string() } else { sentence(event) }
}

fn line(event: &RoomEvent<Json>) -> Json {
    let about = |member: &Member| json!({ "id": member.id, "name": member.name });
    match event {
        RoomEvent::Message(message) => json!({
            "event": "message", "from": about(&message.from), "data": message.data, "at": message.at,
            "cursor": message.cursor,
        }),
        RoomEvent::Joined { member, participants } => {
            json!({ "event": "joined", "member": about(member), "participants": participants })
        }
        RoomEvent::Left { member, participants } => {
            json!({ "event": "left", "member": about(member), "participants": participants })
        }
        RoomEvent::Resumed { participants } => json!({ "event": "resumed", "participants": participants }),
        RoomEvent::Gap { reason, participants } => {
            json!({ "event": "gap", "reason": reason, "participants": participants })
        }
        RoomEvent::Reply(reply) => json!({ "event": "reply", "data": reply }),
        other => json!({ "event": "other", "data": format!("{other:?}") }),
    }
}

fn sentence(event: &RoomEvent<Json>) -> String {
    let named =
        |member: &Member| if member.name.is_empty() { member.id.clone() } else { member.name.clone() };
    let text = match event {
        RoomEvent::Message(message) => format!("{}: {}", named(&message.from), cell(&message.data)),
        RoomEvent::Joined { member, participants } => format!("* {} came ({participants})", named(member)),
        RoomEvent::Left { member, participants } => format!("* {} left ({participants})", named(member)),
        RoomEvent::Resumed { .. } => "* connected again, nothing is missing".to_owned(),
        RoomEvent::Gap { reason, .. } => format!("* something may be missing: {reason}"),
        RoomEvent::Reply(reply) => format!("* {reply}"),
        other => format!("* {other:?}"),
    };
    // what others say must not move the cursor of a terminal
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_client::rooms::Message;

    #[test]
    fn events_have_two_forms() {
        let ann = || Member { id: "a".to_owned(), name: "Ann".to_owned() };
        let said = |data| {
            RoomEvent::Message(Message {
                from: ann(),
                kind: "message".to_owned(),
                data,
                at: "t".to_owned(),
                cursor: Some("c".to_owned()),
            })
        };
        let about = json!({ "id": "a", "name": "Ann" });
        for (event, text, object) in [
            (
                said(json!("hi\u{1b}[2J")),
                "Ann: hi [2J",
                json!({ "event": "message", "from": about, "data": "hi\u{1b}[2J", "at": "t", "cursor": "c" }),
            ),
            (
                RoomEvent::Joined { member: ann(), participants: 2 },
                "* Ann came (2)",
                json!({ "event": "joined", "member": about, "participants": 2 }),
            ),
            (
                RoomEvent::Left { member: Member { name: String::new(), ..ann() }, participants: 1 },
                "* a left (1)",
                json!({ "event": "left", "member": { "id": "a", "name": "" }, "participants": 1 }),
            ),
            (
                RoomEvent::Gap { reason: "retention".to_owned(), participants: None },
                "* something may be missing: retention",
                json!({ "event": "gap", "reason": "retention", "participants": null }),
            ),
        ] {
            assert_eq!((shown(&event, false).as_str(), line(&event)), (text, object));
        }
    }
}
