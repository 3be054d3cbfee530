//! Where random choices come from. Work that may have to be done again draws them from a source of its own, so that each
//! try comes to the same ids.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use std::cell::RefCell;

/// What a source begins with.
pub type Seed = [u8; 32];

thread_local! {
    /// of the work that this thread does just now
    static SOURCE: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// A new one, from the system.
pub fn seed() -> Seed {
    rand::rng().random()
}

/// Does the work with choices that are the same for the same seed. They are as hard to guess as any others.
pub fn within<T>(seed: Seed, work: impl FnOnce() -> T) -> T {
    let _back = Back(SOURCE.replace(Some(StdRng::from_seed(seed))));
    work()
}

/// Puts the source before it in its place again, also if the work panics.
struct Back(Option<StdRng>);

impl Drop for Back {
    fn drop(&mut self) {
        SOURCE.set(self.0.take());
    }
}

/// Chooses from the source of the work that is being done, else from the thread's own. Both are CSPRNGs seeded by the system.
pub fn draw<T>(choose: impl FnOnce(&mut dyn Rng) -> T) -> T {
    SOURCE.with_borrow_mut(|source| match source {
        Some(source) => choose(source),
        None => choose(&mut rand::rng()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id;

    #[test]
    fn the_same_seed_makes_the_same_ids_and_leaves_no_trace() {
        let three = || [id::record_id(), id::secret(50), id::hex(12)];
        let (one, other) = (seed(), seed());
        let first = within(one, three);
        assert_eq!(
            first,
            within(one, || {
                // work within work has a source of its own
                assert_ne!(within(other, three), first);
                three()
            })
        );
        assert_ne!(first, within(other, three));
        let panicked = std::panic::catch_unwind(|| within(one, || panic!("on purpose")));
        assert!(panicked.is_err());
        assert!(three() != first && three() != three());
    }
}
