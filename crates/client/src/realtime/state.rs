/// How the stream of events stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// nobody is subscribed
    #[default]
    Idle,
    /// the first connection is being made
    Connecting,
    /// events come
    Connected { client_id: String },
    /// the connection was lost; this is the so-manieth try to have it back
    Reconnecting { attempt: u32 },
}
