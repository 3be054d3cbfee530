use crate::realtime::event::Item;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// bytes that wait for one subscription
const ROOM: usize = 1 << 20;
/// What an event costs at least: so their number is bounded too, to 1024.
const LEAST: usize = 1 << 10;

/// One end of a subscription's queue. When it is full the stream's task keeps what it has read and reads no more.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    channel: mpsc::UnboundedSender<Queued>,
    room: Arc<Semaphore>,
}

/// The other end.
pub(crate) type Receiver = mpsc::UnboundedReceiver<Queued>;

/// An event, and the room that it takes until it is read.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) item: Item,
    _room: OwnedSemaphorePermit,
}

pub(crate) fn queue() -> (Sender, Receiver) {
    let (channel, receiver) = mpsc::unbounded_channel();
    (Sender { channel, room: Arc::new(Semaphore::new(ROOM)) }, receiver)
}

/// One that is bigger than the whole room takes all of it.
fn cost(item: &Item) -> u32 {
    u32::try_from(item.size().clamp(LEAST, ROOM)).unwrap_or(u32::MAX)
}

impl Sender {
    /// Gives the item back if there is no room now.
    pub(crate) fn try_send(&self, item: Item) -> Result<(), Item> {
        match self.room.clone().try_acquire_many_owned(cost(&item)) {
            Ok(room) => {
                self.push(item, room);
                Ok(())
            }
            Err(_) => Err(item),
        }
    }

    /// Waits until there is room for this; `None` once nobody listens any more.
    pub(crate) async fn ready(&self, item: &Item) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            permit = self.room.clone().acquire_many_owned(cost(item)) => permit.ok(),
            () = self.channel.closed() => None,
        }
    }

    pub(crate) fn push(&self, item: Item, room: OwnedSemaphorePermit) {
        // who left meanwhile needs it no more
        let _ = self.channel.send(Queued { item, _room: room });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: usize) -> Item {
        Item::Message { data: "x".repeat(bytes).into(), cursor: None }
    }

    #[tokio::test]
    async fn number_and_bytes_are_bounded_and_what_is_read_gives_room() {
        for (bytes, count) in [(0, 1024), (10, 1024), (ROOM / 4, 4), (ROOM * 3, 1)] {
            let (sender, mut receiver) = queue();
            let fits = (0..5000).take_while(|_| sender.try_send(item(bytes)).is_ok()).count();
            assert_eq!(fits, count, "{bytes}");
            drop(receiver.recv().await.unwrap());
            let next = item(bytes);
            let room = sender.ready(&next).await.unwrap();
            sender.push(next, room);
            assert!(sender.try_send(item(bytes)).is_err(), "{bytes}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_who_is_gone() {
        let (sender, receiver) = queue();
        sender.try_send(item(ROOM)).unwrap();
        drop(receiver);
        assert!(sender.is_closed());
        // what it had not read took the whole room and gave it back, so either way it ends
        let _ = sender.ready(&item(ROOM)).await;
        let (sender, receiver) = queue();
        let room = sender.room.clone().try_acquire_many_owned(ROOM as u32).unwrap();
        drop(receiver);
        assert!(sender.ready(&item(1)).await.is_none());
        drop(room);
    }
}
