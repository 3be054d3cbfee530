//! Apple tells a user's name only with the redirect, and only once: it is kept until the code that came with it is used.

use parking_lot::Mutex;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Names that are kept; the oldest goes first.
const MOST: usize = 256;
const LIFE: Duration = Duration::from_secs(60);
/// characters
const LENGTH: usize = 150;

#[derive(Default)]
pub(super) struct Names {
    by_code: Mutex<VecDeque<Kept>>,
}

struct Kept {
    code: String,
    name: String,
    since: Instant,
}

impl Names {
    /// `user` is what Apple posts; without a name in it nothing is kept.
    pub(super) fn keep(&self, code: &str, user: &str) {
        let Some(name) = read(user) else { return };
        let mut kept = self.by_code.lock();
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(Kept { code: code.to_owned(), name, since: Instant::now() });
    }

    pub(super) fn take(&self, code: &str) -> Option<String> {
        let mut kept = self.by_code.lock();
        kept.retain(|kept| kept.since.elapsed() < LIFE);
        let place = kept.iter().position(|kept| kept.code == code)?;
        kept.remove(place).map(|kept| kept.name)
    }
}

fn read(user: &str) -> Option<String> {
    let user: Json = serde_json::from_str(user).ok()?;
    let part = |name: &str| user["name"][name].as_str().unwrap_or_default();
    let name = format!("{} {}", part("firstName"), part("lastName"));
    let name: String = name.trim().chars().take(LENGTH).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_is_there_once_and_for_a_minute() {
        let names = Names::default();
        for (user, expected) in [
            (r#"{"name":{"firstName":"Ann","lastName":"B"}}"#, Some("Ann B")),
            (r#"{"name":{"lastName":"B"}}"#, Some("B")),
            (r#"{"name":{}}"#, None),
            (r#"{"email":"a@b.co"}"#, None),
            ("no JSON", None),
        ] {
            names.keep("code", user);
            assert_eq!(names.take("other"), None);
            assert_eq!(names.take("code").as_deref(), expected, "{user}");
            assert_eq!(names.take("code"), None);
        }
        names.keep("code", r#"{"name":{"firstName":"Ann"}}"#);
        tokio::time::advance(LIFE).await;
        assert_eq!(names.take("code"), None);
    }

    #[test]
    fn the_oldest_go() {
        let names = Names::default();
        for number in 0..=MOST {
            names.keep(&number.to_string(), r#"{"name":{"firstName":"Ann"}}"#);
        }
        assert_eq!((names.take("0"), names.take("1").is_some()), (None, true));
    }
}
