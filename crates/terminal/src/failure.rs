use serde_json::Value as Json;
use std::io;
use tidewire_client::Error;
use tidewire_client::rooms::Refusal;

/// What the exit codes mean, for help texts.
pub const CODES: &str = "\
Exit codes:
  0  done
  1  refused, or failed
  2  the command line is wrong
  3  no connection to the server
  4  not signed in, or not allowed
  5  not found";

/// Why a command ends early, in one sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NoConnection(String),
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Missing(String),
    /// whoever read the output has gone: nothing to say, and nobody to say it to
    #[error("the output was closed")]
    Closed,
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NoConnection(_) => 3,
            Self::Denied(_) => 4,
            Self::Missing(_) => 5,
        }
    }

    /// The same, with what was tried in front.
    pub fn at(self, place: &str) -> Self {
        let put = |text| format!("{place}: {text}");
        match self {
            Self::Failed(text) => Self::Failed(put(text)),
            Self::Usage(text) => Self::Usage(put(text)),
            Self::NoConnection(text) => Self::NoConnection(put(text)),
            Self::Denied(text) => Self::Denied(put(text)),
            Self::Missing(text) => Self::Missing(put(text)),
            Self::Closed => Self::Closed,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

impl Failure {
    /// Of an error that others want to have too.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Response { status, message, body, .. } => {
                let text = explain(message, body);
                match status {
                    401 | 403 => Self::Denied(text),
                    404 => Self::Missing(text),
                    _ => Self::Failed(text),
                }
            }
            Error::Refused { refusal, message, .. } => match refusal {
                Refusal::Key | Refusal::Authentication | Refusal::ForeignRoom => {
                    Self::Denied(message.clone())
                }
                Refusal::NoRoom => Self::Missing(message.clone()),
                _ => Self::Failed(message.clone()),
            },
            Error::Transport { url, source } => Self::NoConnection(format!(
                "no answer from {}: {}",
                origin(url),
                innermost(source).trim_end_matches('.')
            )),
            Error::Invalid(text) => Self::Usage(text.clone()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Failed(error.to_string()) }
    }
}

/// The server's sentence and what it says of single fields.
pub(crate) fn explain(message: &str, body: &Json) -> String {
    let mut faults = Vec::new();
    collect("", &body["data"], &mut faults);
    let message = message.trim_end_matches('.');
    if faults.is_empty() { message.to_owned() } else { format!("{message}: {}", faults.join("; ")) }
}

/// Faults lie at any depth: a batch has those of its requests.
fn collect(name: &str, data: &Json, faults: &mut Vec<String>) {
    let Some(map) = data.as_object() else { return };
    if let (Some(message), true) = (map.get("message").and_then(Json::as_str), map.contains_key("code")) {
        faults.push(format!("{name}: {}", message.trim_end_matches('.')));
        return;
    }
    for (key, inner) in map {
        collect(key, inner, faults);
    }
}

/// Scheme and host: the path is the command's own business.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_has_its_exit_code_and_one_sentence() {
        let answer = |status, body: Json| Error::Response {
            status,
            message: "No.".into(),
            body,
            url: "http://h/api".into(),
            retry_after: None,
        };
        let refused = |refusal, message: &str| Error::Refused {
            refusal,
            message: message.into(),
            url: "ws://h/realtime".into(),
        };
        let fields = json!({ "data": { "title": { "code": "c", "message": "Too long." } } });
        for (error, code, text) in [
            (answer(400, Json::Null), 1, "No"),
            (answer(400, fields), 1, "No: title: Too long"),
            (answer(401, Json::Null), 4, "No"),
            (answer(403, Json::Null), 4, "No"),
            (answer(404, Json::Null), 5, "No"),
            (answer(500, Json::Null), 1, "No"),
            (Error::Invalid("bad".into()), 2, "bad"),
            (refused(Refusal::Key, "Invalid API key"), 4, "Invalid API key"),
            (refused(Refusal::NoRoom, "Room not found"), 5, "Room not found"),
            (refused(Refusal::RoomFull, "Room is full"), 1, "Room is full"),
            (Error::Closed, 1, "closed"),
        ] {
            let failure = Failure::from(error);
            assert_eq!((failure.code(), failure.to_string().as_str()), (code, text));
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.code(), closed), (0, Failure::Closed));
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).code(), 1);
    }

    #[test]
    fn the_origin_of_an_address_ends_before_its_path() {
        for (url, expected) in
            [("http://h:1/a/b", "http://h:1"), ("http://h", "http://h"), ("h/a", "h"), ("", "")]
        {
            assert_eq!(origin(url), expected);
        }
    }
}
