"""What was acknowledged survives kill -9, and reaches whoever resumes: all of it, once, in order."""

import pytest

from deadline import wait_for
from server import Server
from stream import Stream
from writers import Writers

ROUNDS, WRITERS = 5, 6

pytestmark = pytest.mark.tidewire


class Resumer:
    """A subscriber that comes back with the last cursor it saw."""

    def __init__(self, url, topic):
        self.url, self.topic = url, topic
        self.heard = []
        self.cursor = ""
        self.stream = None

    def connect(self):
        self.stream = Stream(self.url, [self.topic], last_event_id=self.cursor)

    def lost(self):
        """Keep what was heard on the connection that broke."""
        assert self.stream.ended.wait(20), "the stream outlived its server"
        self.stream.close()
        self.keep()

    def keep(self):
        assert all(event.name == self.topic for event in self.stream.events), "a reset instead of a replay"
        self.heard += self.stream.events
        if self.heard:
            self.cursor = self.heard[-1].id

    def ids(self):
        return [event.data["record"]["id"] for event in self.heard]


@pytest.fixture
def server():
    running = Server()
    try:
        yield running.start()
    finally:
        running.close()


def test_kill_during_writes(server):
    server.root.collection("kept", [{"name": "title", "type": "text"}, {"name": "text", "type": "text"}])
    reader = Resumer(server.url, "kept/*")
    acknowledged = set()
    for number in range(ROUNDS):
        reader.connect()
        writers = Writers(server.url, "kept", WRITERS)
        wait_for(lambda: writers.count() >= 40 * (number + 1) or writers.failures, "acknowledged writes")
        # Without any event there is no cursor to come back with.
        reader.stream.wait(1)
        server.kill()
        writers.stop()
        assert writers.count() >= 40
        acknowledged |= writers.ids()
        reader.lost()
        server.start()
    reader.connect()
    stored = [record["id"] for record in server.root.list("kept", sort="@rowid", fields="id")]
    missing = len(stored) - len(reader.heard)
    reader.stream.wait(missing)
    # One more write: it must be the next event, with nothing repeated before it.
    last = server.root.create("kept", title="last")["id"]
    reader.stream.wait(missing + 1)
    reader.stream.close()
    reader.keep()
    assert acknowledged <= set(stored), "an acknowledged write is gone"
    assert reader.ids() == [*stored, last]
    assert len({event.id for event in reader.heard}) == len(reader.heard)
    replayed_alike(server, reader)


def replayed_alike(server, reader):
    """A stranger with the first cursor is told the same story."""
    stranger = Stream(server.url, ["kept/*"], last_event_id=reader.heard[0].id)
    story = stranger.wait(len(reader.heard) - 1)
    stranger.close()
    assert [(event.id, event.data) for event in story] == [(event.id, event.data) for event in reader.heard[1:]]


def test_stop_and_start_again(server):
    server.root.collection("kept", [{"name": "title", "type": "text"}])
    reader = Resumer(server.url, "kept/*")
    reader.connect()
    first = server.root.create("kept", title="first")["id"]
    reader.stream.wait(1)
    server.terminate()
    reader.lost()
    server.start()
    second = server.root.create("kept", title="second")["id"]
    reader.connect()
    reader.stream.wait(1)
    third = server.root.create("kept", title="third")["id"]
    reader.stream.wait(2)
    reader.stream.close()
    reader.keep()
    assert reader.ids() == [first, second, third]


def test_second_server_on_the_folder_is_refused(server):
    other = Server()
    own = other.folder
    other.folder = server.folder
    try:
        with pytest.raises(AssertionError, match="ended by itself"):
            other.start()
    finally:
        other.process.wait()
        other.folder = own
        other.close()
    assert server.healthy()
