use crate::realtime::event::Item;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// bytes of events of one subscription that wait to be read
const BYTES: u32 = 1 << 20;
/// what each counts for at least, so that there are no more than 256 of them
const LEAST: u32 = BYTES / 256;

/// The end of a subscription's queue at which events are put in.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    sender: mpsc::UnboundedSender<Queued>,
    room: Arc<Semaphore>,
}

/// The end at which they are read. When it goes, nothing waits for room any more.
#[derive(Debug)]
pub(crate) struct Source {
    receiver: mpsc::UnboundedReceiver<Queued>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Queued {
    item: Item,
    /// given back when it is read
    _room: OwnedSemaphorePermit,
}

/// An empty queue.
pub(crate) fn queue() -> (Sink, Source) {
    let room = Arc::new(Semaphore::new(BYTES as usize));
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sink { sender, room: room.clone() }, Source { receiver, room })
}

impl Sink {
    /// Gives the item back if there is no room for it. One that nobody reads any more goes.
    pub(crate) fn try_send(&self, item: Item) -> Result<(), Item> {
        match self.room.clone().try_acquire_many_owned(cost(&item)) {
            Ok(room) => {
                self.put(item, room);
                Ok(())
            }
            Err(tokio::sync::TryAcquireError::NoPermits) => Err(item),
            Err(tokio::sync::TryAcquireError::Closed) => Ok(()),
        }
    }

    /// Room for this item; `None` once nobody reads any more.
    pub(crate) async fn room(self, cost: u32) -> Option<OwnedSemaphorePermit> {
        self.room.acquire_many_owned(cost).await.ok()
    }

    pub(crate) fn put(&self, item: Item, room: OwnedSemaphorePermit) {
        // whoever read may have gone
        let _ = self.sender.send(Queued { item, _room: room });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Source {
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.receiver.recv().await.map(|queued| queued.item)
    }

    pub(crate) fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Item>> {
        self.receiver.poll_recv(cx).map(|queued| queued.map(|queued| queued.item))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// The room that an item takes. One that is bigger than all of it waits until the queue is empty.
pub(crate) fn cost(item: &Item) -> u32 {
    u32::try_from(item.size()).unwrap_or(BYTES).clamp(LEAST, BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(size: usize) -> Item {
        Item::Message { data: "x".repeat(size).into(), cursor: None }
    }

    #[tokio::test]
    async fn a_queue_is_bounded_in_number_and_bytes() {
        let all = BYTES as usize;
        for (size, fits) in [(0, 256), (100, 256), (all / 4, 4), (all / 2 + 1, 1), (all, 1), (10 * all, 1)] {
            let (sink, mut source) = queue();
            let taken = (0..=fits).take_while(|_| sink.try_send(item(size)).is_ok()).count();
            assert_eq!(taken, fits, "{size}");
            // each that is read makes room for one
            for _ in 0..3 {
                assert_eq!(source.next().await.unwrap().size(), size);
                let room = sink.clone().room(cost(&item(size))).await.unwrap();
                sink.put(item(size), room);
                assert!(sink.try_send(item(size)).is_err());
            }
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_room_that_nobody_makes() {
        let (sink, source) = queue();
        while sink.try_send(item(BYTES as usize / 2)).is_ok() {}
        let waiting = tokio::spawn(sink.clone().room(1));
        drop(source);
        assert!(waiting.await.unwrap().is_none() && sink.is_closed());
        assert!(sink.try_send(item(1)).is_ok());
    }
}
