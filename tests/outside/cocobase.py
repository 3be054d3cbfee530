"""CocoBase's clients without an SDK: REST with a project's key, and sockets as the wire has them."""

import json
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlencode

from api import Api
from web_socket import WebSocket

BLOCKS = Path(__file__).resolve().parent / "blocks" / "cocobase"


def block(name, url, key):
    """The text of a code block of CocoBase's realtime page, with its address and key filled in."""
    text = (BLOCKS / name).read_text().replace("your-api-key", key)
    text = text.replace("https://api.cocobase.buzz", url)
    return text.replace("wss://api.cocobase.buzz", url.replace("http", "ws", 1))


def text_of(value):
    """A filter value as clients write it into a query string."""
    if isinstance(value, list):
        return ",".join(map(text_of, value))
    return value if isinstance(value, str) else json.dumps(value)


class Socket(WebSocket):
    """A socket that has sent its first frame."""

    def __init__(self, url, path, first):
        super().__init__(url, f"/realtime/{path}")
        self.send(first)

    def take(self, count):
        """The next `count` frames, waited for and forgotten."""
        taken = self.wait(count)
        del self.frames[:count]
        return taken

    def leave(self):
        """Say goodbye before the connection ends."""
        self.connection.send_close()
        self.end()


class Project(Api):
    """A project with its secret key; the sockets that it opened end with it."""

    def __init__(self, server, slug):
        super().__init__(server.url)
        self.key = f"secret-key-of-{slug}"
        words = ("account", "create", slug, "--name", slug.title(), "--api-key", self.key)
        self.id = json.loads(server.command(*words))["id"]
        self.slug = slug
        self.sockets = ExitStack()

    def send(self, method, path, body=None, headers=None, timeout=30):
        return super().send(method, path, body, {"x-api-key": self.key, **(headers or {})}, timeout)

    def create(self, collection, **fields):
        return self.ok("POST", f"/collections/documents?collection={collection}", {"data": fields})

    def update(self, collection, document, **fields):
        return self.ok("PATCH", f"/collections/{collection}/documents/{document}", {"data": fields})

    def delete(self, collection, document):
        return self.ok("DELETE", f"/collections/{collection}/documents/{document}")

    def list(self, collection, **query):
        return self.ok("GET", f"/collections/{collection}/documents?{urlencode(query)}")

    def drop(self, collection):
        """Delete a collection: its watchers hear that as the last thing."""
        self.ok("DELETE", f"/collections/{collection}")

    def open(self, path, first):
        made = Socket(self.url, path, first)
        self.sockets.callback(made.close)
        return made

    def watch(self, collection, **first):
        """A watcher that has been confirmed; the confirmation is its first frame."""
        made = self.open(f"collections/{collection}", {"api_key": self.key, **first})
        made.wait(1)
        return made

    def broadcast(self, **first):
        return self.open("broadcast", {"api_key": self.key, **first})

    def room(self, room, **first):
        return self.open(f"rooms/{quote(room, safe='')}", {"api_key": self.key, **first})

    def rooms(self):
        return self.ok("GET", "/realtime/rooms")["rooms"]

    def close(self):
        self.sockets.close()
