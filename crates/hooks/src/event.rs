use tidewire_model::Action;

/// What user code can be called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    RealtimeConnect,
    RealtimeDisconnect,
    RealtimeSubscribe,
    RealtimeUnsubscribe,
    RealtimeMessage,
    RecordBeforeCreate,
    RecordBeforeUpdate,
    RecordBeforeDelete,
    RecordAfterCreate,
    RecordAfterUpdate,
    RecordAfterDelete,
    SignInBefore,
    SignIn,
    RoomCreate,
    RoomJoin,
    RoomMessage,
    RoomLeave,
    Start,
    Stop,
    Cron,
}

impl Event {
    pub const ALL: [Self; 20] = [
        Self::RealtimeConnect,
        Self::RealtimeDisconnect,
        Self::RealtimeSubscribe,
        Self::RealtimeUnsubscribe,
        Self::RealtimeMessage,
        Self::RecordBeforeCreate,
        Self::RecordBeforeUpdate,
        Self::RecordBeforeDelete,
        Self::RecordAfterCreate,
        Self::RecordAfterUpdate,
        Self::RecordAfterDelete,
        Self::SignInBefore,
        Self::SignIn,
        Self::RoomCreate,
        Self::RoomJoin,
        Self::RoomMessage,
        Self::RoomLeave,
        Self::Start,
        Self::Stop,
        Self::Cron,
    ];

    /// Its name in settings and requests, e.g. `record.before_create`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RealtimeConnect => "realtime.connect",
            Self::RealtimeDisconnect => "realtime.disconnect",
            Self::RealtimeSubscribe => "realtime.subscribe",
            Self::RealtimeUnsubscribe => "realtime.unsubscribe",
            Self::RealtimeMessage => "realtime.message",
            Self::RecordBeforeCreate => "record.before_create",
            Self::RecordBeforeUpdate => "record.before_update",
            Self::RecordBeforeDelete => "record.before_delete",
            Self::RecordAfterCreate => "record.after_create",
            Self::RecordAfterUpdate => "record.after_update",
            Self::RecordAfterDelete => "record.after_delete",
            Self::SignInBefore => "sign_in.before",
            Self::SignIn => "sign_in.after",
            Self::RoomCreate => "room.create",
            Self::RoomJoin => "room.join",
            Self::RoomMessage => "room.message",
            Self::RoomLeave => "room.leave",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Cron => "cron",
        }
    }

    /// The function that registers for it in JavaScript, e.g. `onRecordBeforeCreate`.
    pub fn function(self) -> &'static str {
        match self {
            Self::RealtimeConnect => "onRealtimeConnect",
            Self::RealtimeDisconnect => "onRealtimeDisconnect",
            Self::RealtimeSubscribe => "onRealtimeSubscribe",
            Self::RealtimeUnsubscribe => "onRealtimeUnsubscribe",
            Self::RealtimeMessage => "onRealtimeMessage",
            Self::RecordBeforeCreate => "onRecordBeforeCreate",
            Self::RecordBeforeUpdate => "onRecordBeforeUpdate",
            Self::RecordBeforeDelete => "onRecordBeforeDelete",
            Self::RecordAfterCreate => "onRecordAfterCreate",
            Self::RecordAfterUpdate => "onRecordAfterUpdate",
            Self::RecordAfterDelete => "onRecordAfterDelete",
            Self::SignInBefore => "onSignInBefore",
            Self::SignIn => "onSignIn",
            Self::RoomCreate => "onRoomCreate",
            Self::RoomJoin => "onRoomJoin",
            Self::RoomMessage => "onRoomMessage",
            Self::RoomLeave => "onRoomLeave",
            Self::Start => "onStart",
            Self::Stop => "onStop",
            Self::Cron => "cron",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Called while the write is under way.
    pub fn before(action: Action) -> Self {
        match action {
            Action::Create => Self::RecordBeforeCreate,
            Action::Update => Self::RecordBeforeUpdate,
            Action::Delete => Self::RecordBeforeDelete,
        }
    }

    /// Called for the committed change.
    pub fn after(action: Action) -> Self {
        match action {
            Action::Create => Self::RecordAfterCreate,
            Action::Update => Self::RecordAfterUpdate,
            Action::Delete => Self::RecordAfterDelete,
        }
    }

    /// Whether a handler may refuse it.
    pub fn may_refuse(self) -> bool {
        matches!(
            self,
            Self::RealtimeConnect
                | Self::RealtimeSubscribe
                | Self::RealtimeMessage
                | Self::RecordBeforeCreate
                | Self::RecordBeforeUpdate
                | Self::RecordBeforeDelete
                | Self::SignInBefore
                | Self::RoomCreate
                | Self::RoomJoin
                | Self::RoomMessage
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_event_is_found_by_its_name_and_has_its_own_place() {
        for (place, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(Event::named(event.name()), Some(event));
            assert_eq!(event as usize, place);
        }
        assert_eq!(Event::ALL.map(Event::function).into_iter().collect::<BTreeSet<_>>().len(), 20);
        assert_eq!(Event::named("record.create"), None);
    }
}
