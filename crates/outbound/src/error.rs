/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// method, address or a header cannot be sent; the text tells which
    #[error("{0}")]
    Invalid(String),
    #[error("{0} is not a public address")]
    Private(String),
    #[error("more than {0} redirects")]
    Redirects(usize),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("no answer in time")]
    TimedOut,
    /// no connection, or it broke
    #[error("{0}")]
    Failed(String),
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let mut cause: &dyn std::error::Error = &error;
        loop {
            if let Some(known) = cause.downcast_ref::<Self>() {
                return known.clone();
            }
            match cause.source() {
                Some(next) => cause = next,
                None => return Self::Failed(cause.to_string()),
            }
        }
    }
}
