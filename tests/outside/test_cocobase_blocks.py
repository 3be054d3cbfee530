"""The blocks of CocoBase's realtime page that are no JavaScript: Python, the shell, and the frames in JSON."""

import json
import subprocess

import pytest

from cocobase import BLOCKS, Project, block
from session import Session

pytestmark = pytest.mark.tidewire


@pytest.fixture
def project(server, request):
    made = Project(server, request.function.__name__.removeprefix("test_").replace("_", "-"))
    yield made
    made.close()


@pytest.fixture
def session():
    running = Session()
    yield running
    running.close()


def test_python_watch(project, session):
    project.ok("POST", "/collections/", {"name": "users"})
    session.start(block("watch.py", project.url, project.key))
    session.expect("Event: connected", "Data: None")
    project.create("users", name="Unheard", status="inactive")
    ann = project.create("users", name="Ann", status="active")["id"]
    project.update("users", ann, name="Anna")
    project.delete("users", ann)
    session.wait(lambda: len(session.lines) >= 6, "three events")
    assert session.lines[::2] == ["Event: create", "Event: update", "Event: delete"]
    assert "'name': 'Ann'" in session.lines[1] and "'name': 'Anna'" in session.lines[3]
    assert session.lines[5] == f"Data: {{'id': '{ann}'}}"


def test_python_broadcast(project, session):
    listener = project.broadcast()
    listener.take(1)
    session.run(block("broadcast.py", project.url, project.key))
    message = listener.take(1)[0]
    assert (message["user_id"], message["data"]) == ("user_123", {"text": "Hello from Python!"})
    session.expect("Python Client: {'text': 'Hello from Python!'}")
    listener.send({"type": "message", "data": "heard?"})
    session.expect("Anonymous: heard?")


def test_curl(project):
    room = project.room("general-chat", action="create", user_id="user_123", user_name="John Doe", room_title="General Chat")
    room.wait(1)
    command = ["bash", "-c", "curl --silent --show-error " + block("list_rooms.sh", project.url, project.key).removeprefix("curl ")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    like(json.loads(done.stdout), example("rooms"))


def example(name, key=""):
    return json.loads((BLOCKS / f"{name}.json").read_text().replace("your-api-key", key))


def like(shown, wanted, path="$"):
    """What is shown has all keys of the example, with values of its types."""
    assert type(shown) is type(wanted), f"{path}: {shown!r} instead of {wanted!r}"
    if isinstance(wanted, dict):
        assert wanted.keys() <= shown.keys(), f"{path}: {shown} without {wanted.keys() - shown.keys()}"
        for key, value in wanted.items():
            like(shown[key], value, f"{path}.{key}")
    elif isinstance(wanted, list):
        for at, value in enumerate(shown):
            like(value, wanted[0], f"{path}[{at}]")


def same(shown, wanted, *but):
    """What is shown is the example to the letter, `but` for these keys, which are of its types."""
    like(shown, wanted)
    assert shown.keys() == wanted.keys()
    assert {key: shown[key] for key in shown if key not in but} == {key: wanted[key] for key in wanted if key not in but}


def test_frames_of_a_watch(project):
    project.ok("POST", "/collections/", {"name": "users"})
    watcher = project.watch("users")
    filtered = project.watch("users", filters=example("connected")["filters"])
    document = project.create("users", name="John Doe", email="john@example.com", status="active")["id"]
    project.update("users", document, status="premium")
    project.delete("users", document)
    confirmed, created, updated, deleted = watcher.wait(4)
    assert confirmed == {"event": "connected", "collection_id": "users"}
    assert filtered.frames[0] == example("connected")
    for shown, name in [(created, "create"), (updated, "update"), (deleted, "delete")]:
        wanted = example(name)
        same(shown, wanted, "data")
        told = {key: shown["data"][key] for key in wanted["data"]}
        same(told, wanted["data"], "id", "created_at")
        assert shown["data"]["id"] == document
    assert deleted["data"].keys() == {"id"}


def test_frames_of_a_broadcast(project):
    socket = project.open("broadcast", example("broadcast_auth", project.key))
    socket.send(example("broadcast_send"))
    connected, message = socket.wait(2)
    same(connected, example("broadcast_connected"), "project_id")
    same(message, example("broadcast_message"), "timestamp")


def test_frames_of_a_room(project):
    members = [project.room("general-chat", action="create", room_title="General Chat", user_id=f"user_{at}") for at in "12"]
    for at, member in enumerate(members):
        member.wait(2 - at)
    john = project.open("rooms/general-chat", example("room_auth", project.key))
    same(john.take(1)[0], example("room_joined"))
    jane = project.room("general-chat", user_id="user_456", user_name="Jane Smith")
    jane.take(1)
    same(john.take(1)[0], example("room_user_joined"), "timestamp")
    john.send(example("room_send"))
    same(jane.take(1)[0], example("room_message"), "timestamp")
    john.leave()
    same(jane.take(1)[0], example("room_user_left"), "timestamp")


def test_errors(server, project):
    other = Project(server, "other")
    taken = other.room("taken", action="create")
    taken.wait(1)
    refused = {
        "auth_errors": [("broadcast", {}), ("broadcast", {"api_key": "wrong"})],
        "room_errors": [("rooms/non-existent-room", {}), ("rooms/taken", {})],
        "collection_errors": [("collections/nowhere", {})],
    }
    for name, requests in refused.items():
        texts = (BLOCKS / f"{name}.json").read_text().split("\n\n")
        # the page's last one of them takes ten seconds: it has a test of its own
        for text, (path, first) in zip(texts, requests):
            key = {} if name == "auth_errors" else {"api_key": project.key}
            socket = project.open(path, {**key, **first})
            socket.end()
            assert socket.frames == [json.loads(text)]
    other.close()
