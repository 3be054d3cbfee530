"""Which change reaches whom, in which form, over SnackBase's WebSockets and event streams."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import websocket

from server import Server
from snackbase import POSTS, TIME, UUID, World, subscribe

pytestmark = pytest.mark.tidewire


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
    running = Server(TIDEWIRE_RATE_LIMIT="off")
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
