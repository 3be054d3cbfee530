"""The client commands: watch, records, token, rooms, doctor, completions and manual pages."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from cocobase import Project
from relay import HoldingRelay, Relay
from server import ROOT, SUPERUSER, Server, binary
from terminal import Client, run, surroundings

pytestmark = pytest.mark.tidewire

FIELDS = [
    {"name": "title", "type": "text", "max": 100},
    {"name": "views", "type": "number"},
    {"name": "live", "type": "bool"},
    {"name": "tags", "type": "json"},
]


@pytest.fixture(scope="module")
def client(server):
    server.root.collection("posts", FIELDS)
    server.root.ok("PATCH", "/api/settings", {"batch": {"enabled": True, "maxRequests": 50}})
    return Client(server, server.root.token)


@pytest.fixture
def guest(server, client):
    return Client(server, None)


@pytest.fixture
def posts(server, client):
    server.root.ok("DELETE", "/api/collections/posts/truncate")
    return server.root


def ready(watch, touch):
    """Events that come after the subscription has begun; what is written until then is not asked for."""
    stop = threading.Event()

    def write():
        while not stop.wait(0.05):
            touch()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    watch.event()
    stop.set()
    writer.join()


# records


def test_records_are_written_and_read(client, posts):
    made = json.loads(client.ok("records", "create", "posts", '{"title": "a", "views": 1}'))
    changed = json.loads(client.ok("records", "update", "posts", made["id"], "-", stdin='{"views": 2}'))
    assert (changed["title"], changed["views"]) == ("a", 2)
    assert json.loads(client.ok("records", "get", "posts", made["id"]))["views"] == 2
    assert client.ok("records", "delete", "posts", made["id"]) == ""
    assert "wasn't found" in client.fails(5, "records", "get", "posts", made["id"])


def test_lists_have_three_forms(client, posts):
    for views in range(3):
        posts.create("posts", title=f"t{views}", views=views)
    listed = ("records", "list", "posts", "--sort", "-views", "--filter", "views > 0", "--fields", "title,views")
    lines = [json.loads(line) for line in client.ok(*listed, "--json").splitlines()]
    assert lines == [{"title": "t2", "views": 2}, {"title": "t1", "views": 1}]
    assert client.ok(*listed, "--format", "csv") == "title,views\nt2,2\nt1,1\n"
    assert client.ok(*listed, "--format", "table") == "title  views\nt2     2\nt1     1\n"
    assert client.ok(*listed, "--per-page", "1", "--page", "2", "--format", "csv") == "title,views\nt1,1\n"


@pytest.mark.parametrize(
    ("code", "words", "sentence"),
    [
        (5, ("records", "list", "nothing"), "nothing: "),
        (1, ("records", "list", "posts", "--filter", "views >"), "posts: "),
        (5, ("watch", "nothing"), "nothing: "),
        (1, ("watch", "posts", "--filter", "nonsense = ("), "posts: "),
        (1, ("records", "create", "posts", json.dumps({"title": "x" * 101})), "title: "),
        (2, ("records", "create", "posts", "[1]"), "JSON object"),
        (2, ("records", "get", "posts", ".."), "no id"),
        (1, ("records", "import", "posts", "missing.csv"), "missing.csv: "),
        (2, ("records", "import", "posts", "posts.txt"), "--format"),
        (3, ("records", "list", "posts", "--url", "http://127.0.0.1:1"), "no answer from http://127.0.0.1:1"),
        (2, ("records", "list", "posts", "--url", "nowhere"), "nowhere"),
        (4, ("records", "list", "posts", "--token", "rubbish"), "token"),
        (1, ("token", "show", "rubbish"), "no token"),
        (4, ("publish", "jobs/1", "{}", "--token", ""), "token"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(client, posts, code, words, sentence):
    assert sentence in client.fails(code, *words)


def test_who_may_not_is_told_so(server, client, guest):
    server.root.ok("POST", "/api/collections", {"name": "closed", "type": "base", "fields": FIELDS})
    guest.fails(4, "records", "list", "closed")
    guest.fails(4, "watch", "closed")
    guest.fails(4, "publish", "jobs/1", "{}")
    code, _, err = guest("records", "unknown")
    assert code == 2 and "Usage" in err


# import and export

ROWS = [
    {"id": f"row{number:012}", "title": title, "views": views, "live": live, "tags": tags}
    for number, (title, views, live, tags) in enumerate(
        [
            ("plain", 1, True, ["a", {"b": None}]),
            ('"quoted", with comma', -2.5, False, {}),
            ("two\nlines", 0, True, "007"),
            ("", 1e15, False, None),
            ("007", 3, False, 7),
            ("é日本🎉", 4, True, "text"),
        ]
    )
]


def bare(records):
    return [{name: record[name] for name in ROWS[0]} for record in records]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("batches", [True, False])
def test_what_is_exported_is_imported_as_it_was(client, posts, tmp_path, form, batches):
    posts.ok("PATCH", "/api/settings", {"batch": {"enabled": batches, "maxRequests": 50}})
    file = tmp_path / f"posts.{form}"
    for row in ROWS:
        posts.create("posts", **row)
    before = bare(posts.list("posts", sort="id"))
    client.ok("records", "export", "posts", str(file))
    posts.ok("DELETE", "/api/collections/posts/truncate")
    done = json.loads(client.ok("records", "import", "posts", str(file), "--json"))
    assert done == {"rows": len(ROWS), "imported": len(ROWS), "failed": 0}
    assert bare(posts.list("posts", sort="id")) == before
    # again, over what is there
    client.ok("records", "import", "posts", str(file))
    assert bare(posts.list("posts", sort="id")) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]
    posts.ok("PATCH", "/api/settings", {"batch": {"enabled": True, "maxRequests": 50}})


def test_pipes_carry_records(client, posts):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    client.ok("records", "import", "posts", "-", stdin=lines)
    out = [json.loads(line) for line in client.ok("records", "export", "posts").splitlines()]
    assert bare(out) == bare(posts.list("posts", sort="id"))


def write_csv(file, rows):
    with open(file, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["title", "views"])
        writer.writerows(rows)


@pytest.mark.parametrize("batch", ["1", "3", "50"])
def test_refused_rows_are_told_with_their_lines(client, posts, tmp_path, batch):
    file = tmp_path / "posts.csv"
    write_csv(file, [("a", 1), ("b", "many"), ("x" * 101, 3), ("d", 4)])
    imported = ("records", "import", "posts", str(file), "--batch", batch)
    code, _, err = client(*imported)
    assert code == 1 and "line 3: views: \"many\" is no number" in err, err
    assert [post["title"] for post in posts.list("posts")] == ["a"]
    code, out, err = client(*imported, "--continue-on-error", "--restart", "--json")
    assert code == 1 and json.loads(out) == {"rows": 4, "imported": 2, "failed": 2}
    told = [line for line in err.splitlines() if "line " in line]
    assert len(told) == 2 and "line 3: views" in told[0] and "line 4: " in told[1] and "title: " in told[1], err
    assert sorted(post["title"] for post in posts.list("posts")) == ["a", "a", "d"]


def test_types_can_be_told_by_those_who_may_not_read_the_definition(guest, posts, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("title,views,live,tags\n007,7,true,[1]\n1,,0,\n")
    guest.ok("records", "import", "posts", str(file), "--types", "title=text,views=number,live=bool")
    found = [[post[name] for name in ("title", "views", "live", "tags")] for post in posts.list("posts", sort="title")]
    assert found == [["007", 7, True, [1]], ["1", 0, False, None]]


def test_a_head_without_field_is_refused_before_anything_is_written(client, posts, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("titel\na\n")
    code, _, err = client("records", "import", "posts", str(file))
    assert code == 1 and "the collection has no field \"titel\"" in err
    assert posts.list("posts") == []


def test_an_import_that_was_killed_goes_on(client, posts, tmp_path):
    file, state = tmp_path / "posts.csv", tmp_path / "posts.csv.tidewire-state"
    # without ids: what is sent twice must not be there twice
    write_csv(file, [(f"t{number}", number) for number in range(3000)])
    words = ("records", "import", "posts", str(file), "--batch", "10")
    for target in (20, 400, 1200):
        kill_midway(client, words, state, target, lambda: posts.ok("DELETE", "/api/collections/posts/truncate"))
    code, out, err = client(*words, "--json")
    assert code == 0 and "going on after" in err, err
    assert json.loads(out) == {"rows": 3000, "imported": 3000, "failed": 0}
    assert sorted(post["views"] for post in posts.list("posts")) == list(range(3000))
    assert not state.exists()


def kill_midway(client, words, state, target, undo):
    """Kill the command when it is through with some rows; if it was through with all of them, undo that and begin again."""
    for _ in range(50):
        running = client.start(*words)
        while running.process.poll() is None and rows_of(state) < target:
            pass
        running.close()
        if state.exists():
            return
        undo()
    raise AssertionError("the command always ended before it could be killed")


def rows_of(state):
    try:
        return json.loads(state.read_text())["rows"]
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_that_was_killed_goes_on(client, posts, tmp_path, form):
    many = "".join(json.dumps({"title": f"two\nlines {number}", "views": number}) + "\n" for number in range(3000))
    client.ok("records", "import", "posts", "-", stdin=many)
    whole, file = tmp_path / f"whole.{form}", tmp_path / f"posts.{form}"
    client.ok("records", "export", "posts", str(whole))
    state = tmp_path / f"posts.{form}.tidewire-state"
    kill_midway(client, ("records", "export", "posts", str(file)), state, 500, lambda: file.unlink(missing_ok=True))
    assert not file.exists() and rows_of(state) >= 500
    # a line that was cut off
    with open(tmp_path / f"posts.{form}.part", "a") as part:
        part.write("half a li")
    code, _, err = client("records", "export", "posts", str(file))
    assert code == 0 and "going on after" in err, err
    assert file.read_text() == whole.read_text()
    assert "--restart" in client.fails(1, "records", "export", "posts", str(file))


# watch


def count_up(root, written, stop):
    """Write numbered posts until told to stop, also while the server is away; those that were taken are noted."""
    number = 0
    while not stop.is_set():
        number += 1
        try:
            written.append(root.create("posts", title="counted", views=number)["id"])
        except (OSError, AssertionError, ValueError):
            stop.wait(0.01)


def test_a_watch_loses_and_repeats_nothing_when_the_server_is_killed(fresh_server):
    root = fresh_server.root
    root.collection("posts", FIELDS)
    watch = Client(fresh_server, root.token).start("watch", "posts", "--format", "json")
    try:
        ready(watch, lambda: root.create("posts", title="before"))
        written, stop = [], threading.Event()

        writer = threading.Thread(target=count_up, args=(root, written, stop))
        writer.start()
        try:
            for _ in range(3):
                count = len(written)
                while len(written) < count + 50:
                    stop.wait(0.01)
                fresh_server.kill()
                watch.told("waiting for the server")
                fresh_server.start()
                watch.told("connected again")
        finally:
            stop.set()
            writer.join()
        last = root.create("posts", title="last")["id"]
        seen = until(watch, last)
        # by the log: a write whose answer the kill took is in it too
        everything = [post["id"] for post in root.list("posts", sort="@rowid")]
        assert seen == everything[everything.index(seen[0]) :]
        assert set(written) <= set(seen) and len(seen) == len(set(seen))
    finally:
        watch.close()


def test_a_watch_loses_and_repeats_nothing_when_connections_are_cut(fresh_server):
    """Two watches behind a relay, one of them with a filter; connections are cut and the server is killed while two write."""
    root = fresh_server.root
    root.collection("posts", FIELDS)
    relay = Relay(fresh_server.port)
    client = Client(fresh_server, root.token)
    client.url = relay.url
    watches = [
        client.start("watch", "posts", "--format", "json"),
        client.start("watch", "posts", "--filter", "views > 10", "--format", "json"),
    ]
    written, stop = [], threading.Event()

    writers = [threading.Thread(target=count_up, args=(root, written, stop), daemon=True) for _ in range(2)]
    try:
        for watch in watches:
            ready(watch, lambda: root.create("posts", title="before", views=11))
        for writer in writers:
            writer.start()
        for turn in range(12):
            count = len(written)
            while len(written) < count + 20:
                stop.wait(0.01)
            if turn % 4 == 3:
                fresh_server.kill()
                fresh_server.start()
            else:
                relay.cut()
                watches[turn % 2].told("waiting for the server")
                watches[turn % 2].told("connected again")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    try:
        last = root.create("posts", title="last", views=11)["id"]
        log = root.list("posts", sort="@rowid")
        for watch, views in zip(watches, (-1, 10)):
            seen = until(watch, last)
            everything = [post["id"] for post in log if post["views"] > views]
            assert seen == everything[everything.index(seen[0]) :]
            assert len(seen) > 100
    finally:
        for watch in watches:
            watch.close()
        relay.close()


def until(watch, last):
    """The ids of created records as they come, up to this one; each has a cursor of its own."""
    seen, cursors = [], set()
    while not seen or seen[-1] != last:
        event = watch.event()
        assert event["action"] == "create" and event["cursor"] not in cursors, event
        cursors.add(event["cursor"])
        seen.append(event["record"]["id"])
    return seen


def test_a_watch_that_has_heard_nothing_survives_a_restart_too(fresh_server):
    root = fresh_server.root
    root.collection("posts", FIELDS)
    client = Client(fresh_server, root.token)
    watch = client.start("watch", "posts", "--snapshot", "--format", "json")
    quiet = client.start("watch", "posts", "--filter", "views = 7", "--format", "json")
    try:
        assert watch.event()["action"] == "live"
        other = client.start("watch", "posts", "--format", "json")
        try:
            ready(other, lambda: root.create("posts", views=1))
        finally:
            other.close()
        fresh_server.kill()
        quiet.told("waiting for the server")
        fresh_server.start()
        root.create("posts", title="seven", views=7)
        assert quiet.event()["record"]["title"] == "seven"
    finally:
        watch.close()
        quiet.close()


def test_a_watch_waits_for_a_server_that_is_not_there_yet(fresh_server):
    fresh_server.root.collection("posts", FIELDS)
    fresh_server.kill()
    watch = Client(fresh_server, fresh_server.root.token).start("watch", "posts", "--format", "json")
    try:
        watch.told("waiting for the server")
        fresh_server.start()
        ready(watch, lambda: fresh_server.root.create("posts", title="a"))
    finally:
        watch.close()


def test_a_watch_goes_on_from_a_cursor(client, posts):
    watch = client.start("watch", "posts", "--format", "json")
    try:
        ready(watch, lambda: posts.create("posts", title="first"))
        cursor = None
        for title in ("a", "b", "c"):
            posts.create("posts", title=title)
        while (event := watch.event())["record"]["title"] != "a":
            pass
        cursor = event["cursor"]
    finally:
        watch.close()
    again = client.start("watch", "posts", "--since", cursor, "--format", "json")
    try:
        assert [again.event()["record"]["title"] for _ in range(2)] == ["b", "c"]
    finally:
        again.close()
    wrong = client.start("watch", "posts", "--since", "rubbish", "--format", "json")
    try:
        reset = wrong.event()
        assert (reset["action"], reset["reason"]) == ("reset", "invalid_cursor")
        wrong.told("events are missing: invalid_cursor")
    finally:
        wrong.close()


def test_filters_fields_records_and_snapshots(client, posts):
    post = posts.create("posts", title="a", views=1)
    one = client.start("watch", f"posts/{post['id']}", "--snapshot", "--json")
    some = client.start(
        "watch", "posts", "--filter", "views > 5", "--fields", "id,views", "--leave", "--snapshot", "--format", "json"
    )
    try:
        assert (one.event()["action"], one.event()["action"]) == ("snapshot", "live")
        assert some.event()["action"] == "live"
        posts.create("posts", title="other")
        posts.update("posts", post["id"], views=6)
        posts.update("posts", post["id"], views=7)
        posts.update("posts", post["id"], views=1)
        found = [(event["action"], event["record"]) for event in (some.event() for _ in range(3))]
        assert found[:2] == [("update", {"id": post["id"], "views": views}) for views in (6, 7)]
        assert found[2][0] == "leave"
        assert [one.event()["record"]["views"] for _ in range(3)] == [6, 7, 1]
    finally:
        one.close()
        some.close()


def test_lines_for_people_and_a_table_that_follows(client, posts):
    post = posts.create("posts", title="a b", views=1)
    pretty = client.start("watch", "posts", "--snapshot", "--format", "pretty")
    table = client.start("watch", "posts", "--live", "--sort", "-views", "--fields", "id,title,views")
    try:
        line = pretty.line()
        assert f"snapshot {post['id']} " in line and 'title="a b"' in line and "\x1b" not in line
        assert [table.line().split()[:1] for _ in range(3)] == [["id"], [post["id"]], ["1"]]
        assert table.line() == ""
        second = posts.create("posts", title="c", views=2)
        assert [table.line().split()[0] for _ in range(4)] == ["id", second["id"], post["id"], "2"]
        assert f"create   {second['id']} " in pretty.line()
    finally:
        pretty.close()
        table.close()


def test_topics_are_heard_and_spoken_to(client, posts):
    watch = client.start("watch", "--topic", "jobs/finished", "--format", "json")
    try:
        ready(watch, lambda: client.ok("publish", "jobs/finished", "0"))
        client.ok("publish", "jobs/finished", '{"id": 7}')
        while (event := watch.event())["record"] == 0:
            pass
        assert (event["action"], event["record"]) == ("message", {"id": 7})
    finally:
        watch.close()


def test_a_watch_ends_quietly(client, posts):
    posts.create("posts", title="a")
    words = ("watch", "posts", "--snapshot", "--format", "json")
    interrupted = client.start(*words)
    interrupted.event()
    interrupted.process.send_signal(signal.SIGINT)
    assert interrupted.process.wait(timeout=60) == 0 and interrupted.err.get(timeout=60) is None
    # as `| head -1` does; nothing is written afterwards that could tell
    piped = subprocess.Popen(
        [binary(), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(client.url, client.token),
    )
    assert json.loads(piped.stdout.readline())["action"] == "snapshot"
    piped.stdout.close()
    assert (piped.wait(timeout=60), piped.stderr.read()) == (0, "")
    piped.stderr.close()


# token


def test_tokens_are_made_kept_and_shown(server, client, tmp_path):
    users = server.root.ok("POST", "/api/collections/users/records", {
        "email": "ann@example.com", "password": "12345678", "passwordConfirm": "12345678", "verified": True,
    })
    home = {"XDG_CONFIG_HOME": str(tmp_path), "url": server.url}
    code, token, _ = run("token", "ann@example.com", TIDEWIRE_PASSWORD="12345678", **home)
    assert code == 0
    shown = json.loads(run("token", "show", token.strip(), "--json")[1])
    assert (shown["id"], shown["type"], shown["expired"]) == (users["id"], "auth", False)
    code, out, err = run("token", "ann@example.com", "--password-stdin", "--save", stdin="12345678\n", **home)
    assert (code, out) == (0, "") and "--as users:ann@example.com" in err
    path = f"/api/collections/users/records/{users['id']}"
    assert server.root.ok("GET", path)["id"] == users["id"]
    code, out, err = run("records", "get", "users", users["id"], "--as", "users:ann@example.com", **home)
    assert code == 0 and json.loads(out)["email"] == "ann@example.com", err
    code, _, err = run("token", "ann@example.com", TIDEWIRE_PASSWORD="wrong-password", **home)
    assert code == 4 and "cannot sign in" in err
    code, _, err = run("token", "ann@example.com", stdin="", **home)
    assert code == 2 and "--password-stdin" in err


def test_a_token_of_a_superuser_needs_no_password(server, client, tmp_path):
    token = server.command("token", "--superuser", SUPERUSER[0], "--seconds", "60").strip()
    code, _, _ = run("publish", "jobs/1", "{}", url=server.url, token=token)
    assert code == 0
    shown = json.loads(run("token", "show", "--json", stdin=token)[1])
    assert shown["expired"] is False
    code, _, err = run("token", "--superuser", "nobody@example.com", f"--dir={server.folder}/data")
    assert code == 1 and "there is no superuser" in err
    code, _, err = run("token", "--superuser", SUPERUSER[0], f"--dir={tmp_path}/none")
    assert code == 1 and not (tmp_path / "none").exists()


def test_a_watch_ends_with_its_token(server, client, posts):
    token = server.command("token", "--superuser", SUPERUSER[0], "--seconds", "2").strip()
    code, _, err = run("watch", "posts", "--json", url=server.url, token=token)
    assert code == 4 and "the token has expired" in err


# rooms, doctor, completions, manual


def test_rooms_are_listed(server, client, tmp_path):
    assert server.command("rooms", "--json") == ""
    assert server.command("rooms").split() == ["account", "room", "title", "created", "members"]
    project = Project(server, "acme")
    try:
        first = {"action": "create", "room_title": "The Lobby", "user_id": "ann", "user_name": "Ann"}
        project.room("lobby", **first).take(1)
        room = json.loads(server.command("rooms", "--json"))
        assert (room["account"], room["id"], room["title"]) == ("acme", "lobby", "The Lobby")
        assert room["participants"] == [{"id": "ann", "name": "Ann"}]
        assert server.command("rooms", "list", "--account", "acme").splitlines()[1].endswith("Ann (ann)")
    finally:
        project.sockets.close()
    code, _, err = run("rooms", f"--dir={tmp_path}")
    assert code == 1 and "no server runs" in err
    code, _, err = run("rooms", "--account", "nobody", f"--dir={server.folder}/data")
    assert code == 1 and "there is no account" in err


def test_rooms_are_watched_and_spoken_in(server, guest):
    project = Project(server, "talkers")
    key = ("--key", project.key)
    assert "Room not found" in guest.fails(5, "rooms", "say", "hall", "hello", *key)
    assert "Invalid API key" in guest.fails(4, "rooms", "say", "hall", "hello", "--key", "wrong")
    assert "--account" in guest.fails(2, "rooms", "--account", "a", "say", "hall", "hello", *key)
    assert "no connection" in guest.fails(3, "rooms", "watch", "hall", *key, "--url", "http://127.0.0.1:1")
    watch = guest.start("rooms", "watch", "hall", *key, "--user", "ann", "--name", "Ann", "--create", "Hall")
    try:
        watch.told('in the room as "ann"')
        assert guest.ok("rooms", "say", "hall", "hello there", *key, "--user", "bob") == ""
        bob = {"id": "bob", "name": "bob"}
        assert watch.event() == {"event": "joined", "member": bob, "participants": 2}
        said = watch.event()
        assert (said["event"], said["from"], said["data"]) == ("message", bob, "hello there")
        assert said["cursor"] and said["at"].endswith("Z")
        assert watch.event() == {"event": "left", "member": bob, "participants": 1}
        watch.process.send_signal(signal.SIGINT)
        assert watch.process.wait(60) == 0
    finally:
        watch.close()


def test_the_doctor_says_what_is_wrong(server, client, tmp_path):
    address = f"127.0.0.1:{server.port}"
    data = f"--dir={server.folder}/data"
    code, out, err = run("doctor", "--json", "--http", address, data, "--connections", "100", url=server.url)
    checks = {check["check"]: check for check in map(json.loads, out.splitlines())}
    assert code == 0 and {check["verdict"] for check in checks.values()} == {"ok"}, out + err
    expected = "version files folder space database port hooks server clock proxy stream websocket"
    assert list(checks) == expected.split()
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "broken.js").write_text("this is no script")
    (tmp_path / "data.db").write_text("this is no database, though it is longer than nothing at all")
    words = ("doctor", f"--dir={tmp_path}", "--http", address, "--hooks-dir", str(hooks))
    code, out, err = run(*words, url="http://127.0.0.1:1")
    failed = [line.split()[1] for line in out.splitlines() if line.startswith("fail")]
    assert code == 1 and failed == ["database", "port", "hooks", "server"], out
    assert "4 checks failed" in err


def test_the_doctor_notices_a_proxy_that_holds_streams_back(server):
    relay = HoldingRelay(server.port)
    try:
        address, data = f"127.0.0.1:{server.port}", f"--dir={server.folder}/data"
        code, out, err = run("doctor", "--json", "--http", address, data, "--connections", "100", url=relay.url)
    finally:
        relay.close()
    failed = [check for check in map(json.loads, out.splitlines()) if check["verdict"] == "fail"]
    assert code == 1 and [check["check"] for check in failed] == ["stream"], out + err
    assert "proxy_buffering off" in failed[0]["advice"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_the_commands(shell):
    code, script, _ = run("completions", shell)
    assert code == 0 and "watch" in script and "doctor" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_there_is_a_manual_page_for_each_command(tmp_path):
    assert run("man", str(tmp_path))[0] == 0
    pages = {path.name for path in Path(tmp_path).iterdir()}
    assert {"tidewire.1", "tidewire-watch.1", "tidewire-records-import.1"} <= pages
    assert ".TH tidewire" in run("man")[1]


def examples():
    """The blocks of the document: all kinds of commands, and rooms."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "terminal.md").read_text(), re.S)
    assert len(blocks) == 2
    return blocks


def test_the_examples_of_rooms_run(server, guest):
    key = ("--key", Project(server, "documented").key)
    # what is behind a pipe is not ours
    watching, saying = (shlex.split(line.split(" | ")[0])[1:] for line in examples()[1].splitlines())
    watch = guest.start(*watching, *key)
    try:
        watch.told('in the room as "ops"')
        assert guest.ok(*saying, *key) == ""
        while (event := watch.event())["event"] != "message":
            pass
        assert event["data"] == "deploy at noon"
    finally:
        watch.close()


def test_the_examples_of_the_document_run(fresh_server, tmp_path):
    fresh_server.root.collection("posts", FIELDS)
    (tmp_path / "tidewire").symlink_to(binary())
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TIDEWIRE_DIR": f"{fresh_server.folder}/data", "TIDEWIRE_URL": fresh_server.url}
    done = subprocess.run(
        ["bash", "-euc", examples()[0]],
        cwd=tmp_path,
        env={**surroundings(None, None), **told},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown, made, head, row, event, published = done.stdout.splitlines()
    assert json.loads(shown)["expired"] is False and json.loads(made)["title"] == "hello"
    assert (head.split(), row.split()) == (["title", "views"], ["hello", "1"])
    assert json.loads(event)["action"] == "snapshot" and "jobs/finished" in published
    assert (tmp_path / "posts.csv").exists()
