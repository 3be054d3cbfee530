"""SnackBase's clients without an SDK: REST as somebody, WebSockets and event streams as the wire has them."""

import http.client
import json
import re
import socket
import threading
from urllib.parse import quote, urlsplit
from uuid import uuid4

from api import Api
from deadline import wait_for
from server import SUPERUSER
from web_socket import WebSocket

PASSWORD = "Str0ng!Passw0rd#1"
RULES = ("list_rule", "view_rule", "create_rule", "update_rule", "delete_rule")
PUBLIC = dict.fromkeys(RULES, "")
EVERY_FIELD = dict.fromkeys(("list_fields", "view_fields", "create_fields", "update_fields"), "*")

POSTS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "status", "type": "text", "default": "draft"},
    {"name": "views", "type": "number"},
    {"name": "public", "type": "boolean"},
    {"name": "meta", "type": "json"},
    {"name": "due", "type": "datetime"},
]


class Like:
    """Equal to every text that has this form."""

    def __init__(self, pattern):
        self.pattern = pattern

    def __eq__(self, other):
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __repr__(self):
        return f"Like({self.pattern!r})"


UUID = Like(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# users are records of a collection that other dialects have too, with its ids
USER = Like(r"[0-9a-z]{15}")
TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
NAIVE = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")


class User(Api):
    """Requests of one user; `name` is how the tests call them."""

    def __init__(self, url, answer=None, account=""):
        self.access = answer["token"] if answer else ""
        super().__init__(url, f"Bearer {self.access}" if answer else "")
        self.refresh = answer and answer["refresh_token"]
        self.id = answer and answer["user"]["id"]
        self.account_id = answer and answer["account"]["id"]
        self.account = account

    def send(self, method, path, body=None, headers=None, timeout=30):
        if not self.token and self.account:
            headers = {"X-Account-ID": self.account, **(headers or {})}
        return super().send(method, f"/api/v1{path}", body, headers, timeout)


def register(url, slug, email):
    """Make an account with its first user, who is its admin."""
    body = {"email": email, "password": PASSWORD, "account_name": slug.title(), "account_slug": slug}
    User(url).ok("POST", "/auth/register", body)
    return sign_in(url, slug, email)


def sign_in(url, account, email, password=PASSWORD):
    body = {"account": account, "email": email, "password": password}
    return User(url, User(url).ok("POST", "/auth/login", body), account)


def superadmin(url):
    return sign_in(url, "system", *SUPERUSER)


def invite(root, account_id, account, email):
    """Make a user of role `user` in an account."""
    body = {"email": email, "password": PASSWORD, "account_id": account_id, "role_id": 2}
    made = root.ok("POST", "/users", body)
    root.ok("POST", f"/users/{made['id']}/verify", {})
    return sign_in(root.url, account, email)


def same(answer, expected):
    """Equal, with the same order of keys."""
    assert answer == expected
    assert json.dumps(keys(answer)) == json.dumps(keys(expected))


def keys(value):
    if isinstance(value, dict):
        return {name: keys(item) for name, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else None


def invalid(*details):
    """What is told of fields: each a name, a message and a code."""
    names = ("field", "message", "code")
    return {"error": "Validation error", "details": [dict(zip(names, detail)) for detail in details]}


def listing(user, collection, **query):
    text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    return user.send("GET", f"/records/{collection}?{text}")


class Socket(WebSocket):
    """A WebSocket of SnackBase's realtime."""

    def __init__(self, url, token=None, query=None, **options):
        query = f"?token={token}" if token is not None else query or ""
        super().__init__(url, "/api/v1/realtime/ws" + query, **options)


class EventStream:
    """An event stream; data of `message` events gather in `frames`, all else in `others` as (name, data)."""

    def __init__(self, url, query, headers=None):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self.connection.request("GET", f"/api/v1/realtime/subscribe{query}", headers=headers or {})
        self.answer = self.connection.getresponse()
        self.frames, self.others, self.ids, self.comments, self.lines = [], [], [], 0, []
        self.closed = None
        self.body = None
        if self.answer.status != 200:
            self.body = json.loads(self.answer.read())
            return
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        # sent once the subscriptions hold
        wait_for(lambda: self.comments or self.closed, "the greeting")

    def close(self):
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self.connection.close()

    def end(self):
        return wait_for(lambda: self.closed, "the end of the stream")

    def _read(self):
        fields = {}
        try:
            while line := self.answer.readline():
                self.lines.append(line)
                text = line.decode().rstrip("\r\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif fields:
                    self._take(fields)
                    fields = {}
            self.closed = "ended"
        except (OSError, ValueError, http.client.HTTPException, AttributeError) as error:
            self.closed = repr(error)

    def _take(self, fields):
        data = json.loads(fields["data"])
        if "id" in fields:
            self.ids.append(fields["id"])
        if fields.get("event", "message") == "message":
            self.frames.append(data)
        else:
            self.others.append((fields["event"], data))


def subscribe(collection, **options):
    return {"action": "subscribe", "collection": collection, **options}


class World:
    """Account acme with admin `a` and user `u`, account beta with `b`, all on open collections."""

    def __init__(self, server):
        self.url = server.url
        self.root = superadmin(self.url)
        self.users = {"root": self.root, "a": register(self.url, "acme", "a@example.com")}
        self.users["b"] = register(self.url, "beta", "b@example.com")
        self.users["u"] = invite(self.root, self.users["a"].account_id, "acme", "u@example.com")
        self.users["guest"] = User(self.url, account="acme")
        self.collection("witness", [{"name": "title", "type": "text"}])

    def __getattr__(self, name):
        return self.users[name]

    def collection(self, name, schema, **options):
        return self.root.ok("POST", "/collections", {"name": name, "schema": schema, **PUBLIC, **options})

    def rules(self, collection, **rules):
        """Set a collection's rules; what is not named is public and whole."""
        self.root.ok("PUT", f"/collections/{collection}/rules", {**PUBLIC, **EVERY_FIELD, **rules})

    def listen(self, who, *messages):
        """A socket of a user that has subscribed to what the messages ask for, and to the witness."""
        made = Socket(self.url, self.users[who].access)
        for message in [subscribe("witness"), *messages]:
            made.send(message)
        made.wait(1 + len(messages))
        made.who = who
        return made

    def stream(self, who, query):
        made = EventStream(self.url, f"?token={self.users[who].access}&collection=witness&{query}")
        made.who = who
        return made

    def heard(self, *listeners):
        """The events of each listener so far: changes come in one order, so a last one comes last."""
        marks = {}
        for who in {listener.who for listener in listeners}:
            marks[who] = str(uuid4())
            self.users[who].ok("POST", "/records/witness", {"title": marks[who]})
        return [self._until(listener, marks[listener.who]) for listener in listeners]

    def _until(self, listener, mark):
        def seen():
            return any(frame.get("data", {}).get("title") == mark for frame in list(listener.frames))

        wait_for(lambda: seen() or listener.closed, lambda: f"the witness; {listener.closed} {listener.frames}")
        events = [frame for frame in listener.frames if "." in frame.get("type", "")]
        return [event for event in events if not event["type"].startswith("witness.")]
