"""CocoBase's three sockets without an SDK: who is refused and how, what members say, how rooms live and end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import websocket

from cocobase import Project
from deadline import wait_for
from server import Server
from snackbase import PUBLIC, TIME, Like, invite, superadmin
from web_socket import WebSocket

pytestmark = pytest.mark.tidewire

NOW = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ANY = Like(r"(?s).+")
POLICY = (1008, "")


@pytest.fixture(scope="module")
def server():
    running = Server(TIDEWIRE_RATE_LIMIT="off")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="module")
def shop(server):
    made = Project(server, "shop")
    made.ok("POST", "/collections/", {"name": "posts"})
    yield made
    made.close()


@pytest.fixture(scope="module")
def bank(server):
    made = Project(server, "bank")
    yield made
    made.close()


# Who is refused.


def failed(detail=ANY):
    return {"error": "Authentication failed", "error_detail": detail}


NO_KEY = {"error": "API key is required"}
WRONG_KEY = {"error": "Invalid API key", "error_detail": "Project not found"}
NO_COLLECTION = {"error": "Collection not found or access denied"}
EVERYWHERE = ("collections/posts", "broadcast", "rooms/refused")
KEY = "secret-key-of-shop"

REFUSALS = [
    *((path, first, NO_KEY) for path in EVERYWHERE for first in ({}, {"api_key": ""}, {"api_key": None}, {"api_key": 1})),
    *((path, {"api_key": "wrong"}, WRONG_KEY) for path in EVERYWHERE),
    *((path, first, failed()) for path in EVERYWHERE for first in ("x", "", "{", "[]", "1", "null", b"\xff{}", b"x")),
    *((path, {"api_key": KEY, "filters": ["x"]}, failed()) for path in EVERYWHERE),
    *((path, {"api_key": KEY, "token": "x"}, failed("invalid token")) for path in EVERYWHERE),
    ("collections/nowhere", {"api_key": KEY}, NO_COLLECTION),
    ("collections/posts", {"api_key": "secret-key-of-bank"}, NO_COLLECTION),
    ("rooms/nowhere", {"api_key": KEY}, {"error": "Room not found", "room_id": "nowhere"}),
    ("rooms/nowhere", {"api_key": KEY, "action": "join"}, {"error": "Room not found", "room_id": "nowhere"}),
    ("rooms/nowhere", {"api_key": KEY, "action": "open"}, {"error": "Room not found", "room_id": "nowhere"}),
    ("rooms/" + 257 * "x", {"api_key": KEY, "action": "create"}, failed("room id is too long")),
    ("broadcast", {"api_key": KEY, "user_name": 257 * "x"}, failed("user_name is too long")),
]


@pytest.mark.parametrize("path, first, frame", REFUSALS, ids=lambda value: str(value)[:40])
def test_refusals(shop, bank, path, first, frame):
    socket = shop.open(path, first)
    # what follows a refused frame is not heard
    assert socket.end() == POLICY
    assert socket.frames == [frame]


def test_a_first_frame_that_is_too_large(shop):
    for path in EVERYWHERE:
        socket = shop.open(path, {"api_key": KEY, "filters": {"x": (2 << 20) * "x"}})
        assert socket.end()[0] == 1009
        assert socket.frames == []


def test_a_first_frame_that_does_not_come():
    server = Server(TIDEWIRE_COCOBASE_AUTH_TIMEOUT="2")
    try:
        shop = Project(server.start(), "shop")
        sockets = []
        for path in EVERYWHERE:
            sockets.append(WebSocket(server.url, f"/realtime/{path}"))
            # protocol pings are no first frame
            sockets[-1].connection.ping()
        for socket in sockets:
            assert socket.end() == POLICY
            assert socket.frames == [{"error": "Authentication timeout"}]
            socket.close()
        shop.close()
    finally:
        server.close()


@pytest.mark.parametrize("path", ["", "other", "collections/", "collections/a/b", "rooms/a/b"])
def test_paths_that_are_none(shop, path):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        shop.open(path, {"api_key": KEY})
    assert refused.value.status_code in (400, 403, 404)


# What members send.

PONG, WORD = {"type": "pong"}, {"event": "pong"}
NO_JSON, NO_OBJECT = {"error": "Invalid JSON"}, {"error": "Invalid JSON", "error_detail": "expected an object"}
UNKNOWN = {"error": "Unknown message type"}


def said(**payload):
    return {"type": "message", "user_id": "u", "user_name": "U", "timestamp": NOW, **payload}


def spoken(content):
    return said(content=content, room_info={"id": "talk", "title": "Talk"})


class Sent(NamedTuple):
    frame: Any
    watch: Any
    broadcast: Any
    room: Any


MESSAGES = [
    Sent({"type": "ping"}, PONG, PONG, PONG),
    Sent(b'{"type": "ping"}', PONG, PONG, PONG),
    Sent("ping", WORD, PONG, PONG),
    Sent("x", None, NO_JSON, NO_JSON),
    Sent(b"\xff", None, NO_JSON, NO_JSON),
    Sent("[]", None, NO_OBJECT, NO_OBJECT),
    Sent("1", None, NO_OBJECT, NO_OBJECT),
    Sent({"type": "message", "data": {"text": "hi"}}, None, said(data={"text": "hi"}), spoken("")),
    Sent({"type": "message", "content": "hi"}, None, said(data={"type": "message", "content": "hi"}), spoken("hi")),
    Sent({"type": "message", "content": {"b": [1.0, None]}, "data": None}, None, said(data=None), spoken({"b": [1.0, None]})),
    Sent({"type": "typing"}, None, said(data={"type": "typing"}), UNKNOWN),
    Sent({"type": "typing", "content": 1}, None, said(data={"type": "typing", "content": 1}), spoken(1)),
    Sent({"data": "d", "user_id": "x", "user_name": "X"}, None, said(data="d"), UNKNOWN),
    Sent({"api_key": KEY}, None, None, None),
    Sent({"api_key": KEY, "content": "c"}, None, None, spoken("c")),
    Sent({"api_key": KEY, "data": "d"}, None, said(data="d"), None),
    Sent({"api_key": KEY, "type": "message"}, None, None, None),
    Sent(b'{"content": "bytes", "data": "bytes"}', None, said(data="bytes"), spoken("bytes")),
]


def test_messages(shop):
    """Each socket's answers, in the order of what was sent; the first frames behind the first one are not lost."""
    me = {"user_id": "u", "user_name": "U"}
    places = {
        "watch": ("collections/posts", {}),
        "broadcast": ("broadcast", me),
        "room": ("rooms/talk", {**me, "action": "create", "room_title": "Talk"}),
    }
    for place, (path, first) in places.items():
        socket = shop.open(path, {"api_key": KEY, **first})
        for message in MESSAGES:
            socket.send(message.frame)
            answer = getattr(message, place)
            if answer is None:
                # what is heard next must be the answer to this
                socket.send({"type": "ping"})
        wanted = [getattr(message, place) or PONG for message in MESSAGES]
        _, *answers = socket.wait(1 + len(wanted))
        assert answers == wanted, place
        socket.close()


def test_broadcast_reaches_the_project_and_nobody_else(shop, bank):
    ann, bob = shop.broadcast(user_id="ann", user_name="Ann"), shop.broadcast()
    other = bank.broadcast(user_id=7, user_name=None)
    assert ann.take(1) == [{"event": "connected", "project_id": shop.id, "user_id": "ann"}]
    assert bob.take(1) == [{"event": "connected", "project_id": shop.id, "user_id": "anonymous"}]
    assert other.take(1) == [{"event": "connected", "project_id": bank.id, "user_id": "7"}]
    ann.send({"type": "message", "data": 1})
    ann.wait(1)
    bob.send({"type": "message", "data": 2})
    other.send({"type": "message", "data": 3})
    heard = [[(frame["user_id"], frame["user_name"], frame["data"]) for frame in one.take(2)] for one in (ann, bob)]
    assert heard == 2 * [[("ann", "Ann", 1), ("anonymous", "Anonymous", 2)]]
    assert [frame["data"] for frame in other.take(1)] == [3]


def test_a_token_says_who_somebody_is(shop, bank):
    """Its user's roles open a collection, and its id takes the place of the one that the client gives itself."""

    def sign_up(project):
        body = {"email": "ann@example.com", "password": "pass-of-ann-123"}
        answer = project.ok("POST", "/auth-collections/signup", body)
        return answer["access_token"], answer["user"]["id"]

    token, ann = sign_up(shop)
    shop.create("secrets", title="first")
    shop.ok("PATCH", "/collections/secrets", {"permissions": {"read": ["member"]}})
    for first in ({}, {"token": token}):
        refused = shop.watch("secrets", **first)
        assert refused.end() == POLICY and refused.frames == [NO_COLLECTION]
    shop.ok("PATCH", f"/auth-collections/users/{ann}", {"roles": ["member"]})
    watcher = shop.watch("secrets", token=token)
    shop.create("secrets", title="second")
    assert [frame["event"] for frame in watcher.wait(2)] == ["connected", "create"]
    speaker = shop.broadcast(token=token, user_id="somebody else")
    assert speaker.wait(1)[0]["user_id"] == ann
    foreign = shop.broadcast(token=sign_up(bank)[0])
    assert foreign.end() == POLICY and foreign.frames == [failed("invalid token")]


# Rooms. A step is what somebody does and what each hears of it; `rooms` is what the list shows in the end.


def brief(frame):
    """A frame of a room in few words."""
    if "error" in frame:
        return f"{frame['error']} {frame.get('room_id', '')}".strip()
    if frame.get("event") == "joined":
        return f"joined {frame['room_title']!r} {frame['participants']} as {frame['user_id']}"
    if frame["type"] == "message":
        return f"{frame['user_name']}: {frame['content']}"
    return f"{frame['type']} {frame['user_name']} {frame['room_info']['participants']}"


def create(who, room="lobby", **first):
    return who, "enter", room, {"action": "create", **first}


def join(who, room="lobby", **first):
    return who, "enter", room, {"action": "join", **first}


def ann(**more):
    return {"user_id": "ann", "user_name": "Ann", **more}


def bob(**more):
    return {"user_id": "bob", "user_name": "Bob", **more}


LIFE = {
    "create, join, speak, leave, vanish": [
        (create("a", **ann(room_title="The Lobby")), {"a": "joined 'The Lobby' 1 as ann"}),
        (join("b", **bob()), {"b": "joined 'The Lobby' 2 as bob", "a": "user_joined Bob 2"}),
        (("a", "say", "hi"), {"a": "Ann: hi", "b": "Ann: hi"}),
        (("rooms",), [("lobby", "The Lobby", "ann", [("ann", "Ann"), ("bob", "Bob")])]),
        (("a", "leave"), {"b": "user_left Ann 1"}),
        (("rooms",), [("lobby", "The Lobby", "ann", [("bob", "Bob")])]),
        (("b", "leave"), {}),
        (("rooms",), []),
        (join("c"), {"c": "Room not found lobby"}),
    ],
    "create is join where there is a room": [
        (create("a", **ann(room_title="First")), {"a": "joined 'First' 1 as ann"}),
        (create("b", **bob(room_title="Second")), {"b": "joined 'First' 2 as bob", "a": "user_joined Bob 2"}),
        (("rooms",), [("lobby", "First", "ann", [("ann", "Ann"), ("bob", "Bob")])]),
        (("a", "leave"), {"b": "user_left Ann 1"}),
        (create("c", **ann(room_title="Third")), {"c": "joined 'First' 2 as ann", "b": "user_joined Ann 2"}),
    ],
    "titles and ids": [
        (create("a", "no title", **ann()), {"a": "joined 'no title' 1 as ann"}),
        (create("b", "Ümlaut/50%", **ann(room_title="")), {"b": "joined '' 1 as ann"}),
        (join("c", "Lobby"), {"c": "Room not found Lobby"}),
        (create("d", "NO TITLE", **ann(room_title=None)), {"d": "joined 'NO TITLE' 1 as ann"}),
        (create("e", 256 * "x", **ann(room_title="long")), {"e": "joined 'long' 1 as ann"}),
    ],
    "one user with two sockets": [
        (create("a", **ann()), {"a": "joined 'lobby' 1 as ann"}),
        (join("w", **bob()), {"w": "joined 'lobby' 2 as bob", "a": "user_joined Bob 2"}),
        (join("b", **ann(user_name="Anna")), {"b": "joined 'lobby' 2 as ann"}),
        (("rooms",), [("lobby", "lobby", "ann", [("ann", "Anna"), ("bob", "Bob")])]),
        (("b", "say", "two"), {"a": "Anna: two", "b": "Anna: two", "w": "Anna: two"}),
        (("a", "leave"), {}),
        (("b", "say", "one"), {"b": "Anna: one", "w": "Anna: one"}),
        (("b", "leave"), {"w": "user_left Anna 1"}),
    ],
    "without a name": [
        (create("a"), {"a": "joined 'lobby' 1 as anonymous"}),
        (join("b", user_id=None, user_name=None), {"b": "joined 'lobby' 1 as anonymous"}),
        (join("c", user_id=5), {"c": "joined 'lobby' 2 as 5", "a": "user_joined Anonymous 2", "b": "user_joined Anonymous 2"}),
        (("rooms",), [("lobby", "lobby", "anonymous", [("anonymous", "Anonymous"), ("5", "Anonymous")])]),
        (("a", "leave"), {}),
        (("b", "say", "still here"), {"b": "Anonymous: still here", "c": "Anonymous: still here"}),
        (("b", "leave"), {"c": "user_left Anonymous 1"}),
    ],
    "an action of another name joins": [
        (create("a", **ann()), {"a": "joined 'lobby' 1 as ann"}),
        (("b", "enter", "lobby", bob(action="x")), {"b": "joined 'lobby' 2 as bob", "a": "user_joined Bob 2"}),
        (("c", "enter", "lobby", bob()), {"c": "joined 'lobby' 2 as bob"}),
    ],
    "an abrupt end is a leave": [
        (create("a", **ann()), {"a": "joined 'lobby' 1 as ann"}),
        (join("b", **bob()), {"b": "joined 'lobby' 2 as bob", "a": "user_joined Bob 2"}),
        (("b", "vanish"), {"a": "user_left Bob 1"}),
        (("a", "vanish"), {}),
        (("rooms",), []),
    ],
    "who is refused touches nobody": [
        (create("a", **ann()), {"a": "joined 'lobby' 1 as ann"}),
        (join("b", **bob()), {"b": "joined 'lobby' 2 as bob", "a": "user_joined Bob 2"}),
        (create("c", api_key="secret-key-of-bank", **ann()), {"c": "Room belongs to different project"}),
        (join("d", api_key="secret-key-of-bank", **ann()), {"d": "Room belongs to different project"}),
        (create("e", api_key="wrong", **ann()), {"e": "Invalid API key"}),
        (create("f", token="wrong", **ann()), {"f": "Authentication failed"}),
        (("rooms",), [("lobby", "lobby", "ann", [("ann", "Ann"), ("bob", "Bob")])]),
        (("b", "say", "all here"), {"a": "Bob: all here", "b": "Bob: all here"}),
    ],
}


class Life:
    """Play the steps of one story; nobody hears anything else."""

    def __init__(self, project):
        self.project = project
        self.sockets = {}

    def play(self, step, heard):
        who, *what = step
        if who == "rooms":
            wait_for(lambda: self.rooms() == heard, lambda: f"{heard}; {self.rooms()}")
            return
        getattr(self, what[0])(who, *what[1:])
        for name, line in heard.items():
            assert [brief(frame) for frame in self.sockets[name].take(1)] == [line], (step, name)

    def rooms(self):
        shown = self.project.rooms()
        lists = [[(one["id"], one["name"]) for one in room["participant_list"]] for room in shown]
        assert [room["participants"] for room in shown] == [len(one) for one in lists]
        return [(room["id"], room["title"], room["created_by"], one) for room, one in zip(shown, lists)]

    def enter(self, who, room, first):
        self.sockets[who] = self.project.room(room, **first)

    def say(self, who, text):
        self.sockets[who].send({"type": "message", "content": text})

    def leave(self, who):
        self.sockets.pop(who).leave()

    def vanish(self, who):
        self.sockets.pop(who).close()

    def end(self):
        for socket in self.sockets.values():
            socket.close()
        wait_for(lambda: self.project.rooms() == [], "the end of all rooms")


@pytest.mark.parametrize("story", LIFE)
def test_rooms(shop, bank, story):
    life = Life(shop)
    try:
        for step, heard in LIFE[story]:
            life.play(step, heard)
        assert all(socket.frames == [] for socket in life.sockets.values())
    finally:
        life.end()


def test_members_that_come_at_once_are_counted(shop):
    count = 20
    host = shop.room("crowd", action="create", user_id="host")
    assert host.take(1)[0]["participants"] == 1
    with ThreadPoolExecutor(count) as pool:
        guests = list(pool.map(lambda at: shop.room("crowd", user_id=f"guest {at}"), range(count)))
    counts = sorted(guest.wait(1)[0]["participants"] for guest in guests)
    assert counts == list(range(2, count + 2))
    seen = [frame["room_info"]["participants"] for frame in host.take(count)]
    assert seen == list(range(2, count + 2))
    for guest in guests:
        own = guest.frames[0]["participants"]
        later = [frame["room_info"]["participants"] for frame in guest.wait(1 + count + 1 - own)[1:]]
        assert later == list(range(own + 1, count + 2))
    for at, guest in enumerate(guests):
        guest.send({"type": "message", "content": at})
    assert sorted(frame["content"] for frame in host.take(count)) == list(range(count))
    for guest in guests:
        guest.wait(2 + 2 * count - guest.frames[0]["participants"])
    orders = [[frame["content"] for frame in guest.frames[-count:]] for guest in guests]
    assert all(order == orders[0] for order in orders)
    for one in [host, *guests]:
        one.close()
    wait_for(lambda: not shop.rooms(), "the end of the room")


def test_rooms_of_a_project(shop, bank):
    """The list as a whole, and who may ask for it."""
    assert shop.ok("GET", "/realtime/rooms/") == {"rooms": [], "total": 0}
    for status, key in [(401, "wrong"), (401, "")]:
        assert shop.send("GET", "/realtime/rooms", headers={"x-api-key": key}) == (status, {"detail": "Invalid API key"})
    first = shop.room("one", action="create", user_id="ann", user_name="Ann")
    second = shop.room("two", action="create", room_title="Two")
    first.wait(1), second.wait(1)
    listed = shop.ok("GET", "/realtime/rooms")
    at = listed["rooms"][0]["created_at"]
    assert isinstance(at, int) and at > 1_700_000_000
    one = {"id": "one", "title": "one", "created_by": "ann", "participants": 1, "created_at": at}
    assert listed["rooms"][0] == {**one, "participant_list": [{"id": "ann", "name": "Ann"}]}
    assert [room["id"] for room in listed["rooms"]] == ["one", "two"] and listed["total"] == 2
    assert bank.rooms() == []
    first.close(), second.close()
    wait_for(lambda: not shop.rooms(), "the end of all rooms")


# One feed for all dialects.


def test_open_collections_are_seen_by_the_other_dialects(server, shop):
    """A superuser who names the account, or its user once rules allow it, writes documents by their keys."""
    account = {"X-Account-ID": "shop"}
    first = shop.create("tasks", title="first", done=False)["id"]
    watcher = shop.watch("tasks", filters={"title_contains": "task"})
    watcher.take(1)
    user = invite(superadmin(server.url), shop.id, "shop", "user@example.com")
    assert user.send("GET", "/records/tasks")[0] == 403
    rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
    server.root.ok("PATCH", "/api/collections/tasks", rules, account)
    for side, path in [(server.root, "/api/collections/tasks/records"), (user, "/records/tasks")]:
        listed = side.ok("GET", path, headers=account)["items"]
        assert [(one["id"], one["title"], one["done"]) for one in listed] == [(first, "first", False)]
        made = side.ok("POST", path, {"title": "a task", "more": {"deep": [1, None]}}, account)["id"]
        side.ok("POST", path, {"title": "unheard"}, account)
        side.ok("PATCH", f"{path}/{made}", {"title": "the task"}, account)
        assert shop.ok("GET", f"/collections/tasks/documents/{made}")["data"] == {"title": "the task", "more": {"deep": [1, None]}}
        side.ok("DELETE", f"{path}/{made}", headers=account)
        created, updated, deleted = watcher.take(3)
        assert created["data"]["data"] == {"title": "a task", "more": {"deep": [1, None]}}
        assert (created["event"], created["data"]["more"]) == ("create", {"deep": [1, None]})
        assert (updated["event"], updated["old_data"]) == ("update", {"title": "a task"})
        assert (deleted["event"], deleted["data"]) == ("delete", {"id": made})
        [other] = shop.list("tasks", title="unheard")
        shop.delete("tasks", other["id"])


def test_watchers_and_snackbase_hear_each_other(server, shop):
    root = superadmin(server.url)
    schema = [{"name": "title", "type": "text"}, {"name": "done", "type": "boolean"}]
    root.ok("POST", "/collections", {"name": "notes", "schema": schema, **PUBLIC})
    watcher = shop.watch("notes", filters={"title_startswith": "n"})
    account = {"X-Account-ID": "shop"}
    note = root.ok("POST", "/records/notes", {"title": "note", "account_id": shop.id}, account)
    root.ok("POST", "/records/notes", {"title": "other", "account_id": shop.id}, account)
    shop.update("notes", note["id"], title="new")
    assert root.ok("GET", f"/records/notes/{note['id']}", headers=account)["title"] == "new"
    root.ok("DELETE", f"/records/notes/{note['id']}", headers=account)
    _, created, updated, deleted = watcher.wait(4)
    assert created == {
        "event": "create",
        "collection_id": "notes",
        "data": {
            "id": note["id"],
            "collection_id": created["data"]["collection_id"],
            "created_at": TIME,
            "updated_at": TIME,
            "title": "note",
            "done": False,
            "created_by": created["data"]["created_by"],
            "updated_by": created["data"]["updated_by"],
            "data": created["data"]["data"],
        },
    }
    assert created["data"]["data"]["title"] == "note"
    assert (updated["event"], updated["old_data"]["title"]) == ("update", "note")
    assert deleted == {"event": "delete", "collection_id": "notes", "data": {"id": note["id"]}}
