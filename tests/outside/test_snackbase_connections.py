"""SnackBase's WebSockets and event streams without an SDK: how they begin, what is said on them, how they end."""

import json
import socket
import time

import pytest
import websocket

from deadline import wait_for
from server import Server
from snackbase import POSTS, TIME, EventStream, Socket, User, World, register, sign_in, subscribe

pytestmark = pytest.mark.tidewire


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
    return made


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


def test_heartbeats(world, opened):
    """Both wires beat whatever else happens; a comment keeps proxies awake."""
    socket, stream = opened(Socket(world.url, world.a.access)), opened(EventStream(world.url, f"?token={world.a.access}"))
    beats = socket.wait(2)
    assert beats == [{"type": "heartbeat", "timestamp": TIME}] * 2
    wait_for(lambda: len(stream.others) >= 2 and stream.comments >= 3, "beats and comments")
    name, data = stream.others[0]
    assert name == "heartbeat" and data == {"type": "heartbeat", "event": "heartbeat", "timestamp": TIME}
    assert stream.frames == []


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


def test_the_end_of_a_token():
    """A connection ends with its token, and a fresh one works."""
    server = Server(TIDEWIRE_SNACKBASE_ACCESS="4").start()
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
