"""Hooks and the end of the server. After kill -9 each commit is told at least once, in order, and nothing else; a stop ends."""

from pathlib import Path

import pytest

from deadline import wait_for
from receiver import Receiver
from server import Server
from writers import Writers

ROUNDS, WRITERS = 10, 4
# calls of each hook before a kill; in a long round places are saved meanwhile
SHORT, LONG = 20, 400
SCRIPT, HTTP = "/script", "/http"

pytestmark = pytest.mark.tidewire

# Every seventh write of a writer is refused: it must never be told.
HOOKS = """
onRecordBeforeCreate((e) => {
  if (Number(e.record.title.split("-")[1]) % 7 === 6) e.abort("refused on purpose");
}, { collection: "kept", stopOnError: true });

onRecordAfterCreate((e) => {
  const body = JSON.stringify({ data: { record: { id: e.record.id }, position: e.position } });
  if (!fetch("URL", { method: "POST", body }).ok) throw new Error("not told");
}, { collection: "kept" });
"""


@pytest.fixture
def receiver():
    running = Receiver()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def server(receiver):
    # what is told while the receiver is slow must not be given up
    running = Server(TIDEWIRE_PRIVATE_ADDRESSES="on", TIDEWIRE_HOOK_TRIES="1000", TIDEWIRE_HOOK_PAUSE="0.05")
    write_hooks(running, HOOKS, receiver.url + SCRIPT)
    try:
        yield running.start()
    finally:
        running.close()


def write_hooks(server, text, url):
    folder = Path(server.folder) / "data" / "hooks"
    folder.mkdir(parents=True)
    (folder / "told.js").write_text(text.replace("URL", url))


def tell_over_http(server, receiver):
    hook = {"name": "told", "url": receiver.url + HTTP, "events": ["record.after_create"], "collection": "kept"}
    # so that it waits as long as it is held
    hook["timeout_ms"] = 5000
    server.root.ok("POST", "/api/hooks", hook)


def told(message):
    return message["data"]["record"]["id"]


def position(message):
    return message["data"]["position"]


def heard_last(receiver, path):
    messages = receiver.messages(path)
    return told(messages[-1]) if messages else None


def grown(receiver, before, more):
    """Whether both hooks were told so much more than before."""
    return all(receiver.count(path) >= count + more for path, count in before.items())


def test_kill_after_hooks_were_called(server, receiver):
    server.root.collection("kept", [{"name": "title", "type": "text"}, {"name": "text", "type": "text"}])
    tell_over_http(server, receiver)
    acknowledged, refused = set(), 0
    unsaved = {SCRIPT: [], HTTP: []}
    for number in range(ROUNDS):
        before = {path: receiver.count(path) for path in unsaved}
        writers = Writers(server.url, "kept", WRITERS)
        more = LONG if number % 5 == 4 else SHORT
        wait_for(lambda: grown(receiver, before, more), "calls of both hooks")
        # In every second round both are killed within a call: it was made, and its place cannot have been saved.
        if number % 2:
            for path, message in receiver.hold(SCRIPT, HTTP).items():
                unsaved[path].append(message)
        server.kill()
        receiver.release()
        writers.stop()
        acknowledged |= writers.ids()
        refused += sum(isinstance(failure, dict) for failure in writers.failures)
        server.start()
    stored = [record["id"] for record in server.root.list("kept", sort="@rowid", fields="id")]
    assert acknowledged <= set(stored), "an acknowledged write is gone"
    assert refused, "nothing was refused"
    for path in unsaved:
        wait_for(lambda: heard_last(receiver, path) == stored[-1], f"the last change at {path}")
        told_once_or_more(receiver.messages(path), stored)
        told_again(receiver.messages(path), unsaved[path])


def told_once_or_more(messages, stored):
    """In commit order if repeated ones are left out, all that was committed and nothing else."""
    first = {}
    for message in messages:
        known = first.setdefault(position(message), told(message))
        assert known == told(message), "one position, two records"
    assert list(first) == sorted(first)
    assert list(first.values()) == stored


def told_again(messages, unsaved):
    """What was under way when the server was killed was told anew."""
    assert len(unsaved) == ROUNDS // 2
    for message in unsaved:
        times = sum(position(other) == position(message) for other in messages)
        assert times >= 2, f"told {times} times: {message}"


# In a loop of the engine's own, where nothing can interrupt it.
HANGING = """
const hang = () => { Array.prototype.indexOf.call({ length: 2 ** 45 }, 1) };
onRecordAfterCreate((e) => { if (fetch("URL", { method: "POST", body: "{}" }).ok) hang() }, { collection: "kept", timeout: 60 });
onStop(hang, { timeout: 60 });
"""


def test_stop_ends_though_hooks_never_return(receiver):
    server = Server(TIDEWIRE_PRIVATE_ADDRESSES="on", TIDEWIRE_GRACE="0.2")
    write_hooks(server, HANGING, receiver.url + SCRIPT)
    try:
        server.start()
        server.root.collection("kept", [{"name": "title", "type": "text"}])
        server.root.create("kept", title="hangs")
        wait_for(lambda: receiver.count(SCRIPT), "a call that hangs")
        server.terminate()
        assert server.process.returncode == 0, server.output()
        assert "did not end in time" in server.output()
        # it was not done, so it is done again
        server.start()
        wait_for(lambda: receiver.count(SCRIPT) >= 2, "the same call")
        server.terminate()
    finally:
        server.close()
