use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET` if empty
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// at most the one of the policy
    pub timeout: Option<Duration>,
}

/// Any answer, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// names in lower case; values that are no text are left out
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
