use crate::realtime::event::Cursor;
use crate::realtime::position::Position;

/// How far one connection has told everything. A connection tells changes in the order of their commits, whatever topic they
/// are for: once it tells of one change, all topics have heard all they should of those before it.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// the change told of last; more topics may be told of it
    last: Option<Place>,
    /// all topics were told of this and of what came before
    complete: Option<Place>,
}

/// A cursor, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) at: Position,
    pub(crate) cursor: Cursor,
}

impl Reach {
    /// The cursor of an event that was told. When the connection goes back, because a topic was added that goes on from long
    /// ago, it gives what was complete until then.
    pub(crate) fn hear(&mut self, cursor: &str) -> Option<Place> {
        let at = Position::of(cursor)?;
        let place = || Some(Place { at, cursor: cursor.to_owned() });
        match &self.last {
            Some(last) if last.at == at => None,
            Some(last) if at.is_after(last.at) => {
                self.complete = std::mem::replace(&mut self.last, place());
                None
            }
            _ => {
                self.last = place();
                self.complete.take()
            }
        }
    }

    pub(crate) fn complete(&self) -> Option<&Place> {
        self.complete.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::position::cursor;

    fn seq(place: Option<&Place>) -> Option<u64> {
        place.map(|place| place.at.seq)
    }

    #[test]
    fn what_is_complete_is_behind_what_is_told() {
        let mut reach = Reach::default();
        for (epoch, told, complete, given) in [
            (1, 5, None, None),
            // a second topic is told of the same
            (1, 5, None, None),
            (1, 7, Some(5), None),
            (1, 7, Some(5), None),
            (1, 8, Some(7), None),
            // a topic that was added goes on from long ago
            (1, 2, None, Some(7)),
            (1, 3, Some(2), None),
            (1, 8, Some(3), None),
            // another history
            (2, 9, None, Some(3)),
            (2, 10, Some(9), None),
        ] {
            let gone = reach.hear(&cursor(epoch, told));
            assert_eq!((seq(reach.complete()), seq(gone.as_ref())), (complete, given), "{told}");
        }
        assert_eq!(reach.hear("no cursor"), None);
        assert_eq!(seq(reach.complete()), Some(9));
    }
}
