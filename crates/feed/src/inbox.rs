use crate::ConnectionId;
use crate::interest::{Ending, OnRevoked, Subscription};
use crate::outbox::Outbox;
use crate::rooms::{Channel, Join, JoinError, RoomInfo, Speech};
use crate::weigh::Weight;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidewire_model::{Catalog, Change, Message, Principal, Seq, TenantId};
use tokio::sync::{Semaphore, oneshot};

/// What the hub is asked to do.
pub(crate) enum Input {
    Commit {
        changes: Arc<[Arc<Change>]>,
        messages: Arc<[Arc<Message>]>,
        catalog: Option<Arc<Catalog>>,
        announced: Instant,
    },
    Connect {
        outbox: Arc<Outbox>,
        on_revoked: OnRevoked,
    },
    Set {
        id: ConnectionId,
        principal: Principal,
        subscriptions: Vec<Subscription>,
        done: oneshot::Sender<()>,
    },
    Join {
        id: ConnectionId,
        join: Box<Join>,
        done: oneshot::Sender<Result<(), JoinError>>,
    },
    /// a member's message to its room
    Say {
        id: ConnectionId,
        data: Bytes,
        done: oneshot::Sender<()>,
    },
    Rooms {
        tenant: TenantId,
        done: oneshot::Sender<Vec<RoomInfo>>,
    },
    Owner {
        channel: Channel,
        done: oneshot::Sender<Option<TenantId>>,
    },
    /// a message that no member sends
    Speak(Box<Speech>),
    Settle {
        done: oneshot::Sender<()>,
    },
    Weigh {
        done: oneshot::Sender<Weight>,
    },
    /// the reader made room for a replay
    Hungry(ConnectionId),
    /// a replay came to its end
    Replayed {
        id: ConnectionId,
        generation: u64,
        lost: bool,
    },
    Disconnect(ConnectionId),
}

/// Changes that may wait while nobody listens: the hub sleeps on, and a write is not slowed by waking it.
const UNHEARD: usize = 256;
/// Commands that something to be told waits for, at most, if they came before it.
const BATCH: usize = 16;

/// The hub's queue, of two lines. What is to be told stands in one order, commits and messages of rooms; who comes, wants
/// and goes, in another. A command follows all that was to be told before it, but what comes later may overtake it: so
/// thousands who leave hold up no change for longer than a few of them take.
pub(crate) struct Inbox {
    state: Mutex<State>,
    ready: Condvar,
    /// commands that may still be queued
    room: Semaphore,
    /// changes that may wait
    bound: usize,
}

struct State {
    told: VecDeque<Entry>,
    commands: VecDeque<Entry>,
    /// inputs so far
    came: u64,
    /// commands that may still be done before what waits to be told
    turn: usize,
    /// changes in `told`
    changes: usize,
    /// the last change announced, queued or not
    announced: Seq,
    /// whether the hub had a connection when it last looked: one that comes wakes it when it wants something
    heard: bool,
    closed: bool,
}

struct Entry {
    /// its place in the order of arrival
    number: u64,
    /// everything up to here was announced before it
    after: Seq,
    input: Input,
}

pub(crate) enum Popped {
    /// everything up to the position was announced before it
    Input(Seq, Input),
    /// nothing waits; everything up to the position was announced
    Idle(Seq),
    Timeout,
    Closed,
}

impl Inbox {
    pub fn new(bound: usize, head: Seq) -> Self {
        let state = State {
            told: VecDeque::new(),
            commands: VecDeque::new(),
            came: 0,
            turn: BATCH,
            changes: 0,
            announced: head,
            heard: false,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            room: Semaphore::new(bound.clamp(1, Semaphore::MAX_PERMITS)),
            bound,
        }
    }

    /// Never blocks. Changes that find no room are left to the log; false then. Definitions and messages are always
    /// queued, for no log has them: the former are rare, and whoever publishes sees to the bound of the latter.
    pub fn announce(
        &self,
        changes: Arc<[Arc<Change>]>,
        messages: Arc<[Arc<Message>]>,
        catalog: Option<Arc<Catalog>>,
    ) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        let after = changes.first().map_or(state.announced, |change| change.position.seq.saturating_sub(1));
        if let Some(last) = changes.last() {
            state.announced = state.announced.max(last.position.seq);
        }
        let fits = state.changes == 0 || state.changes + changes.len() <= self.bound;
        let changes = if fits { changes } else { Arc::default() };
        // a message that waits holds up room of its publishers
        let is_urgent = !messages.is_empty() || !fits;
        if fits || catalog.is_some() || !messages.is_empty() {
            state.changes += changes.len();
            state.push(after, Input::Commit { changes, messages, catalog, announced: Instant::now() });
        }
        let heard = state.heard || state.changes.max(state.told.len()) > UNHEARD || is_urgent;
        drop(state);
        if heard {
            self.ready.notify_one();
        }
        fits
    }

    /// Waits for room. False once the hub has stopped.
    pub async fn send(&self, input: Input) -> bool {
        let Ok(permit) = self.room.acquire().await else { return false };
        permit.forget();
        self.notify(input)
    }

    /// Never waits. False if there is no room, or the hub has stopped.
    pub fn try_send(&self, input: Input) -> bool {
        let Ok(permit) = self.room.try_acquire() else { return false };
        permit.forget();
        self.notify(input)
    }

    /// For what each connection has at most once at a time; never waits. False once the hub has stopped.
    pub fn notify(&self, input: Input) -> bool {
        let is_taken = self.leave(input);
        self.ready.notify_one();
        is_taken
    }

    /// The same for what need not be done before the next that comes: a hub that sleeps is not woken.
    pub fn leave(&self, input: Input) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        let announced = state.announced;
        state.push(announced, input);
        true
    }

    /// The next input for a hub that has applied everything up to `position`; `heard`: somebody is connected to it.
    pub fn pop(&self, position: Seq, heard: bool, timeout: Option<Duration>) -> Popped {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.state.lock();
        state.heard = heard;
        loop {
            if let Some(Entry { after, input, .. }) = state.next() {
                if let Input::Commit { changes, .. } = &input {
                    state.changes -= changes.len();
                } else if input.takes_room() {
                    self.room.add_permits(1);
                }
                return Popped::Input(after, input);
            }
            if state.announced > position {
                return Popped::Idle(state.announced);
            }
            if state.closed {
                return Popped::Closed;
            }
            match deadline {
                None => self.ready.wait(&mut state),
                Some(deadline) => {
                    if self.ready.wait_until(&mut state, deadline).timed_out() {
                        return Popped::Timeout;
                    }
                }
            }
        }
    }

    /// What is queued is still done, nothing more is taken.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_one();
        self.room.close();
    }

    /// Takes nothing more and lets go of everybody who waits in the queue.
    pub fn abandon(&self) {
        self.close();
        let mut state = self.state.lock();
        let (told, commands) = (std::mem::take(&mut state.told), std::mem::take(&mut state.commands));
        drop(state);
        drop(told);
        for entry in commands {
            if let Input::Connect { outbox, .. } = entry.input {
                outbox.close(Ending::Stopped);
            }
        }
    }

    pub fn len(&self) -> usize {
        let state = self.state.lock();
        state.told.len() + state.commands.len()
    }
}

impl Input {
    /// True for what somebody waited with until there was room.
    fn takes_room(&self) -> bool {
        match self {
            Self::Set { .. }
            | Self::Join { .. }
            | Self::Say { .. }
            | Self::Rooms { .. }
            | Self::Owner { .. }
            | Self::Speak(_)
            | Self::Settle { .. }
            | Self::Weigh { .. } => true,
            Self::Commit { .. }
            | Self::Connect { .. }
            | Self::Hungry(_)
            | Self::Replayed { .. }
            | Self::Disconnect(_) => false,
        }
    }

    fn is_told(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::Say { .. } | Self::Speak(_))
    }
}

impl State {
    fn push(&mut self, after: Seq, input: Input) {
        self.came += 1;
        let line = if input.is_told() { &mut self.told } else { &mut self.commands };
        line.push_back(Entry { number: self.came, after, input });
    }

    /// A command never stands before what came earlier, for it must find that done.
    fn next(&mut self) -> Option<Entry> {
        let is_command = match (self.told.front(), self.commands.front()) {
            (Some(told), Some(command)) => command.number < told.number && self.turn > 0,
            (told, _) => told.is_none(),
        };
        if is_command {
            self.turn = self.turn.saturating_sub(1);
            return self.commands.pop_front();
        }
        self.turn = BATCH;
        self.told.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs as they come: `c` a commit, `d` somebody who goes; and in which order they are taken.
    fn check(came: &str, taken: &str) {
        let inbox = Inbox::new(1000, 0);
        for (number, kind) in came.chars().enumerate() {
            match kind {
                'c' => assert!(inbox.announce(Arc::default(), Arc::default(), Some(Arc::default()))),
                _ => assert!(inbox.notify(Input::Disconnect(ConnectionId(number as u64)))),
            }
        }
        inbox.close();
        let (mut order, mut last) = (String::new(), 0);
        while let Popped::Input(_, input) = inbox.pop(0, true, None) {
            order.push(match input {
                Input::Disconnect(id) => {
                    assert!(id.0 >= last, "{came}: who goes first is done with first");
                    last = id.0;
                    'd'
                }
                _ => 'c',
            });
        }
        assert_eq!(order, taken, "{came}");
    }

    #[test]
    fn a_commit_waits_for_a_batch_of_earlier_commands_at_most_and_no_command_waits_for_ever() {
        let (batch, two) = ("d".repeat(BATCH), "d".repeat(2 * BATCH));
        check("ddcdcdd", "ddcdcdd");
        check(&format!("{two}d"), &format!("{two}d"));
        check(&format!("{two}dc"), &format!("{batch}c{batch}d"));
        check(&format!("{two}dccc"), &format!("{batch}c{batch}cdc"));
        check(&format!("{two}ccdc"), &format!("{batch}c{batch}cdc"));
    }

    #[tokio::test]
    async fn whoever_waited_for_room_gives_it_back() {
        let inbox = Inbox::new(1, 0);
        let tenant = TenantId::default();
        let speech = || Speech {
            channel: Channel::Broadcast(tenant.clone()),
            tenant: tenant.clone(),
            user: "".into(),
            name: "".into(),
            data: Bytes::new(),
            herald: Arc::new(Mute),
        };
        let (principal, subscriptions, id) = (Principal::Guest, Vec::new(), ConnectionId(1));
        for input in [
            Input::Set { id, principal, subscriptions, done: oneshot::channel().0 },
            Input::Say { id, data: Bytes::new(), done: oneshot::channel().0 },
            Input::Rooms { tenant: tenant.clone(), done: oneshot::channel().0 },
            Input::Owner { channel: Channel::Broadcast(tenant.clone()), done: oneshot::channel().0 },
            Input::Speak(Box::new(speech())),
            Input::Settle { done: oneshot::channel().0 },
            Input::Weigh { done: oneshot::channel().0 },
            Input::Settle { done: oneshot::channel().0 },
        ] {
            assert!(inbox.try_send(input), "the one before has left its place");
            assert!(!inbox.try_send(Input::Speak(Box::new(speech()))), "there is one place");
            assert!(matches!(inbox.pop(0, true, None), Popped::Input(..)));
        }
    }

    struct Mute;

    impl crate::Herald for Mute {
        fn welcome(
            &self,
            _: &crate::View<'_>,
            _: Option<Result<(), crate::ResetReason>>,
            _: Option<&str>,
            _: &mut Vec<u8>,
        ) -> bool {
            false
        }
        fn arrived(&self, _: &crate::View<'_>, _: &mut Vec<u8>) -> bool {
            false
        }
        fn departed(&self, _: &crate::View<'_>, _: &mut Vec<u8>) -> bool {
            false
        }
        fn message(&self, _: &crate::View<'_>, _: &[u8], _: Option<&str>, _: &mut Vec<u8>) -> bool {
            false
        }
    }
}
