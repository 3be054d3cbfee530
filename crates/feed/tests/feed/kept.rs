//! Messages that are kept are told in the one order with changes, live and replayed.

use crate::world::*;
use tidewire_feed::Options;
use tidewire_model::Principal;

/// Records at odd places, messages at even ones.
fn fill(world: &World, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        match seq % 2 {
            1 => drop(world.commit(&[post(&format!("r{seq}"))])),
            _ => world.keep("m", &seq.to_string()),
        }
    }
}

fn lines(seqs: std::ops::RangeInclusive<u64>) -> Vec<String> {
    seqs.map(|seq| if seq % 2 == 1 { format!("{seq} l create r{seq}") } else { format!("m {seq}") }).collect()
}

#[tokio::test]
async fn kept_messages_are_replayed_among_the_changes() {
    for (ring, outbox_bytes, count) in
        [(8, 1 << 16, 40), (1000, 1 << 16, 40), (8, 100, 300), (1000, 100, 300)]
    {
        let world = World::new(Options { ring, outbox_bytes, ..options() });
        let (live, late) = (world.connect(), world.connect());
        live.set(Principal::Guest, vec![Listen::to("l", "").now(), Listen::message("m").now()]).await;
        fill(&world, 1..=count);
        let subscriptions = vec![Listen::to("l", "").after(3, &[]), Listen::message("m").after(3, &[])];
        late.set(Principal::Guest, subscriptions).await;
        fill(&world, count + 1..=count + 20);
        world.keep("other", "unheard");
        assert_eq!(
            live.read_to_end(&world).await,
            lines(1..=count + 20),
            "ring {ring}, {outbox_bytes} bytes"
        );
        assert_eq!(
            late.read_to_end(&world).await,
            lines(4..=count + 20),
            "ring {ring}, {outbox_bytes} bytes"
        );
    }
}

#[tokio::test]
async fn whoever_comes_too_late_is_told_that_a_message_is_gone() {
    let world = World::new(Options { ring: 4, ..options() });
    fill(&world, 1..=20);
    world.forget(4);
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::message("m").after(2, &[])]).await;
    let expected = ["m forgotten", "m 6", "m 8", "m 10", "m 12", "m 14", "m 16", "m 18", "m 20"];
    assert_eq!(client.read_to_end(&world).await, expected);
}
