//! What handlers said about one write, kept while the write is done again. A handler that lives elsewhere is asked between
//! two tries, when nothing waits for its answer but the write itself.

use crate::{HookId, Occasion, Refusal, Registration};
use std::time::{Duration, Instant};

/// Questions to handlers elsewhere about one write.
const MOST_QUESTIONS: usize = 1000;
/// Answers that a try had no use for, because data changed between the tries and the question became another.
const MOST_STALE: usize = 16;
/// Since the first question; looked at before each further one.
const LONGEST: Duration = Duration::from_secs(60);
/// Calls of handlers in this process that are remembered; more are made again.
const MOST_KEPT: usize = 1000;

/// Of one write, over all of its tries.
#[derive(Debug, Default)]
pub struct Memory {
    said: Vec<Said>,
    /// where to look first: a write asks the same in the same order
    next: usize,
    question: Option<Question>,
    since: Option<Instant>,
}

#[derive(Debug)]
struct Said {
    hook: HookId,
    asked: Occasion,
    left: Occasion,
    verdict: Result<(), Refusal>,
    elsewhere: bool,
    /// in this try
    used: bool,
}

#[derive(Debug)]
struct Question {
    hook: HookId,
    registration: Registration,
    occasion: Occasion,
}

/// Why a write does not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    #[error("hooks elsewhere would be asked more than {MOST_QUESTIONS} times about one write")]
    TooMany,
    #[error("what hooks elsewhere are asked about one write does not stay the same")]
    Unsteady,
    #[error("hooks elsewhere take more than {} s for one write", LONGEST.as_secs())]
    TooLong,
}

impl Memory {
    /// A try begins.
    pub fn begin(&mut self) {
        self.said.iter_mut().for_each(|said| said.used = false);
        (self.next, self.question) = (0, None);
    }

    /// What this handler said when it was asked just this. Each answer counts once in a try: a question that comes twice is
    /// asked twice.
    pub fn recall(&mut self, hook: HookId, occasion: &mut Occasion) -> Option<Result<(), Refusal>> {
        let (before, after) = (0..self.next, self.next..self.said.len());
        let fits = |index: &usize| {
            let said = &self.said[*index];
            !said.used && said.hook == hook && said.asked == *occasion
        };
        let index = after.chain(before).find(fits)?;
        self.next = index + 1;
        let said = &mut self.said[index];
        said.used = true;
        occasion.clone_from(&said.left);
        Some(said.verdict.clone())
    }

    /// Remembers what a handler in this process did, which need not be called again for it.
    pub fn keep(&mut self, hook: HookId, asked: Occasion, left: Occasion, verdict: Result<(), Refusal>) {
        if self.said.iter().filter(|said| !said.elsewhere).count() < MOST_KEPT {
            self.said.push(Said { hook, asked, left, verdict, elsewhere: false, used: true });
        }
    }

    /// Notes a question to a handler elsewhere. The try is of no use from here on.
    pub fn ask(&mut self, hook: HookId, registration: &Registration, occasion: &Occasion) {
        let (registration, occasion) = (registration.clone(), occasion.clone());
        self.question = Some(Question { hook, registration, occasion });
    }

    /// Whether a question waits for its answer.
    pub fn waits(&self) -> bool {
        self.question.is_some()
    }

    /// Asks what the last try noted.
    pub async fn answer(&mut self) -> Result<(), Unsettled> {
        let Some(Question { hook, registration, occasion: asked }) = self.question.take() else {
            return Ok(());
        };
        self.check()?;
        let Some(elsewhere) = &registration.elsewhere else { return Ok(()) };
        let (left, outcome) = elsewhere.ask(asked.clone()).await;
        let verdict = registration.judge(asked.event, outcome);
        self.said.push(Said { hook, asked, left, verdict, elsewhere: true, used: false });
        Ok(())
    }

    fn check(&mut self) -> Result<(), Unsettled> {
        let answers = || self.said.iter().filter(|said| said.elsewhere);
        if answers().count() >= MOST_QUESTIONS {
            return Err(Unsettled::TooMany);
        }
        if answers().filter(|said| !said.used).count() > MOST_STALE {
            return Err(Unsettled::Unsteady);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > LONGEST { Err(Unsettled::TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asking, Elsewhere, Event, Hands, Hooks};
    use serde_json::json;
    use std::sync::Arc;
    use tidewire_model::TenantId;

    /// Adds a mark to what it is asked.
    struct Marks;

    impl Elsewhere for Marks {
        fn ask(&self, occasion: Occasion) -> Asking {
            let left = occasion.with("mark", json!(true));
            Box::pin(async { (left, Ok(())) })
        }
    }

    fn registration() -> Registration {
        let call = |_: &mut Occasion, _: &mut dyn Hands| Ok(());
        let registration = Registration::new(Event::RecordBeforeCreate, "marks", Arc::new(call));
        Registration { elsewhere: Some(Arc::new(Marks)), ..registration }
    }

    fn about(number: usize) -> Occasion {
        Occasion::new(Event::RecordBeforeCreate, TenantId::default()).with("number", json!(number))
    }

    /// Asks as one try would, up to the first question that has no answer. True if there was none.
    fn try_once(memory: &mut Memory, id: HookId, numbers: &[usize]) -> bool {
        memory.begin();
        numbers.iter().all(|number| {
            let mut occasion = about(*number);
            let known = memory.recall(id, &mut occasion);
            if known.is_none() {
                memory.ask(id, &registration(), &occasion);
            }
            assert_eq!(occasion.fields.contains_key("mark"), known.is_some());
            known.is_some()
        })
    }

    #[tokio::test]
    async fn each_question_is_asked_once_and_twice_if_it_comes_twice() {
        let id = Hooks::default().register(registration());
        let mut memory = Memory::default();
        let mut tries = 1;
        while !try_once(&mut memory, id, &[1, 2, 1, 1]) {
            assert!(memory.waits());
            memory.answer().await.unwrap();
            tries += 1;
        }
        assert_eq!((tries, memory.said.len(), memory.waits()), (5, 4, false));
        // in another order no answer is missing
        assert!(try_once(&mut memory, id, &[1, 1, 1, 2]));
    }

    #[tokio::test]
    async fn questions_are_bounded() {
        let id = Hooks::default().register(registration());
        let numbers: Vec<usize> = (0..=MOST_QUESTIONS).collect();
        let mut memory = Memory::default();
        let ended = loop {
            assert!(!try_once(&mut memory, id, &numbers));
            if let Err(ended) = memory.answer().await {
                break ended;
            }
        };
        assert_eq!((ended, memory.said.len()), (Unsettled::TooMany, MOST_QUESTIONS));
        // another question each time
        let mut memory = Memory::default();
        let mut ended = None;
        for number in &numbers {
            assert!(!try_once(&mut memory, id, &[*number]));
            if let Err(error) = memory.answer().await {
                ended = Some((*number, error));
                break;
            }
        }
        assert_eq!(ended, Some((MOST_STALE + 1, Unsettled::Unsteady)));
    }
}
