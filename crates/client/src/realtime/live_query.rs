use crate::realtime::event::{Action, Event};
use crate::realtime::order::{Order, with_ties};
use crate::realtime::rows::{Fault, Rows};
use crate::realtime::subscription::Subscription;
use crate::{Auth, Collection, Error};
use futures_core::Stream as _;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::watch;

/// records of one request; servers give 1000 at most
const PAGE: usize = 500;

/// The list of a filter, kept as it is now. It has no end: it goes on through reconnects, restarts of the server and sign-ins.
///
/// Against Tidewire it is told of each change, and keeps up to 20 000 records that match in memory, also beyond `limit`. Where it
/// cannot know the order (a sort by other records, by lists or objects), or there are more, it asks for the list again after changes,
/// and against a real PocketBase always. A change of *other* records that filter, sort or `expand` look at is seen with the
/// next change of the list's own.
pub struct LiveQuery<T> {
    wanted: Wanted,
    auth: watch::Receiver<Auth>,
    /// for whom the list is
    identity: Identity,
    subscription: Option<Subscription<Json>>,
    list: List<T>,
    items: Vec<Arc<T>>,
    out: VecDeque<Result<Update<T>, Error>>,
}

/// The list after something happened.
#[derive(Debug)]
pub struct Update<T> {
    /// in order; an item that stayed as it was is the same `Arc`, unless the list was read anew
    pub items: Vec<Arc<T>>,
    pub change: ListChange,
}

/// What happened to the list: to the record with this id. With a limit others may have come in or gone out by that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListChange {
    /// it was read: at first, after something was missed, or where single changes cannot be told
    Loaded,
    /// it is new in the list
    Created(String),
    Updated(String),
    /// it was deleted, or does not match any more
    Removed(String),
}

/// A [`LiveQuery`] to be.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until this is awaited"]
pub struct LiveQueryBuilder<T> {
    wanted: Wanted,
    kind: std::marker::PhantomData<fn() -> T>,
}

#[derive(Clone, Debug)]
struct Wanted {
    collection: Collection,
    filter: Option<String>,
    sort: Option<String>,
    limit: Option<usize>,
    expand: Option<String>,
    /// the order or the number of its records is beyond what is held here
    only_asks: bool,
}

type Identity = (bool, Json);

enum List<T> {
    /// told change by change
    Told { rows: Rows<T>, coming: Vec<Json> },
    /// read anew after changes
    Asked { shown: Vec<Json>, is_loaded: bool, is_stale: bool },
}

impl Collection {
    /// The list of a filter, kept as it is now: a stream of lists.
    pub fn live_query<T: DeserializeOwned>(&self) -> LiveQueryBuilder<T> {
        let collection = Collection::new(self.client.clone(), self.name.clone());
        let wanted =
            Wanted { collection, filter: None, sort: None, limit: None, expand: None, only_asks: false };
        LiveQueryBuilder { wanted, kind: std::marker::PhantomData }
    }
}

impl<T> LiveQueryBuilder<T> {
    /// Which records it has; see [`crate::filter`] for values of others.
    pub fn filter(mut self, text: impl Into<String>) -> Self {
        self.wanted.filter = Some(text.into()).filter(|text| !text.trim().is_empty());
        self
    }

    /// Its order, e.g. `-created`; what is equal goes by id.
    pub fn sort(mut self, text: impl Into<String>) -> Self {
        self.wanted.sort = Some(text.into());
        self
    }

    /// Only so many, the first ones.
    pub fn limit(mut self, limit: usize) -> Self {
        self.wanted.limit = Some(limit);
        self
    }

    /// Relations whose records come along.
    pub fn expand(mut self, text: impl Into<String>) -> Self {
        self.wanted.expand = Some(text.into());
        self
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> IntoFuture for LiveQueryBuilder<T> {
    type Output = Result<LiveQuery<T>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Returns when the server has taken it; the first [`LiveQuery::next`] is the whole list.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let auth = self.wanted.collection.client.auth().changes();
            let identity = identity(&auth);
            let mut query = LiveQuery {
                wanted: self.wanted,
                auth,
                identity,
                subscription: None,
                list: List::Asked { shown: Vec::new(), is_loaded: false, is_stale: false },
                items: Vec::new(),
                out: VecDeque::new(),
            };
            query.begin(true).await?;
            Ok(query)
        })
    }
}

impl Wanted {
    /// A subscription that is told, or awakened, by each change that matters.
    async fn subscribe(&self, has_snapshot: bool, is_first: bool) -> Result<Subscription<Json>, Error> {
        let begin = || {
            let subscribe = self.collection.subscribe::<Json>("*");
            if is_first { subscribe } else { subscribe.patient() }
        };
        let mut subscribe = begin().leave();
        if let Some(filter) = &self.filter {
            subscribe = subscribe.filter(filter);
        }
        if let Some(expand) = &self.expand {
            subscribe = subscribe.expand(expand);
        }
        if has_snapshot {
            subscribe = subscribe.snapshot();
        }
        let subscription = subscribe.await?;
        if subscription.has_positions() {
            return Ok(subscription);
        }
        // a filter would hide that a record matches no more
        begin().await
    }

    fn sort(&self) -> String {
        with_ties(self.sort.as_deref())
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Waits for a server that is not there.
    async fn ask_patiently(&self) -> Result<Vec<Json>, Error> {
        let mut attempt = 0;
        loop {
            match self.ask().await {
                Err(error) if error.is_temporary() => {
                    let backoff = self.collection.client.realtime().shared.backoff();
                    tokio::time::sleep(backoff.wait(attempt, None)).await;
                    attempt = attempt.saturating_add(1);
                }
                done => return done,
            }
        }
    }

    async fn ask(&self) -> Result<Vec<Json>, Error> {
        let mut list = self.collection.clone().sort(self.sort()).skip_total();
        if let Some(filter) = &self.filter {
            list = list.filter(filter);
        }
        if let Some(expand) = &self.expand {
            list = list.expand(expand);
        }
        let (mut records, size) = (Vec::new(), PAGE.min(self.limit()).max(1));
        for number in 1.. {
            let page = list.get_list::<Json>(number, size as u64).await?;
            let is_last = page.items.len() < size;
            records.extend(page.items);
            if is_last || records.len() >= self.limit() {
                break;
            }
        }
        records.truncate(self.limit());
        Ok(records)
    }
}

impl<T: DeserializeOwned> LiveQuery<T> {
    /// The list as it was told last.
    pub fn items(&self) -> &[Arc<T>] {
        &self.items
    }

    /// The list after the next change that shows in it; `None` once it is unsubscribed. Records that are no `T` are errors and left
    /// out. A server that is not there is waited for. After an error it can be asked again, and reads again what it had not read. May be
    /// given up at any time.
    pub async fn next(&mut self) -> Option<Result<Update<T>, Error>> {
        loop {
            if let Some(update) = self.out.pop_front() {
                return Some(update);
            }
            if self.subscription.is_none()
                && let Err(error) = self.begin(false).await
            {
                return Some(Err(error));
            }
            let is_stale = matches!(self.list, List::Asked { is_stale: true, .. });
            if is_stale {
                if let Err(error) = self.read().await {
                    return Some(Err(error));
                }
                continue;
            }
            let subscription = self.subscription.as_mut()?;
            tokio::select! {
                event = subscription.next() => match event? {
                    Ok(event) => self.take(event),
                    Err(error) => return Some(Err(error)),
                },
                Ok(()) = self.auth.changed() => {
                    // somebody else may see other records
                    let identity = identity(&self.auth);
                    if self.identity != identity {
                        self.identity = identity;
                        self.subscription = None;
                    }
                }
            }
        }
    }

    async fn begin(&mut self, is_first: bool) -> Result<(), Error> {
        let order = Order::of(&self.wanted.sort()).filter(|_| !self.wanted.only_asks);
        let subscription = self.wanted.subscribe(order.is_some(), is_first).await?;
        self.list = match order.filter(|_| subscription.has_positions()) {
            Some(order) => List::Told { rows: Rows::new(order), coming: Vec::new() },
            None => List::Asked { shown: Vec::new(), is_loaded: false, is_stale: true },
        };
        self.subscription = Some(subscription);
        Ok(())
    }

    /// Reads the list; what happened before that is in it.
    async fn read(&mut self) -> Result<(), Error> {
        while let Some(event) = self.waiting().await {
            event?;
        }
        let records = self.wanted.ask_patiently().await?;
        let List::Asked { shown, is_loaded, is_stale } = &mut self.list else { return Ok(()) };
        *is_stale = false;
        if std::mem::replace(is_loaded, true) && *shown == records {
            return Ok(());
        }
        shown.clone_from(&records);
        self.items.clear();
        for record in records {
            match serde_json::from_value(record) {
                Ok(item) => self.items.push(Arc::new(item)),
                Err(error) => self.fault(error.to_string()),
            }
        }
        self.tell(ListChange::Loaded);
        Ok(())
    }

    /// An event that has come already.
    async fn waiting(&mut self) -> Option<Result<Event<Json>, Error>> {
        let subscription = self.subscription.as_mut()?;
        std::future::poll_fn(|context| match Pin::new(&mut *subscription).poll_next(context) {
            Poll::Ready(event) => Poll::Ready(event),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn take(&mut self, event: Event<Json>) {
        let limit = self.wanted.limit();
        let List::Told { rows, coming } = &mut self.list else {
            if let List::Asked { is_stale, .. } = &mut self.list {
                *is_stale = true;
            }
            return;
        };
        match event {
            Event::Record { action: Action::Snapshot, record, .. } => coming.push(record),
            Event::Live { .. } => match rows.load(std::mem::take(coming)) {
                Ok(faults) => {
                    faults.into_iter().for_each(|reason| self.fault(reason));
                    self.show(ListChange::Loaded);
                }
                Err(_) => self.only_ask(),
            },
            Event::Record { action: Action::Delete | Action::Leave, record, .. } => {
                let id = record["id"].as_str().unwrap_or_default();
                if rows.remove(id).is_some_and(|place| place < limit) {
                    self.show(ListChange::Removed(id.to_owned()));
                }
            }
            Event::Record { record, .. } => {
                let id = record["id"].as_str().unwrap_or_default().to_owned();
                match rows.put(record) {
                    Ok((place, is_new)) if place < limit => {
                        self.show(if is_new { ListChange::Created(id) } else { ListChange::Updated(id) });
                    }
                    Ok(_) => {}
                    Err(Fault::Unknown) => self.only_ask(),
                    Err(Fault::Decode(reason)) => {
                        self.fault(reason);
                        self.show(ListChange::Removed(id));
                    }
                }
            }
            // of the next connection a snapshot comes by itself
            Event::Reset { reason, .. } if reason == "interrupted" => coming.clear(),
            Event::Reset { reason, .. } if reason == "snapshot_too_large" => self.only_ask(),
            Event::Reset { .. } | Event::Gap | Event::Message { .. } => self.subscription = None,
        }
    }

    fn only_ask(&mut self) {
        self.wanted.only_asks = true;
        self.subscription = None;
    }

    fn show(&mut self, change: ListChange) {
        if let List::Told { rows, .. } = &self.list {
            self.items = rows.items(self.wanted.limit());
        }
        self.tell(change);
    }

    fn tell(&mut self, change: ListChange) {
        self.out.push_back(Ok(Update { items: self.items.clone(), change }));
    }

    fn fault(&mut self, reason: String) {
        let url = self.wanted.collection.client.inner.url.to_string();
        self.out.push_back(Err(Error::Decode { url, reason }));
    }
}

/// Who is signed in, whatever the token.
fn identity(auth: &watch::Receiver<Auth>) -> Identity {
    let auth = auth.borrow();
    (auth.token.is_empty(), auth.record["id"].clone())
}

impl<T> std::fmt::Debug for LiveQuery<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveQuery").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
