use crate::class::Decision;
use crate::event::Told;
use bytes::Bytes;
use hashbrown::HashMap;
use std::time::{Duration, Instant};
use tidewire_model::Seq;

/// bytes, and what an entry costs besides
const BOUND: usize = 4 * 1024 * 1024;
const ENTRY: usize = 64;
/// Answers of the store are not kept for longer.
const AGE: Duration = Duration::from_secs(1);

/// Frames that the hub made lately for the last changes of replays: when many come back at once they share them, as live.
pub(crate) struct Frames {
    /// by projection: classes that differ in their decision alone share them
    known: HashMap<(Seq, u64, Told), Option<Bytes>>,
    size: usize,
    since: Instant,
}

impl Frames {
    pub fn new() -> Self {
        Self { known: HashMap::new(), size: 0, since: Instant::now() }
    }

    pub fn of(
        &mut self,
        decision: &Decision,
        (seq, told): (Seq, Told),
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let key = (seq, decision.projection, told);
        if let Some(frame) = self.known.get(&key) {
            return frame.clone();
        }
        let frame = make();
        if self.size >= BOUND {
            self.forget();
        }
        self.size += ENTRY + frame.as_ref().map_or(0, Bytes::len);
        self.known.insert(key, frame.clone());
        frame
    }

    /// Called before each use.
    pub fn age(&mut self) {
        if self.since.elapsed() > AGE {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.known = HashMap::new();
        self.size = 0;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::ClassSpec;
    use crate::{Encoder, Event, Topic};
    use std::sync::Arc;
    use tidewire_model::{Action, TenantId};
    use tidewire_rules::Residual;

    struct Mute;

    impl Encoder for Mute {
        fn encode(&self, _: &Event<'_>, _: &mut Vec<u8>) -> bool {
            false
        }
    }

    fn decision(leave: bool, projection: u64) -> Decision {
        let topic = Topic::Custom { tenant: TenantId::default(), name: "t".into() };
        let (gate, encoder) = (Residual::always(), Arc::new(Mute));
        Decision::new(ClassSpec { topic, gate, leave, projection: String::new(), encoder }, 1, projection)
    }

    #[test]
    fn a_frame_is_made_once_for_a_change_a_projection_and_the_way_it_is_told() {
        let mut frames = Frames::new();
        let (create, update) = (Told::Is(Action::Create), Told::Is(Action::Update));
        for (leave, projection, seq, told, expected) in [
            (true, 1, 1, create, "first"),
            (false, 1, 1, create, "first"),
            (true, 2, 1, create, "of another projection"),
            (true, 1, 2, create, "of another change"),
            (true, 1, 1, update, "told in another way"),
            (false, 1, 1, update, "told in another way"),
        ] {
            let frame = frames.of(&decision(leave, projection), (seq, told), || Some(expected.into()));
            assert_eq!(frame, Some(Bytes::from(expected)));
        }
        assert_eq!(frames.of(&decision(true, 3), (1, create), || None), None);
        assert_eq!(frames.of(&decision(true, 3), (1, create), || Some(Bytes::new())), None, "asked once");
    }
}
