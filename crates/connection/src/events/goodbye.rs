use crate::websocket::{Close, Over};
use std::borrow::Cow;
use tidewire_feed::Ending;

/// How a connection ended, with a WebSocket's status also for streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    pub code: u16,
    pub reason: Cow<'static, str>,
}

impl Goodbye {
    /// No close frame was seen.
    const LOST: u16 = 1006;
    /// The close frame had no status.
    const NO_STATUS: u16 = 1005;
    const GOING_AWAY: u16 = 1001;

    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub fn lost() -> Self {
        Self::new(Self::LOST, "the client is gone")
    }

    /// `None`: a stream whose client is gone.
    pub fn of_stream(ending: Option<Ending>) -> Self {
        ending.map_or_else(|| Self::new(Self::GOING_AWAY, "the client is gone"), Self::of_ending)
    }

    pub fn of_ending(ending: Ending) -> Self {
        match ending {
            Ending::Closed => Self::new(Close::NORMAL, "closed by the server"),
            Ending::Revoked => Self::new(Close::POLICY, "the sign-in was revoked"),
            Ending::Expired => Self::new(Close::POLICY, "the token has expired"),
            Ending::Overflow => Self::new(Close::TRY_AGAIN, "the client reads too slowly"),
            Ending::Stopped => Self::new(Close::RESTART, "the server stops"),
        }
    }
}

impl From<&Close> for Goodbye {
    fn from(close: &Close) -> Self {
        Self::new(close.code, close.reason.clone())
    }
}

impl From<&Over> for Goodbye {
    fn from(over: &Over) -> Self {
        match over {
            Over::Left(Some(close)) | Over::Fault(close) => close.into(),
            Over::Left(None) => Self::new(Self::NO_STATUS, ""),
            Over::Lost => Self::lost(),
            Over::Ended(ending) => Self::of_ending(*ending),
        }
    }
}
