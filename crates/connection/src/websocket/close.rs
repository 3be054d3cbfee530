use std::borrow::Cow;

/// Why a socket is closed, as it stands in a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    /// no more than 123 bytes are sent
    pub reason: Cow<'static, str>,
}

impl Close {
    pub const NORMAL: u16 = 1000;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const UNSUPPORTED: u16 = 1003;
    pub const INVALID_TEXT: u16 = 1007;
    pub const POLICY: u16 = 1008;
    pub const TOO_BIG: u16 = 1009;
    pub const INTERNAL: u16 = 1011;
    pub const RESTART: u16 = 1012;
    pub const TRY_AGAIN: u16 = 1013;

    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// A refusal in words that come from elsewhere, on one line.
    pub fn refused(text: &str) -> Self {
        Self::new(Self::POLICY, text.replace(char::is_control, " "))
    }

    /// True for a code that may stand in a frame.
    pub(super) fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
