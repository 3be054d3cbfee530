//! One socket, from its first frame to its end.

use crate::App;
use crate::realtime::first_frame::FirstFrame;
use crate::realtime::frame;
use crate::realtime::permission;
use crate::realtime::refusal::Refusal;
use crate::realtime::visitor::{self, Visitor};
use bytes::Bytes;
use std::net::IpAddr;
use std::time::Instant;
use tidewire_connection::events::{Goodbye, Origin, Visit};
use tidewire_connection::websocket::{Close, Message, Over, Received, Socket};
use tidewire_feed::{Connection, Ending, OnRevoked};

pub struct Session {
    pub app: App,
    pub connection: Connection,
    /// where it comes from, until that is told
    pub origin: Option<Box<Origin>>,
    pub visit: Visit,
    socket: Socket,
    address: IpAddr,
}

/// Why a session ends.
#[derive(Debug)]
pub enum Stop {
    Refused(Refusal),
    /// what it watched is gone
    Gone,
    /// changes were missed, and the client cannot be told in another way
    Missed,
    Over(Over),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Stop {
    fn goodbye(&self, ending: Option<Ending>) -> Goodbye {
        match self {
            Self::Refused(refusal) => Goodbye::new(refusal.code(), refusal.error().to_owned()),
            Self::Gone => Goodbye::new(Close::POLICY, Refusal::NoCollection.error().to_owned()),
            Self::Missed => Goodbye::new(Close::TRY_AGAIN, "changes were missed"),
            Self::Over(over) => Goodbye::of_socket(over, ending),
        }
    }
}

impl Session {
    pub fn new(app: App, socket: Socket, address: IpAddr, origin: Option<Box<Origin>>) -> Self {
        let connection = app.feed.connect(OnRevoked::Close);
        Self { app, connection, origin, visit: Visit::unseen(), socket, address }
    }

    /// Waits for the first frame and finds out who sent it.
    pub async fn first(&mut self) -> Result<(FirstFrame, Visitor), Stop> {
        let patience = self.app.realtime.options.auth_timeout;
        let text = tokio::time::timeout(patience, self.next()).await.map_err(|_| Refusal::Timeout)??;
        let text = text.ok_or_else(|| Refusal::Failed("not UTF-8".to_owned()))?;
        let frame = FirstFrame::parse(&text, self.app.realtime.options.name_bytes)?;
        let visitor = visitor::admit(&self.app, &frame)?;
        permission::connect(self, &visitor).await?;
        Ok((frame, visitor))
    }

    /// Whether user code lets a frame pass, and if so whether it has replied.
    pub async fn permits(&mut self, text: &str) -> Option<bool> {
        match self.visit.message(text).await {
            Ok(reply) => {
                let replied = reply.is_some();
                reply.into_iter().for_each(|reply| self.answer(frame::reply(&reply)));
                Some(replied)
            }
            Err(refusal) => {
                self.answer(frame::error(&refusal.message, None));
                None
            }
        }
    }

    /// The client's next frame, text or binary; `None` if it is no text.
    pub async fn next(&mut self) -> Result<Option<String>, Stop> {
        loop {
            match self.socket.next(&self.connection).await.map_err(Stop::Over)? {
                Received::Message(Message::Text(text)) => return Ok(Some(text)),
                Received::Message(Message::Binary(bytes)) => return Ok(String::from_utf8(bytes).ok()),
                Received::Tick => {}
            }
        }
    }

    pub fn answer(&self, frame: Bytes) {
        self.connection.push(frame);
    }

    /// Says why, if the client does not know, and closes.
    pub async fn end(mut self, stop: Stop) {
        let goodbye = stop.goodbye(self.connection.ending());
        let visit = std::mem::replace(&mut self.visit, Visit::unseen());
        self.finish(stop).await;
        // user code is told once the connection has left its room
        visit.leave(goodbye);
    }

    async fn finish(mut self, stop: Stop) {
        match stop {
            Stop::Over(over) => self.socket.end(&self.connection, over, closing).await,
            Stop::Refused(refusal) => self.refuse(&refusal).await,
            Stop::Gone => {
                // whatever was told in the same commit comes first
                self.app.feed.settled().await;
                self.close_with(Refusal::NoCollection.frame(), Close::POLICY).await;
            }
            Stop::Missed => self.socket.close(&self.connection, Some(Close::new(Close::TRY_AGAIN, ""))).await,
        }
    }

    async fn refuse(mut self, refusal: &Refusal) {
        if self.app.realtime.refusals.add(self.address, Instant::now()) {
            let patience = self.app.realtime.options.auth_timeout;
            let waiting = async { while self.next().await.is_ok() {} };
            if tokio::time::timeout(patience, waiting).await.is_ok() {
                return;
            }
        }
        self.close_with(refusal.frame(), refusal.code()).await;
    }

    async fn close_with(mut self, frame: Bytes, code: u16) {
        self.connection.push(frame);
        self.socket.close(&self.connection, Some(Close::new(code, ""))).await;
    }

    pub fn pong(&self) {
        self.answer(frame::pong());
    }
}

fn closing(ending: Ending) -> Close {
    let code = match ending {
        Ending::Closed => Close::NORMAL,
        Ending::Revoked | Ending::Expired => Close::POLICY,
        Ending::Overflow => Close::TRY_AGAIN,
        Ending::Stopped => Close::RESTART,
    };
    Close::new(code, "")
}
