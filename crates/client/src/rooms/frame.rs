use crate::rooms::event::Member;
use crate::rooms::place::Place;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// What a server says on a socket.
#[derive(Debug)]
pub(crate) enum Frame {
    Welcome(Welcome),
    Message { from: Member, kind: String, data: Box<RawValue>, at: String, cursor: Option<String> },
    Joined { member: Member, participants: u64 },
    Left { member: Member, participants: u64 },
    Refused { error: String, detail: Option<String> },
    Pong,
    Reply(Json),
}

/// The confirmation.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Welcome {
    pub(crate) title: String,
    pub(crate) user: String,
    pub(crate) participants: Option<u64>,
    /// whether what was missed follows, if that was asked
    pub(crate) recovered: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) cursor: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    event: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    timestamp: String,
    data: Option<Box<RawValue>>,
    content: Option<Box<RawValue>>,
    room_info: Option<RoomInfo>,
    #[serde(default)]
    room_title: String,
    participants: Option<u64>,
    recovered: Option<bool>,
    reason: Option<String>,
    cursor: Option<String>,
    error: Option<String>,
    error_detail: Option<String>,
}

#[derive(Deserialize)]
struct RoomInfo {
    participants: Option<u64>,
}

impl Frame {
    /// An error says why a frame cannot be understood.
    pub(crate) fn read(text: &str, place: &Place) -> Result<Self, String> {
        let Ok(wire) = serde_json::from_str::<Wire>(text) else {
            // user code may answer anything
            return serde_json::from_str(text).map(Self::Reply).map_err(|error| error.to_string());
        };
        let kind = wire.kind.as_deref().unwrap_or_default();
        match wire.event.as_deref() {
            Some("joined" | "connected") => return Ok(Self::Welcome(wire.welcome())),
            _ if wire.is_message(place) => return wire.message(place),
            _ => {}
        }
        let participants = wire.room_info.as_ref().and_then(|room| room.participants);
        match (kind, participants, wire.error) {
            ("user_joined", Some(participants), _) => {
                Ok(Self::Joined { member: Member { id: wire.user_id, name: wire.user_name }, participants })
            }
            ("user_left", Some(participants), _) => {
                Ok(Self::Left { member: Member { id: wire.user_id, name: wire.user_name }, participants })
            }
            ("pong", ..) => Ok(Self::Pong),
            ("", None, Some(error)) => Ok(Self::Refused { error, detail: wire.error_detail }),
            _ => serde_json::from_str(text).map(Self::Reply).map_err(|error| error.to_string()),
        }
    }
}

impl Wire {
    fn welcome(self) -> Welcome {
        let Self { room_title: title, user_id: user, participants, recovered, reason, cursor, .. } = self;
        Welcome { title, user, participants, recovered, reason, cursor }
    }

    /// In a room only `message`s are; on a broadcast the server may give them any name.
    fn is_message(&self, place: &Place) -> bool {
        match place {
            Place::Room(_) => self.kind.as_deref() == Some("message"),
            Place::Broadcast => self.kind.is_some() && !self.timestamp.is_empty(),
        }
    }

    fn message(self, place: &Place) -> Result<Frame, String> {
        let data = match place {
            Place::Room(_) => self.content,
            Place::Broadcast => self.data,
        };
        // an option that is null reads as none
        let data = data.or_else(|| serde_json::from_str("null").ok()).ok_or("nothing is said")?;
        let from = Member { id: self.user_id, name: self.user_name };
        let kind = self.kind.unwrap_or_default();
        Ok(Frame::Message { from, kind, data, at: self.timestamp, cursor: self.cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, place: &Place) -> String {
        match Frame::read(text, place) {
            Ok(Frame::Welcome(welcome)) => format!(
                "welcome {} {:?} {:?} {:?}",
                welcome.user, welcome.participants, welcome.recovered, welcome.reason
            ),
            Ok(Frame::Message { from, kind, data, cursor, .. }) => {
                format!("{kind} {} {data} {cursor:?}", from.id)
            }
            Ok(Frame::Joined { member, participants }) => format!("+{} {participants}", member.id),
            Ok(Frame::Left { member, participants }) => format!("-{} {participants}", member.id),
            Ok(Frame::Refused { error, detail }) => format!("refused {error} {detail:?}"),
            Ok(Frame::Pong) => "pong".to_owned(),
            Ok(Frame::Reply(json)) => format!("reply {json}"),
            Err(_) => "error".to_owned(),
        }
    }

    #[test]
    fn frames_of_both_places() {
        let (room, broadcast) = (Place::Room("r".to_owned()), Place::Broadcast);
        for (place, text, expected) in [
            (
                &room,
                r#"{"event":"joined","room_id":"r","room_title":"R","participants":2,"user_id":"u","recovered":false,"reason":"retention"}"#,
                r#"welcome u Some(2) Some(false) Some("retention")"#,
            ),
            (&broadcast, r#"{"event":"connected","user_id":"u"}"#, "welcome u None None None"),
            (
                &room,
                r#"{"type":"message","user_id":"u","timestamp":"t","content":{"a":12345678901234567890},"cursor":"c"}"#,
                r#"message u {"a":12345678901234567890} Some("c")"#,
            ),
            (&room, r#"{"type":"message","user_id":"u","content":null}"#, "message u null None"),
            (
                &broadcast,
                r#"{"type":"user_joined","user_id":"server","timestamp":"t","data":[1]}"#,
                "user_joined server [1] None",
            ),
            (&room, r#"{"type":"user_joined","user_id":"u","room_info":{"participants":3}}"#, "+u 3"),
            (&room, r#"{"type":"user_left","user_id":"u","room_info":{"participants":0}}"#, "-u 0"),
            (&room, r#"{"type":"pong"}"#, "pong"),
            (&broadcast, r#"{"type":"pong"}"#, "pong"),
            (
                &room,
                r#"{"error":"Authentication failed","error_detail":"d"}"#,
                r#"refused Authentication failed Some("d")"#,
            ),
            (&room, r#"{"error":7}"#, r#"reply {"error":7}"#),
            (&room, r#"{"weather":"fine"}"#, r#"reply {"weather":"fine"}"#),
            (&room, "[1]", "reply [1]"),
            (&room, "{", "error"),
            (&room, "", "error"),
        ] {
            assert_eq!(shown(text, place), expected, "{text}");
        }
    }
}
