use crate::Action;

/// Which operations a subscription hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations(u8);

impl Operations {
    pub const ALL: Self = Self(0b111);
    pub const NONE: Self = Self(0);

    /// Unknown names mean nothing.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let bits = names.into_iter().map(|name| match name {
            "create" => bit(Action::Create),
            "update" => bit(Action::Update),
            "delete" => bit(Action::Delete),
            _ => 0,
        });
        Self(bits.fold(0, |all, bit| all | bit))
    }

    pub fn has(self, action: Action) -> bool {
        self.0 & bit(action) != 0
    }

    /// Those that both have.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [Action::Create, Action::Update, Action::Delete]
            .into_iter()
            .filter(move |action| self.has(*action))
            .map(Action::as_str)
    }

    /// A letter for class keys and names.
    pub fn letter(self) -> char {
        char::from(b'0' + self.0)
    }
}

fn bit(action: Action) -> u8 {
    match action {
        Action::Create => 1,
        Action::Update => 2,
        Action::Delete => 4,
    }
}
