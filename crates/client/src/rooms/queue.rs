use crate::Error;
use crate::rooms::frame::Frame;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// bytes of what waits to be read
const BYTES: u32 = 1 << 20;
/// what each counts for at least, so that no more than 256 wait
const LEAST: u32 = BYTES / 256;

/// What is told, before it has a type.
#[derive(Debug)]
pub(crate) enum Item {
    /// and its length
    Frame(Box<Frame>, usize),
    Resumed {
        participants: Option<u64>,
    },
    Gap {
        reason: String,
        participants: Option<u64>,
    },
    Failed(Error),
}

impl Item {
    /// What it counts for. One that is bigger than the queue waits until that is empty.
    pub(crate) fn cost(&self) -> u32 {
        let size = match self {
            Self::Frame(_, length) => *length,
            _ => 0,
        };
        u32::try_from(size).unwrap_or(BYTES).clamp(LEAST, BYTES)
    }
}

/// Given back when the item is read.
type Queued = (Item, Option<OwnedSemaphorePermit>);

#[derive(Clone)]
pub(crate) struct Sink {
    sender: mpsc::UnboundedSender<Queued>,
    space: Arc<Semaphore>,
}

pub(crate) struct Source {
    receiver: mpsc::UnboundedReceiver<Queued>,
}

pub(crate) fn queue() -> (Sink, Source) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sink { sender, space: Arc::new(Semaphore::new(BYTES as usize)) }, Source { receiver })
}

impl Sink {
    /// Gives the item back if there is no space for it.
    pub(crate) fn try_put(&self, item: Item) -> Result<(), Item> {
        match self.space.clone().try_acquire_many_owned(item.cost()) {
            Ok(space) => {
                self.put(item, Some(space));
                Ok(())
            }
            Err(_) => Err(item),
        }
    }

    pub(crate) async fn space(self, cost: u32) -> Option<OwnedSemaphorePermit> {
        self.space.acquire_many_owned(cost).await.ok()
    }

    /// Without space of its own it is the last.
    pub(crate) fn put(&self, item: Item, space: Option<OwnedSemaphorePermit>) {
        // whoever read may have gone: then the room is left at once
        let _ = self.sender.send((item, space));
    }
}

impl Source {
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.receiver.recv().await.map(|(item, _)| item)
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.receiver.poll_recv(cx).map(|queued| queued.map(|(item, _)| item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_is_bounded_in_number_and_bytes() {
        let all = BYTES as usize;
        for (size, fits) in [(0, 256), (all / 4, 4), (all / 2 + 1, 1), (10 * all, 1)] {
            let item = || Item::Frame(Box::new(Frame::Pong), size);
            let (sink, mut source) = queue();
            assert_eq!((0..=fits).take_while(|_| sink.try_put(item()).is_ok()).count(), fits, "{size}");
            source.next().await.unwrap();
            let space = sink.clone().space(item().cost()).await;
            assert!(space.is_some());
            sink.put(item(), space);
            assert!(sink.try_put(item()).is_err(), "{size}");
        }
    }
}
