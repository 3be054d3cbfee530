use super::variable;
use anyhow::{Context as _, bail};

/// More would only wait for each other.
const MOST: usize = 64;
/// A push costs a twentieth of the write that follows it: one thread keeps the writers of some cores busy.
const CORES_OF_ONE: usize = 4;
const MOST_BY_ITSELF: usize = 8;

/// What fits this machine.
pub fn fitting() -> usize {
    for_cores(std::thread::available_parallelism().map_or(1, Into::into))
}

/// What is asked for, or `default`.
pub fn asked(default: usize) -> anyhow::Result<usize> {
    variable("TIDEWIRE_SHARDS").map_or(Ok(default), |text| parse(&text))
}

fn for_cores(cores: usize) -> usize {
    (cores / CORES_OF_ONE).clamp(1, MOST_BY_ITSELF)
}

fn parse(text: &str) -> anyhow::Result<usize> {
    let expected = || format!("TIDEWIRE_SHARDS is {text:?}: a number from 1 to {MOST} is expected");
    let shards = text.parse().ok().with_context(expected)?;
    if !(1..=MOST).contains(&shards) {
        bail!(expected());
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cores_have_one_shard_and_many_have_some() {
        for (cores, shards) in [(1, 1), (2, 1), (4, 1), (7, 1), (8, 2), (16, 4), (32, 8), (256, 8)] {
            assert_eq!(for_cores(cores), shards, "{cores}");
        }
    }

    #[test]
    fn a_number_of_shards_is_from_one_to_sixty_four() {
        for (text, shards) in [
            ("1", Some(1)),
            ("64", Some(64)),
            ("0", None),
            ("65", None),
            ("-1", None),
            ("two", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text).ok(), shards, "{text}");
        }
    }
}
