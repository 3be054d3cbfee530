use crate::{Client, Error, path};
use reqwest::Url;

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Room(String),
    Broadcast,
}

impl Place {
    /// The address of its socket.
    pub(crate) fn url(&self, client: &Client) -> Result<Url, Error> {
        let mut url = client.inner.url.clone();
        let path = match self {
            Self::Room(id) => format!("realtime/rooms/{}", path::segment(id)?),
            Self::Broadcast => "realtime/broadcast".to_owned(),
        };
        url.set_path(&format!("{}{path}", url.path()));
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).map_err(|()| Error::Invalid(format!("{url} has no sockets")))?;
        Ok(url)
    }

    /// The key of a frame that has what is said.
    pub(crate) fn payload(&self) -> &'static str {
        match self {
            Self::Room(_) => "content",
            Self::Broadcast => "data",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_below_the_address_of_the_client() {
        let room = |id: &str| Place::Room(id.to_owned());
        for (base, place, expected) in [
            ("http://h:1", room("a b/c?d"), Some("ws://h:1/realtime/rooms/a%20b%2Fc%3Fd")),
            ("https://h/below", room("é"), Some("wss://h/below/realtime/rooms/%C3%A9")),
            ("https://h/below/", Place::Broadcast, Some("wss://h/below/realtime/broadcast")),
            ("http://h", room(".."), None),
            ("http://h", room(""), None),
        ] {
            let url = place.url(&Client::new(base).unwrap()).ok();
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{base} {place:?}");
        }
    }
}
