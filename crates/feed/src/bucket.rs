use crate::index::ClassId;
use indexmap::IndexSet;

/// A bucket of more classes than this finds them by hash, so that a class leaves at the same cost however many stay.
const FEW: usize = 16;

/// Classes that are looked up together. Most buckets hold one, so that one costs nothing beside it.
pub(crate) enum Bucket {
    One(ClassId),
    Few(Vec<ClassId>),
    Many(Box<IndexSet<ClassId>>),
}

impl Default for Bucket {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Bucket {
    pub fn insert(&mut self, class: ClassId) {
        match self {
            Self::One(first) => *self = Self::Few(vec![*first, class]),
            Self::Few(classes) if classes.is_empty() => *self = Self::One(class),
            Self::Few(classes) if classes.len() < FEW => classes.push(class),
            Self::Few(classes) => {
                let classes = classes.iter().copied().chain([class]);
                *self = Self::Many(Box::new(classes.collect()));
            }
            Self::Many(classes) => {
                classes.insert(class);
            }
        }
    }

    pub fn remove(&mut self, class: ClassId) {
        match self {
            Self::One(only) if *only == class => *self = Self::default(),
            Self::One(_) => {}
            Self::Few(classes) => {
                if let Some(at) = classes.iter().position(|known| *known == class) {
                    classes.swap_remove(at);
                }
            }
            Self::Many(classes) => {
                classes.swap_remove(&class);
                // memory that a crowd once took is given back
                if classes.len() <= FEW / 2 {
                    *self = Self::Few(classes.iter().copied().collect());
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Few(classes) if classes.is_empty())
    }

    pub fn append_to(&self, out: &mut Vec<ClassId>) {
        match self {
            Self::One(class) => out.push(*class),
            Self::Few(classes) => out.extend_from_slice(classes),
            Self::Many(classes) => out.extend(classes.iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_holds_what_a_set_holds_however_it_grows_and_shrinks() {
        let (mut bucket, mut set) = (Bucket::default(), BTreeSet::new());
        // up to 40 classes and down again, in an order that leaves holes
        for step in 0..400u32 {
            let class = step * 7 % 40;
            if (step / 40) % 2 == 0 {
                bucket.insert(class);
                set.insert(class);
            } else {
                bucket.remove(class);
                set.remove(&class);
            }
            let mut held = Vec::new();
            bucket.append_to(&mut held);
            assert_eq!(held.len(), set.len(), "step {step}");
            assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), set, "step {step}");
            assert_eq!(bucket.is_empty(), set.is_empty(), "step {step}");
        }
    }
}
