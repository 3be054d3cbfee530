use crate::{Hands, Occasion};
use std::pin::Pin;
use std::time::Duration;

/// User code that is called for an event. It may block, up to its time limit.
pub trait Handler: Send + Sync {
    fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError>;

    /// How long it may take where somebody waits for it who may not block; `None`: as long as all that ask for nothing.
    /// Never longer than [`LONGEST`](crate::LONGEST).
    fn time(&self) -> Option<Duration> {
        None
    }
}

impl<F> Handler for F
where
    F: Fn(&mut Occasion, &mut dyn Hands) -> Result<(), HookError> + Send + Sync,
{
    fn call(&self, occasion: &mut Occasion, hands: &mut dyn Hands) -> Result<(), HookError> {
        self(occasion, hands)
    }
}

/// User code outside of this process, which may take long to answer. A write does not hold the writer while it is asked.
pub trait Elsewhere: Send + Sync {
    /// Gives the occasion back as the answer left it. It limits its time itself, and needs no runtime around it.
    fn ask(&self, occasion: Occasion) -> Asking;
}

/// An answer that is under way.
pub type Asking = Pin<Box<dyn Future<Output = (Occasion, Result<(), HookError>)> + Send>>;

/// Why a handler did not end well.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HookError {
    /// it refuses what happens, on purpose
    #[error("{}", .0.message)]
    Abort(Refusal),
    /// it broke; the text tells where
    #[error("{0}")]
    Failed(String),
    #[error("it took longer than its time limit")]
    TimedOut,
}

/// What the client is told, in its dialect's own form.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// an HTTP status from 400 to 599
    pub status: u16,
    pub message: String,
}

impl HookError {
    /// A status that is none becomes 400.
    pub fn abort(status: u16, message: impl Into<String>) -> Self {
        let status = if (400..600).contains(&status) { status } else { 400 };
        Self::Abort(Refusal { status, message: message.into() })
    }
}
