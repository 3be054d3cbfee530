//! `/realtime/collections/{name or id}`: one collection, one filter, no way to change either.

use crate::App;
use crate::realtime::first_frame::FirstFrame;
use crate::realtime::frame;
use crate::realtime::interest::{CollectionInterest, Signals};
use crate::realtime::message::Nudge;
use crate::realtime::permission;
use crate::realtime::refusal::Refusal;
use crate::realtime::session::{Session, Stop};
use crate::realtime::start::Beginning;
use crate::realtime::visitor::Visitor;
use std::sync::Arc;
use tidewire_feed::Subscription;
use tidewire_model::{Collection, Operations};
use tidewire_rules::DocumentFilter;

pub async fn serve(mut session: Session, path: String) {
    let stop = match Watch::begin(&mut session, &path).await {
        Ok(watch) => watch.listen(&mut session).await,
        Err(stop) => stop,
    };
    session.end(stop).await;
}

/// What a watch holds while it lasts.
struct Watch {
    signals: Arc<Signals>,
    visitor: Visitor,
    collection: Arc<Collection>,
}

impl Watch {
    async fn begin(session: &mut Session, path: &str) -> Result<Self, Stop> {
        let (frame, visitor) = session.first().await?;
        let mut interest = interest(&session.app, path, &frame, &visitor)?;
        let granted = permission::watch(&session.visit, &frame, &mut interest).await?;
        let interest = Arc::new(interest);
        let beginning =
            Beginning { app: &session.app, path, frame: &frame, interest: &interest, visitor: &visitor };
        let start = beginning.find().await?;
        let (signals, collection) = (interest.signals.clone(), interest.collection.clone());
        let subscription = Subscription { name: path.into(), interest, start };
        granted.begin();
        session.connection.set(visitor.principal.clone(), vec![subscription]).await;
        Ok(Self { signals, visitor, collection })
    }

    async fn listen(&self, session: &mut Session) -> Stop {
        loop {
            let text = tokio::select! {
                text = session.next() => text,
                () = self.signals.missed.notified() => return Stop::Missed,
                () = self.signals.changed.notified() => match self.check(session) {
                    Ok(()) => continue,
                    Err(stop) => return stop,
                },
            };
            match text {
                Ok(Some(text)) => {
                    if session.permits(&text).await.is_some() {
                        answer(session, &text);
                    }
                }
                Ok(None) => {}
                Err(stop) => return stop,
            }
        }
    }

    /// Whether it may go on.
    fn check(&self, session: &Session) -> Result<(), Stop> {
        self.visitor.check(&session.app)?;
        let catalog = session.app.store.catalog();
        let found = catalog.by_id(&self.collection.id).filter(|found| {
            let (access, principal) = (&self.visitor.access, session.connection.principal());
            found.name == self.collection.name
                && access.permitted(&catalog, found, &principal).constant() != Some(false)
        });
        found.map(|_| ()).ok_or(Stop::Gone)
    }
}

fn interest(
    app: &App,
    path: &str,
    frame: &FirstFrame,
    visitor: &Visitor,
) -> Result<CollectionInterest, Refusal> {
    let filter =
        DocumentFilter::from_json(&frame.filters).map_err(|error| Refusal::Failed(error.to_string()))?;
    let (catalog, access) = (app.store.catalog(), visitor.access.clone());
    let collection = access.find(&catalog, path).ok_or(Refusal::NoCollection)?;
    if access.permitted(&catalog, &collection, &visitor.principal).constant() == Some(false) {
        return Err(Refusal::NoCollection);
    }
    let (cursor, leave) = (frame.cursor, frame.leave);
    Ok(CollectionInterest {
        collection,
        access,
        filter,
        operations: Operations::ALL,
        narrowed: Vec::new(),
        cursor,
        leave,
        signals: Arc::default(),
    })
}

fn answer(session: &Session, text: &str) {
    match Nudge::parse(text) {
        Nudge::Text => session.answer(frame::object(|out| out.text("event", "pong"))),
        Nudge::Json => session.pong(),
        Nudge::Other => {}
    }
}
