use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, Url};

/// followed at most
pub(crate) const MOST: usize = 5;

/// What another host is told as well. Anything else may be a credential.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

/// One request on its way, as it changes from redirect to redirect.
pub(crate) struct Journey {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Journey {
    /// Turns to where the answer points. `false`: the answer is the last one.
    pub fn turn(&mut self, status: u16, location: Option<&[u8]>) -> bool {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return false;
        }
        let next = location
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(|text| self.url.join(text).ok());
        let Some(mut next) = next else { return false };
        // nobody but the caller may say who asks
        let cleared = next.set_username("").and_then(|()| next.set_password(None));
        if cleared.is_err() {
            return false;
        }
        if next.origin() != self.url.origin() {
            self.headers = kept(&self.headers);
        }
        let posted = self.method == Method::POST && matches!(status, 301 | 302);
        let seen_elsewhere = status == 303 && self.method != Method::HEAD;
        if posted || seen_elsewhere {
            self.method = Method::GET;
            self.body.clear();
            for name in [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::CONTENT_ENCODING] {
                self.headers.remove(name);
            }
        }
        self.url = next;
        true
    }
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let harmless = headers.iter().filter(|(name, _)| HARMLESS.contains(name));
    harmless.map(|(name, value)| (name.clone(), value.clone())).collect()
}
