"""SnackBase's WebSocket and event stream without an SDK: handshakes, messages, which change reaches whom, how it ends."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import websocket

from deadline import wait_for
from server import Server
from snackbase import TIME, UUID, EventStream, Socket, User, World, register, sign_in, subscribe

pytestmark = pytest.mark.tidewire

POSTS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "status", "type": "text", "default": "draft"},
    {"name": "views", "type": "number"},
    {"name": "public", "type": "boolean"},
    {"name": "meta", "type": "json"},
    {"name": "due", "type": "datetime"},
]
PRIVATE = [
    {"name": "ssn", "type": "text", "pii": True, "mask_type": "ssn"},
    {"name": "mail", "type": "text", "pii": True, "mask_type": "email"},
    {"name": "phone", "type": "text", "pii": True, "mask_type": "phone"},
    {"name": "who", "type": "text", "pii": True, "mask_type": "name"},
    {"name": "whole", "type": "text", "pii": True},
    {"name": "secret", "type": "text", "encrypted": True},
]


@pytest.fixture(scope="module")
def server():
    running = Server(TIDEWIRE_SNACKBASE_HEARTBEAT="1", TIDEWIRE_SNACKBASE_COMMENT="1", TIDEWIRE_RATE_LIMIT="off")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="module")
def world(server):
    made = World(server)
    made.collection("posts", POSTS)
    made.collection("comments", [{"name": "post", "type": "reference", "collection": "posts", "on_delete": "cascade"}])
    made.collection("people", PRIVATE)
    return made


@pytest.fixture
def opened():
    """What a test opens is closed after it."""
    gathered = []
    yield lambda connection: gathered.append(connection) or connection
    for connection in gathered:
        connection.close()


def open_socket(world, token="", protocols=None, bearer=None, **options):
    """`GOOD` stands for the access token of `a`, `REFRESH` for the refresh token, `KEY` for an API key."""
    tokens = {"GOOD": world.a.access, "REFRESH": world.a.refresh}
    if "KEY" in (token, bearer):
        tokens["KEY"] = world.a.ok("POST", "/admin/api-keys", {"name": "key one"})["key"]
    query = None if token is None else f"?token={tokens.get(token, token)}"
    protocols = [tokens.get(name, name) for name in protocols or []]
    header = {"Authorization": f"Bearer {tokens.get(bearer, bearer)}"} if bearer else {}
    return Socket(world.url, query=query, subprotocols=protocols or None, header=header, **options)


@pytest.mark.parametrize(
    "sources, reason",
    [
        ({"token": None}, "Missing token"),
        ({"token": ""}, "Missing token"),
        ({"token": "bad"}, "Authentication failed"),
        ({"token": "REFRESH"}, "Authentication failed"),
        ({"token": "bad", "protocols": ["GOOD"]}, "Authentication failed"),
        ({"token": None, "bearer": "bad"}, "Authentication failed"),
        ({"token": "GOOD"}, None),
        ({"token": "KEY"}, None),
        ({"token": None, "protocols": ["GOOD"]}, None),
        ({"token": None, "protocols": ["snackbase", "GOOD"]}, None),
        ({"token": None, "bearer": "GOOD"}, None),
        ({"token": None, "bearer": "KEY"}, None),
        ({"token": "", "bearer": "GOOD"}, None),
    ],
    ids=str,
)
def test_handshake(world, opened, sources, reason):
    """The handshake always succeeds; who may not connect reads why from the close frame."""
    socket = opened(open_socket(world, **sources))
    if reason:
        assert socket.end() == (1008, reason) and socket.frames == []
        return
    assert socket.protocol == (world.a.access if "protocols" in sources else None)
    socket.send({"action": "ping"})
    assert socket.wait(1) == [{"type": "pong"}]


def test_handshake_bytes(world):
    """No welcome frame, and the close frame of a missing token byte by byte."""
    with socket.create_connection(("127.0.0.1", int(world.url.rsplit(":", 1)[1]))) as raw:
        raw.sendall(
            b"GET /api/v1/realtime/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        answer = raw.makefile("rb")
        head = b"".join(iter(answer.readline, b"\r\n")).lower()
        assert head.startswith(b"http/1.1 101 ")
        assert b"sec-websocket-accept: bacsccjpnqyz+uboqmh89vmuroa=" in head
        assert answer.read(17) == b"\x88\x0f\x03\xf0Missing token"


@pytest.mark.parametrize(
    "method, path, answer",
    [
        ("GET", "/realtime/ws", (404, {"detail": "Not Found"})),
        ("POST", "/realtime/subscribe", (405, {"detail": "Method Not Allowed"})),
        ("GET", "/realtime/subscribe", (401, {"detail": "Missing token"})),
        ("GET", "/realtime/subscribe?token=bad", (401, {"detail": "Invalid token"})),
        ("GET", "/realtime/nothing", (404, {"detail": "Not Found"})),
    ],
)
def test_plain_requests(world, method, path, answer):
    assert User(world.url).send(method, path) == answer


@pytest.mark.parametrize("path", ["realtime/subscribe", "records/posts", "nowhere"])
def test_upgrades_elsewhere_are_refused(world, path):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"{world.url.replace('http', 'ws', 1)}/api/v1/{path}", timeout=30)
    assert (refused.value.status_code, refused.value.resp_body) == (403, b"")


PING, PONG = {"action": "ping"}, {"type": "pong"}
MISSING, NO_JSON = {"error": "Missing collection"}, {"error": "Invalid JSON"}
BAD_OPERATIONS = {"error": "Invalid operations"}
FULL = {"error": "Max subscriptions reached (100)"}


def confirmed(collection, kind="subscribed"):
    return {"type": kind, "status": kind, "collection": collection}


HUNDRED = [subscribe(f"c{at}") for at in range(100)]
HUNDRED_CONFIRMED = [confirmed(f"c{at}") for at in range(100)]


@pytest.mark.parametrize(
    "sent, replies",
    [
        ([PING], [PONG]),
        ([{"action": "ping", "id": 7}], [PONG]),
        ([subscribe("posts")], [confirmed("posts")]),
        ([subscribe("nowhere"), subscribe("*")], [confirmed("nowhere"), confirmed("*")]),
        ([subscribe("posts", operations=["create", "bogus"])], [confirmed("posts")]),
        ([subscribe("posts", operations=[])], [confirmed("posts")]),
        ([subscribe("posts", operations=None), subscribe("posts", operations="create")], [confirmed("posts")] * 2),
        ([subscribe("posts", operations=7), subscribe("posts", operations=[["create"]])], [BAD_OPERATIONS] * 2),
        ([{"action": "subscribe"}, subscribe(""), subscribe(None), subscribe(0), subscribe(False)], [MISSING] * 5),
        ([subscribe(7), subscribe(["posts"]), subscribe({"a": 1})], [MISSING] * 3),
        ([{"action": "unsubscribe", "collection": "never"}], [confirmed("never", "unsubscribed")]),
        ([{"action": "unsubscribe"}], [confirmed(None, "unsubscribed")]),
        (["not json", "", '{"action":"ping"} x', "\ufeff{}"], [NO_JSON] * 4),
        (["[1]", '"s"', "null", "123", "{}", '{"action":"bogus"}', '{"action":"PING"}', '{"type":"ping"}'], []),
        (['{"action":"bogus","action":"ping"}'], [PONG]),
        ([b'{"action":"ping"}'], [PONG]),
        ([*HUNDRED, subscribe("more")], [*HUNDRED_CONFIRMED, FULL]),
        ([*HUNDRED, subscribe("c7")], [*HUNDRED_CONFIRMED, confirmed("c7")]),
        ([*HUNDRED, {"action": "subscribe"}], [*HUNDRED_CONFIRMED, MISSING]),
        (
            [*HUNDRED, {"action": "unsubscribe", "collection": "c7"}, subscribe("more"), subscribe("c7")],
            [*HUNDRED_CONFIRMED, confirmed("c7", "unsubscribed"), confirmed("more"), FULL],
        ),
    ],
    ids=lambda value: json.dumps(value, default=repr)[:60],
)
def test_messages(world, opened, sent, replies):
    """Each message and its reply; what must stay without reply does, and the socket goes on."""
    socket = opened(Socket(world.url, world.a.access))
    for message in [*sent, {"action": "ping", "last": True}]:
        socket.send(message)
    wait_for(lambda: replies_of(socket).count(PONG) > replies.count(PONG) or socket.closed, lambda: socket.frames)
    assert replies_of(socket) == [*replies, PONG]


def replies_of(socket):
    return [frame for frame in list(socket.frames) if frame.get("type") != "heartbeat"]


@pytest.mark.parametrize("message, code", [(b"\xff\xfe", 1003), ("x" * 70_000, 1009), (b"x" * 70_000, 1009)], ids=repr)
def test_messages_that_end_the_socket(world, opened, message, code):
    socket = opened(Socket(world.url, world.a.access))
    socket.send(message)
    assert socket.end()[0] == code


class Write:
    """A write of somebody to the post of the case, answered by `code`."""

    def __init__(self, method, code, who="a", **fields):
        self.method, self.code, self.who, self.fields = method, code, who, fields

    def run(self, world, post):
        path = "/records/posts" if self.method == "POST" else f"/records/posts/{post}"
        body = None if self.method == "DELETE" else self.fields
        code, answer = world.users[self.who].send(self.method, path, body)
        assert code == self.code, answer
        return answer["id"] if code == 201 else post


def create(who="a", code=201, **fields):
    return Write("POST", code, who, **{"title": "x", **fields})


def patch(who="a", code=200, **fields):
    return Write("PATCH", code, who, **fields)


def delete(who="a", code=204):
    return Write("DELETE", code, who)


LIFE = [create(), patch(views=2), delete()]
ALL = ["create", "update", "delete"]


class Case(NamedTuple):
    """Who subscribes how under which rules; what is written; who hears which operations."""

    what: str
    writes: list
    heard: dict
    rules: dict = {}
    messages: dict = {}


def operations(*names):
    return [subscribe("posts", operations=list(names))]


DRAFTS = [create(), patch(status="published"), patch(status="draft"), delete()]
CASES = [
    Case("all operations", LIFE, {"a": ALL, "u": ALL}),
    Case("subscribed twice", LIFE, {"a": ALL}, messages={"a": [subscribe("posts")] * 2}),
    Case("replaced", LIFE, {"a": ["delete"]}, messages={"a": [subscribe("posts"), *operations("delete")]}),
    Case("widened", LIFE, {"a": ALL}, messages={"a": [*operations("delete"), subscribe("posts")]}),
    Case("one operation", LIFE, {"a": ["create"]}, messages={"a": operations("create")}),
    Case("operations as text", LIFE, {"a": ["update"]}, messages={"a": [subscribe("posts", operations="update")]}),
    Case("no operation", LIFE, {"a": []}, messages={"a": operations()}),
    Case("null is all", LIFE, {"a": ALL}, messages={"a": [subscribe("posts", operations=None)]}),
    Case("unsubscribed", LIFE, {"a": []}, messages={"a": [subscribe("posts"), {"action": "unsubscribe", "collection": "posts"}]}),
    Case("names are exact", LIFE, {"a": []}, messages={"a": [subscribe("*"), subscribe("Posts")]}),
    Case("an update that changes nothing", [create(), patch()], {"a": ["create", "update"]}),
    Case("refused writes", [create(code=400, views="many"), create(code=400, title=None)], {"a": []}),
    Case("a refused update", [create(), patch(code=400, views="many")], {"a": ["create"]}),
    Case("other accounts", LIFE, {"b": [], "root": []}),
    Case("other accounts' writes", [create("b"), patch("b"), delete("b")], {"a": [], "u": [], "b": ALL}),
    Case("the superadmin's changes", [create(), patch("root", views=1), delete("root")], {"a": ALL, "b": [], "root": []}),
    Case("the superadmin's own", [create("root"), patch("root"), delete("root")], {"root": ALL, "a": []}),
    Case("a guest's", [create("guest"), patch("guest"), delete("guest")], {"a": ALL, "b": []}),
    Case("locked to view", LIFE, {"a": [], "u": []}, {"view_rule": None, "update_rule": ""}),
    Case("locked to list", LIFE, {"a": ALL, "u": ALL}, {"list_rule": None}),
    Case("the creator's", LIFE, {"a": ALL, "u": []}, {"view_rule": "created_by = @request.auth.id"}),
    Case("owns_record", LIFE, {"a": ALL, "u": []}, {"view_rule": "@owns_record"}),
    Case("is_creator", LIFE, {"a": ALL, "u": []}, {"view_rule": "@is_creator"}),
    Case("a public field", [create(public=True), create()], {"a": ["create"]}, {"view_rule": "@is_public"}),
    Case("by role", LIFE, {"a": ALL, "u": []}, {"view_rule": '@request.auth.role = "admin"'}),
    Case("has_role", LIFE, {"a": ALL, "u": []}, {"view_rule": '@has_role("admin")'}),
    Case("has_group", LIFE, {"a": ALL, "u": []}, {"view_rule": '@has_group("pii_access")'}),
    Case("by address", LIFE, {"a": [], "u": ALL}, {"view_rule": "@request.auth.email = 'u@example.com'"}),
    Case("by account", LIFE, {"a": ALL, "u": ALL}, {"view_rule": "account_id = @request.auth.account_id"}),
    Case("by number", [create(views=-3), create(views=2)], {"a": ["create"]}, {"view_rule": "views < -2"}),
    Case("by arithmetic", [create(views=3), create(views=4)], {"a": ["create"]}, {"view_rule": "views % 2 = 0"}),
    Case("in a list", [create(status="a"), create(status="c")], {"a": ["create"]}, {"view_rule": "status IN ('a', 'b')"}),
    Case("a pattern", [create(title="News!"), create(title="old")], {"a": ["create"]}, {"view_rule": "title ~ 'new%'"}),
    Case("not set", [create(), create(views=0)], {"a": ["create"]}, {"view_rule": "views IS NULL"}),
    Case("not", [create(public=True), create()], {"a": ["create"]}, {"view_rule": "!(public = true)"}),
    Case("by content", DRAFTS, {"a": ["update"]}, {"view_rule": "status = 'published'"}),
    Case(
        "by content, leaving told",
        DRAFTS,
        {"a": ["update", "delete"]},
        {"view_rule": "status = 'published'"},
        {"a": [subscribe("posts", leave=True)]},
    ),
    Case("twenty in order", [create() for _ in range(20)], {"a": ["create"] * 20}),
]


# what a stream subscribes to is fixed by its address
WIRES = [(wire, case) for wire in ("socket", "stream") for case in CASES if wire == "socket" or not case.messages]


@pytest.mark.parametrize("wire, case", WIRES, ids=lambda value: getattr(value, "what", value))
def test_delivery(world, opened, wire, case):
    world.rules("posts", **case.rules)
    listeners = [opened(listener(world, wire, who, case)) for who in case.heard]
    post = None
    for write in case.writes:
        post = write.run(world, post)
    for who, events in zip(case.heard, world.heard(*listeners)):
        assert [event["type"] for event in events] == [f"posts.{name}" for name in case.heard[who]], who


def listener(world, wire, who, case):
    if wire == "stream":
        return world.stream(who, "collection=posts")
    return world.listen(who, *case.messages.get(who, [subscribe("posts")]))


def test_payloads(world, opened):
    """What create, update and delete tell, and in which order of keys."""
    world.rules("posts")
    socket, stream = opened(world.listen("a", subscribe("posts"))), opened(world.stream("u", "collection=posts"))
    title = 'Hé "q" \\ \u2028 😀\nline'
    fields = {"title": title, "views": 3, "public": True, "meta": {"a": [1, None]}, "due": "2026-01-02T03:04:05Z"}
    made = world.a.ok("POST", "/records/posts", fields)
    sparse = world.a.ok("POST", "/records/posts", {"title": "sparse"})
    world.u.ok("PATCH", f"/records/posts/{sparse['id']}", {"status": "published"})
    world.a.ok("DELETE", f"/records/posts/{made['id']}")
    by_socket, by_stream = world.heard(socket, stream)
    assert by_socket == by_stream
    created, second, updated, deleted = by_socket
    system = ["id", "account_id", "created_at", "created_by", "updated_at", "updated_by"]
    assert list(created) == ["type", "timestamp", "data"] and created["timestamp"] == TIME
    assert list(created["data"])[:6] == system and set(created["data"]) == {*system, *fields, "status"}
    assert created["data"] == {**{name: made[name] for name in system}, **fields, "status": "draft"}
    assert (created["data"]["id"], created["data"]["created_at"]) == (UUID, TIME)
    assert created["data"]["account_id"] == world.a.account_id and created["data"]["created_by"] == world.a.id
    # what was not given is absent from a create, and null in an update
    assert set(second["data"]) - {"public"} == {*system, "title", "status"}
    assert list(updated["data"]) == [*system, *(field["name"] for field in POSTS)]
    expected = {"title": "sparse", "status": "published", "views": None, "public": False, "meta": None, "due": None}
    assert {name: updated["data"][name] for name in expected} == expected
    assert updated["data"]["updated_by"] == world.u.id and updated["data"]["created_by"] == world.a.id
    assert updated["data"]["updated_at"] == TIME
    assert deleted["data"] == {"id": made["id"]}


def test_raw_stream(world, opened):
    """Headers, line ends and the lines of one event."""
    stream = opened(EventStream(world.url, "?collection=posts", {"Authorization": f"bearer {world.a.access}"}))
    headers = {name: stream.answer.getheader(name) for name in ("content-type", "cache-control", "x-accel-buffering")}
    assert headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }
    world.rules("posts")
    world.a.ok("POST", "/records/posts", {"title": "raw"})
    wait_for(lambda: stream.frames, "the event")
    assert all(line.endswith(b"\r\n") for line in stream.lines)
    at = stream.lines.index(b"event: message\r\n")
    assert stream.lines[at + 1].startswith(b'data: {"type":"posts.create","timestamp":"')
    assert stream.lines[at + 2] == b"\r\n" and stream.ids == []


@pytest.mark.parametrize(
    "query, heard",
    [
        ("collection=posts", ["posts.create", "posts.update", "posts.delete"]),
        ("collection=posts&collection=comments", ["posts.create", "comments.create", "posts.update", "posts.delete", "comments.delete"]),
        ("collections=posts%3Acreate%2Cupdate", ["posts.create", "posts.update"]),
        ("collections=posts:create&collection=comments:delete", ["posts.create", "comments.delete"]),
        ("collection=nowhere", []),
        ("collection=posts,comments", []),
        ("", []),
    ],
)
def test_stream_queries(world, opened, query, heard):
    world.rules("posts")
    stream = opened(world.stream("a", query))
    post = world.a.ok("POST", "/records/posts", {"title": "x"})["id"]
    world.a.ok("POST", "/records/comments", {"post": post})
    world.a.ok("PATCH", f"/records/posts/{post}", {})
    world.a.ok("DELETE", f"/records/posts/{post}")
    # the cascade's delete and its cause are one commit
    assert sorted(event["type"] for event in world.heard(stream)[0]) == sorted(heard)


@pytest.mark.parametrize(
    "query, header, detail",
    [
        ("", None, "Missing token"),
        ("", "Basic YTpi", "Missing token"),
        ("?token=bad", None, "Invalid token"),
        ("?token=bad", "Bearer GOOD", "Invalid token"),
        ("", "Bearer bad", "Invalid token"),
        ("?token=REFRESH", None, "Invalid token"),
    ],
)
def test_streams_that_are_refused(world, query, header, detail):
    query = query.replace("REFRESH", world.a.refresh)
    headers = {"Authorization": header.replace("GOOD", world.a.access)} if header else {}
    stream = EventStream(world.url, query, headers)
    assert (stream.answer.status, stream.body) == (401, {"detail": detail})
    stream.close()


def test_a_stream_of_too_many(world, opened):
    names = "".join(f"&collection=c{at}" for at in range(101))
    stream = opened(EventStream(world.url, f"?token={world.a.access}{names}"))
    assert (stream.answer.status, stream.body) == (400, {"detail": "Max subscriptions reached (100)"})
    fits = opened(EventStream(world.url, f"?token={world.a.access}{names.removesuffix('&collection=c100')}"))
    assert fits.answer.status == 200


def test_projection_and_masks(world, opened):
    """One change, told to each according to the view fields and the group pii_access."""
    world.rules("people")
    a, u = opened(world.listen("a", subscribe("people"))), opened(world.listen("u", subscribe("people")))
    plain = {
        "ssn": "123-45-6789",
        "mail": "joe@x.com",
        "phone": "+1-555-123-4567",
        "who": "Joe Doe",
        "whole": "abc",
        "secret": "never told",
    }
    masked = {"ssn": "***-**-****", "mail": "j***@x.com", "phone": "+1-***-***-4567", "who": "J*** D***", "whole": "***"}
    hidden = {"secret": "•" * 8}
    person = world.a.ok("POST", "/records/people", plain)
    assert {name: person[name] for name in plain} == {**plain, **hidden}
    of_a, of_u = (events[-1]["data"] for events in world.heard(a, u))
    assert {name: of_a[name] for name in plain} == {**plain, **hidden}
    assert {name: of_u[name] for name in plain} == {**masked, **hidden}
    world.rules("people", view_fields='["id","mail"]')
    world.a.ok("PATCH", f"/records/people/{person['id']}", {"mail": "ann@x.com"})
    of_a, of_u = (events[-1]["data"] for events in world.heard(a, u))
    system = {"id", "account_id", "created_at", "created_by", "updated_at", "updated_by"}
    assert set(of_a) == set(of_u) == {*system, "mail"}
    assert (of_a["mail"], of_u["mail"]) == ("ann@x.com", "a***@x.com")


def test_groups_take_effect_on_open_sockets(world, opened):
    world.rules("people")
    u = opened(world.listen("u", subscribe("people")))
    group = next(group for group in world.a.ok("GET", "/groups") if group["name"] == "pii_access")["id"]
    world.a.ok("POST", "/records/people", {"ssn": "123-45-6789"})
    world.heard(u)
    world.a.ok("POST", f"/groups/{group}/users", {"user_id": world.u.id})
    world.a.ok("POST", "/records/people", {"ssn": "123-45-6789"})
    world.heard(u)
    assert world.a.send("DELETE", f"/groups/{group}/users/{world.u.id}")[0] == 204
    world.a.ok("POST", "/records/people", {"ssn": "123-45-6789"})
    events = world.heard(u)[0]
    assert [event["data"]["ssn"] for event in events] == ["***-**-****", "123-45-6789", "***-**-****"]


def test_rules_take_effect_on_open_sockets(world, opened):
    u = opened(world.listen("u", subscribe("posts")))
    for rule in ["", None, "title = 'first'", ""]:
        world.rules("posts", view_rule=rule)
        world.a.ok("POST", "/records/posts", {"title": repr(rule)})
    assert [event["data"]["title"] for event in world.heard(u)[0]] == ["''", "''"]


def test_batches_and_cascades(world, opened):
    world.rules("posts")
    socket = opened(world.listen("a", subscribe("posts"), subscribe("comments")))

    def told():
        events = world.heard(socket)[0]
        socket.frames.clear()
        return [(event["type"], event["data"].get("title", event["data"]["id"])) for event in events]

    made = world.a.ok("POST", "/records/posts/batch", {"records": [{"title": "one"}, {"title": "two"}]})
    one, two = (post["id"] for post in made["created"])
    assert (made["count"], told()) == (2, [("posts.create", "one"), ("posts.create", "two")])
    changes = [{"id": two, "data": {"title": "two!"}}, {"id": one, "data": {"title": "one!"}}]
    assert world.a.ok("PATCH", "/records/posts/batch", {"records": changes})["count"] == 2
    assert told() == [("posts.update", "two!"), ("posts.update", "one!")]
    status, answer = world.a.send("POST", "/records/posts/batch", {"records": [{"title": "b1"}, {}]})
    assert (status, answer["error"], answer["index"]) == (400, "validation_error", 1)
    assert told() == []
    comment = world.a.ok("POST", "/records/comments", {"post": one})["id"]
    told()
    assert world.a.ok("DELETE", "/records/posts/batch", {"ids": [one, two]}) == {"deleted": [one, two], "count": 2}
    events = told()
    assert ("comments.delete", comment) in events
    assert [event for event in events if event[0] == "posts.delete"] == [("posts.delete", one), ("posts.delete", two)]


def test_the_superadmin_writes_into_an_account(world, opened):
    world.rules("posts")
    a, b = opened(world.listen("a", subscribe("posts"))), opened(world.listen("b", subscribe("posts")))
    world.root.ok("POST", "/records/posts", {"title": "yours", "account_id": world.a.account_id})
    of_a, of_b = world.heard(a, b)
    assert [event["data"]["title"] for event in of_a] == ["yours"] and of_b == []
    assert of_a[0]["data"]["account_id"] == world.a.account_id


def test_a_guest_is_anonymous(world, opened):
    world.rules("posts")
    a = opened(world.listen("a", subscribe("posts")))
    world.guest.ok("POST", "/records/posts", {"title": "who am I"})
    assert world.heard(a)[0][0]["data"]["created_by"] == "anonymous"


def test_order_of_quick_updates(world, opened):
    world.rules("posts")
    a, u = opened(world.listen("a", subscribe("posts"))), opened(world.stream("u", "collection=posts"))
    post = world.a.ok("POST", "/records/posts", {"title": "x", "views": -1})["id"]
    for views in range(30):
        world.a.ok("PATCH", f"/records/posts/{post}", {"views": views})
    world.a.ok("DELETE", f"/records/posts/{post}")
    for events in world.heard(a, u):
        assert [event["data"].get("views") for event in events] == [*range(-1, 30), None]


def test_heartbeats(world, opened):
    """Both wires beat whatever else happens; a comment keeps proxies awake."""
    socket, stream = opened(Socket(world.url, world.a.access)), opened(EventStream(world.url, f"?token={world.a.access}"))
    beats = socket.wait(2)
    assert beats == [{"type": "heartbeat", "timestamp": TIME}] * 2
    wait_for(lambda: len(stream.others) >= 2 and stream.comments >= 3, "beats and comments")
    name, data = stream.others[0]
    assert name == "heartbeat" and data == {"type": "heartbeat", "event": "heartbeat", "timestamp": TIME}
    assert stream.frames == []


def test_extensions(world, opened):
    """Filter, cursor and snapshot, which a client must ask for."""
    world.rules("posts")
    first = opened(world.listen("a", subscribe("posts", cursor=True)))
    world.a.ok("POST", "/records/posts", {"title": "heard"})
    cursor = world.heard(first)[0][0]["cursor"]
    world.a.ok("POST", "/records/posts", {"title": "missed", "views": 7})
    world.a.ok("POST", "/records/posts", {"title": "missed, filtered out"})
    again = opened(world.listen("a", subscribe("posts", since=cursor, filter="views = 7")))
    world.a.ok("POST", "/records/posts", {"title": "live", "views": 7})
    assert [event["data"]["title"] for event in world.heard(again)[0]] == ["missed", "live"]


def test_a_stream_resumes_by_its_last_id(world, opened):
    world.rules("posts")
    stream = opened(world.stream("a", "collection=posts&cursor=1"))
    world.a.ok("POST", "/records/posts", {"title": "heard"})
    world.heard(stream)
    last = stream.ids[0]
    stream.close()
    world.a.ok("POST", "/records/posts", {"title": "missed"})
    headers = {"Last-Event-ID": last}
    stream = opened(EventStream(world.url, f"?token={world.a.access}&collection=posts", headers))
    wait_for(lambda: stream.frames, "what was missed")
    assert [event["data"]["title"] for event in stream.frames] == ["missed"]


def test_a_deactivated_user(world, opened):
    """Loses REST and connections at once, and has them again with the same token afterwards."""
    world.rules("posts")
    socket, stream = opened(world.listen("u", subscribe("posts"))), opened(world.stream("u", "collection=posts"))
    world.root.ok("PATCH", f"/users/{world.u.id}", {"is_active": False})
    assert socket.end()[0] == 1008
    stream.end()
    assert world.u.send("GET", "/records/posts")[0] == 401
    assert opened(Socket(world.url, world.u.access)).end() == (1008, "Authentication failed")
    assert EventStream(world.url, f"?token={world.u.access}").answer.status == 401
    assert User(world.url).send("POST", "/auth/refresh", {"refresh_token": world.u.refresh})[0] == 401
    world.root.ok("PATCH", f"/users/{world.u.id}", {"is_active": True})
    socket = opened(world.listen("u", subscribe("posts")))
    world.a.ok("POST", "/records/posts", {"title": "back"})
    assert len(world.heard(socket)[0]) == 1


def test_concurrent_update_and_delete(world, opened):
    """Both are told, in the order of their commits, or the update found nothing."""
    world.rules("posts")
    socket = opened(world.listen("a", subscribe("posts")))
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            post = world.a.ok("POST", "/records/posts", {"title": "x"})["id"]
            update = pool.submit(world.a.send, "PATCH", f"/records/posts/{post}", {"views": 1})
            world.a.ok("DELETE", f"/records/posts/{post}")
            events = [event for event in world.heard(socket)[0] if event["data"]["id"] == post]
            middle = ["posts.update"] if update.result()[0] == 200 else []
            assert [event["type"] for event in events] == ["posts.create", *middle, "posts.delete"]


def test_a_reader_is_not_held_up_by_one_that_stalls(world, opened):
    world.rules("posts")
    stalled = websocket.create_connection(
        world.url.replace("http", "ws", 1) + f"/api/v1/realtime/ws?token={world.u.access}",
        sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)],
    )
    stalled.send(json.dumps(subscribe("posts")))
    stalled.recv()
    reader = opened(world.listen("a", subscribe("posts")))
    for _ in range(60):
        world.a.ok("POST", "/records/posts", {"title": "y" * 200_000})
    assert len(world.heard(reader)[0]) == 60
    stalled.shutdown()


def test_the_end_of_a_token():
    """A connection ends with its token, and a fresh one works."""
    server = Server(TIDEWIRE_SNACKBASE_ACCESS="1").start()
    try:
        register(server.url, "acme", "a@example.com")
        user = sign_in(server.url, "acme", "a@example.com")
        socket, stream = Socket(server.url, user.access), EventStream(server.url, f"?token={user.access}")
        assert socket.end() == (1008, "Token expired")
        stream.end()
        assert Socket(server.url, user.access).end() == (1008, "Authentication failed")
        assert user.send("GET", "/auth/me") == (401, {"detail": "Token has expired"})
        renewed = User(server.url).ok("POST", "/auth/refresh", {"refresh_token": user.refresh})
        socket = Socket(server.url, renewed["token"])
        socket.send({"action": "ping"})
        assert socket.wait(1) == [{"type": "pong"}]
    finally:
        server.close()


def test_the_end_of_the_server(fresh_server):
    user = register(fresh_server.url, "acme", "a@example.com")
    socket, stream = Socket(fresh_server.url, user.access), EventStream(fresh_server.url, f"?token={user.access}")
    fresh_server.terminate()
    assert socket.end() == (1012, "")
    assert stream.end() == "ended"


def test_bad_tokens_are_counted_by_address():
    server = Server().start()
    try:
        def outcome():
            try:
                return Socket(server.url, "bad").end()[0]
            except websocket.WebSocketBadStatusException as refused:
                return refused.status_code

        end = time.monotonic() + 20
        while outcome() != 429:
            assert time.monotonic() < end, "never refused"
    finally:
        server.close()
