"""The stream itself: heartbeats, headers, resuming, snapshot, leave, custom topics."""

import json
from urllib.parse import quote

import pytest

from api import Api
from deadline import wait_for
from stream import Stream


@pytest.fixture(scope="module")
def root(server):
    server.root.collection("posts", [{"name": "title", "type": "text"}, {"name": "open", "type": "bool"}])
    return server.root


def topic(path, **query):
    return f"{path}?options={quote(json.dumps({'query': query}))}" if query else path


def told(events):
    return [(event.data["action"], event.data["record"].get("title")) for event in events]


def test_events_name_their_topic(server, root):
    post = root.create("posts", title="old")["id"]
    topics = ["posts/*", f"posts/{post}", topic("posts/*", filter="title = 'new'"), "nowhere/*"]
    stream = Stream(server.url, topics)
    root.update("posts", post, title="new")
    root.update("posts", post, title="newer")
    events = stream.wait(5)
    stream.close()
    assert sorted(event.name for event in events[:3]) == sorted(topics[:3])
    assert sorted(event.name for event in events[3:]) == sorted(topics[:2])


def test_bad_requests_are_refused(server, root):
    stream = Stream(server.url)
    for body, status in [
        ({}, 400),
        ({"clientId": 1}, 400),
        ({"clientId": "nobody"}, 404),
        ({"clientId": stream.client_id, "subscriptions": "posts/*"}, 400),
        ({"clientId": stream.client_id, "subscriptions": ["x" * 2501]}, 400),
        ({"clientId": stream.client_id, "subscriptions": [str(at) for at in range(1001)]}, 400),
    ]:
        answer = Api(server.url).send("POST", "/api/realtime", body)
        assert answer[0] == status and answer[1]["status"] == status, (body, answer)
    stream.close()


@pytest.mark.tidewire
def test_heartbeats_keep_the_bosbase_sdk_connected(server):
    stream = Stream(server.url, User_Agent="bosbase-python-sdk")
    wait_for(lambda: stream.comments >= 2, "two heartbeats", 15)
    stream.close()


@pytest.mark.tidewire
def test_since_replays_what_was_missed(server, root):
    stream = Stream(server.url, ["posts/*"])
    root.create("posts", title="heard")
    cursor = stream.wait(1)[0].id
    stream.close()
    root.create("posts", title="missed", open=True)
    root.create("posts", title="missed, but filtered out")
    stream = Stream(server.url, [topic("posts/*", since=cursor, filter="open = true")])
    stream.wait(1)
    root.create("posts", title="live", open=True)
    assert told(stream.wait(2)) == [("create", "missed"), ("create", "live")]
    stream.close()


@pytest.mark.tidewire
def test_a_cursor_that_cannot_be_honoured_is_answered_by_a_reset(server, root):
    stream = Stream(server.url, [topic("posts/*", since="not-a-cursor")])
    first = stream.wait(1)[0]
    assert (first.name, first.data["reason"]) == ("reset", "invalid_cursor")
    root.create("posts", title="live again")
    assert told(stream.wait(2)[1:]) == [("create", "live again")]
    stream.close()


@pytest.mark.tidewire
def test_snapshot_then_live(server, root):
    before = [("snapshot", post["title"]) for post in root.list("posts", sort="@rowid")]
    stream = Stream(server.url, [topic("posts/*", snapshot="1")])
    events = stream.wait(len(before) + 1)
    assert sorted(told(events[:-1])) == sorted(before)
    assert events[-1].data["action"] == "live"
    root.create("posts", title="after the snapshot")
    assert told(stream.wait(len(before) + 2)[-1:]) == [("create", "after the snapshot")]
    stream.close()


@pytest.mark.tidewire
def test_leave(server, root):
    stream = Stream(server.url, [topic("posts/*", filter="open = true", leave="1")])
    post = root.create("posts", title="here", open=True)["id"]
    root.update("posts", post, open=False)
    root.update("posts", post, open=True)
    events = stream.wait(3)
    stream.close()
    assert [event.data["action"] for event in events] == ["create", "leave", "update"]
    assert events[1].data["record"]["id"] == post and "title" not in events[1].data["record"]


@pytest.mark.tidewire
def test_publish(server, root):
    stream = Stream(server.url, ["jobs/finished", "jobs/other"])
    path = "/api/pubsub/publish"
    message = {"topic": "jobs/finished", "data": {"text": "line\nline é", "list": [1, None]}}
    assert Api(server.url).send("POST", path, message)[0] == 401
    for bad in ({}, {"topic": "", "data": 1}, {"topic": "a\nb", "data": 1}, {"topic": "a\rb", "data": 1}):
        assert root.send("POST", path, bad)[0] == 400, bad
    answer = root.ok("POST", path, message)
    assert answer["topic"] == "jobs/finished"
    server.command("publish", "jobs/finished", "[2]")
    events = stream.wait(2)
    stream.close()
    assert [(event.name, event.data) for event in events] == [
        ("jobs/finished", message["data"]),
        ("jobs/finished", [2]),
    ]
