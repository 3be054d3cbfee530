use crate::{Collection, Error, Page};
use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const PER_PAGE: u64 = 200;

type Asking = Pin<Box<dyn Future<Output = Result<Page<Json>, Error>> + Send>>;

/// All records of a collection, page by page. It ends after its first error.
pub struct Pages<T> {
    collection: Collection,
    items: VecDeque<Json>,
    asking: Option<Asking>,
    last: Option<String>,
    ended: bool,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T> Pages<T> {
    pub(crate) fn new(collection: Collection) -> Self {
        let items = VecDeque::new();
        Self { collection, items, asking: None, last: None, ended: false, kind: std::marker::PhantomData }
    }

    fn ask(&self) -> Result<Asking, Error> {
        let mut collection = self.collection.clone().sort("id").skip_total();
        if let Some(last) = &self.last {
            let mut text = crate::filter("id > {:last}", &[("last", json!(last))])?;
            if let Some(own) = self.collection.filter_text().filter(|own| !own.trim().is_empty()) {
                // the line's end closes a comment
                text = format!("({own}\n) && {text}");
            }
            collection = collection.filter(text);
        }
        Ok(Box::pin(async move { collection.get_list(1, PER_PAGE).await }))
    }

    fn take(&mut self, page: Page<Json>) -> Result<(), Error> {
        self.ended = (page.items.len() as u64) < PER_PAGE;
        if let Some(item) = page.items.last() {
            let id = item["id"].as_str();
            let id = id.ok_or_else(|| Error::Invalid("a list of all needs the field id".into()))?;
            self.last = Some(id.to_owned());
        }
        self.items = page.items.into();
        Ok(())
    }

    fn fail<V>(&mut self, error: Error) -> Poll<Option<Result<V, Error>>> {
        self.ended = true;
        self.items.clear();
        Poll::Ready(Some(Err(error)))
    }
}

impl<T: DeserializeOwned> Pages<T> {
    /// The next record; for those who have no `StreamExt` at hand.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned> Stream for Pages<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return match serde_json::from_value(item) {
                    Ok(item) => Poll::Ready(Some(Ok(item))),
                    Err(error) => {
                        let url = self.collection.client.inner.url.to_string();
                        self.fail(Error::Decode { url, reason: error.to_string() })
                    }
                };
            }
            if let Some(asking) = &mut self.asking {
                let page = ready!(asking.as_mut().poll(context));
                self.asking = None;
                if let Err(error) = page.and_then(|page| self.take(page)) {
                    return self.fail(error);
                }
                continue;
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match self.ask() {
                Ok(asking) => self.asking = Some(asking),
                Err(error) => return self.fail(error),
            }
        }
    }
}
