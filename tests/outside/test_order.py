"""Every connection gets every change once, in commit order, whatever others do."""

import pytest

from stream import Stream
from writers import Writers

WRITERS, SUBSCRIBERS = 8, 50

pytestmark = pytest.mark.tidewire


def collection(server, name):
    times = [{"name": "created", "type": "autodate", "onCreate": True}]
    server.root.collection(name, [{"name": "title", "type": "text"}, {"name": "text", "type": "text"}, *times])
    return f"{name}/*"


def ids(events):
    return [event.data["record"]["id"] for event in events]


def committed(server, name):
    return [record["id"] for record in server.root.list(name, sort="@rowid", fields="id")]


def test_order_is_the_same_for_all(server):
    topic = collection(server, "ordered")
    streams = [Stream(server.url, [topic]) for _ in range(SUBSCRIBERS)]
    try:
        writers = Writers(server.url, "ordered", WRITERS, records=50).join()
        assert not writers.failures
        total = WRITERS * 50
        orders = [ids(stream.wait(total)) for stream in streams]
        assert orders[0] == committed(server, "ordered")
        for order in orders[1:]:
            assert order == orders[0]
        for records in writers.acknowledged:
            place = [orders[0].index(record) for record in records]
            assert place == sorted(place), "a writer's own order"
        assert all(len(stream.events) == total for stream in streams)
        cursors = [event.id for event in streams[0].events]
        assert len(set(cursors)) == total and cursors == [event.id for event in streams[1].events]
    finally:
        for stream in streams:
            stream.close()


def test_updates_and_deletes_keep_their_place(server):
    topic = collection(server, "changing")
    stream = Stream(server.url, [topic])
    record = server.root.create("changing", title="0")["id"]
    for number in range(1, 50):
        server.root.update("changing", record, title=str(number))
    server.root.delete("changing", record)
    events = stream.wait(51)
    stream.close()
    assert [event.data["record"]["title"] for event in events] == [*map(str, range(50)), "49"]
    assert [event.data["action"] for event in events] == ["create", *["update"] * 49, "delete"]


def test_a_reader_that_stalls_stops_nobody_and_catches_up(server):
    topic = collection(server, "stalled")
    slow, fast = Stream(server.url, [topic], receive_buffer=4096), Stream(server.url, [topic])
    writers = Writers(server.url, "stalled", 1, records=1).join()
    slow.wait(1)
    slow.pause()
    # Twelve megabytes: more than the sockets of one connection hold.
    writers = Writers(server.url, "stalled", 4, records=600, padding="x" * 5000).join()
    assert not writers.failures
    total = 1 + 4 * 600
    fast.wait(total)
    assert len(slow.events) < total, "the slow reader was not slow"
    slow.resume()
    heard = catch_up(server, topic, slow, total)
    assert heard == ids(fast.events) == committed(server, "stalled")
    fast.close()


def catch_up(server, topic, stream, total):
    """Read on; where the server ends the stream, connect again from the last event heard."""
    heard = []
    while True:
        known = len(heard)
        while not stream.ended.is_set() and known + len(stream.events) < total:
            stream.ended.wait(0.05)
        heard += stream.events
        stream.close()
        if len(heard) >= total:
            return ids(heard)
        assert len(heard) > known, "no progress on this connection"
        stream = Stream(server.url, [topic], last_event_id=heard[-1].id)
