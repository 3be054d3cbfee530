use hashbrown::HashMap;
use tidewire_model::Seq;

/// Names a question by all that its answer depends on but other records.
pub(crate) type Name = [u8; 32];

/// An answer, and the last change that it knows of.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub holds: bool,
    pub head: Seq,
}

/// Answers of the store, at most as many as `bound` says: when one half is full, the other goes.
pub(crate) struct Known {
    young: HashMap<Name, Answer>,
    old: HashMap<Name, Answer>,
    half: usize,
}

impl Known {
    pub fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: bound / 2 }
    }

    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// What is used stays.
    pub fn get(&mut self, name: &Name) -> Option<Answer> {
        if let Some(answer) = self.young.get(name) {
            return Some(*answer);
        }
        let answer = self.old.remove(name)?;
        self.insert(*name, answer);
        Some(answer)
    }

    /// The answer that knows more stands.
    pub fn insert(&mut self, name: Name, answer: Answer) {
        self.old.remove(&name);
        if let Some(known) = self.young.get_mut(&name) {
            if known.head <= answer.head {
                *known = answer;
            }
            return;
        }
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, answer);
    }
}
