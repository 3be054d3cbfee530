"""Thousands who come back at once and missed the same changes: all are told all of it, in order. Nothing is timed."""

import re
import resource
import select
import socket
import urllib.request
from urllib.parse import quote

import pytest

from snackbase import Socket, subscribe

CLIENTS, MISSED = 2000, 100

pytestmark = pytest.mark.tidewire


def create(world, title):
    world.user.ok("POST", "/records/posts", {"title": title})


def test_all_who_missed_the_same_are_caught_up_in_order(world):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < CLIENTS + 500:
        pytest.skip("too few open files")
    cursor = last_cursor(world)
    titles = [f"missed {number}" for number in range(MISSED)]
    for title in titles:
        create(world, title)
    # nothing is in the feed's memory then
    world.terminate()
    world.start()
    filtered = quote("title != 'missed 7'")
    queries = [f"since={cursor}", f"since={cursor}&filter={filtered}"]
    expected = [titles, [title for title in titles if title != "missed 7"]]
    streams = [opened(world, queries[number % 2]) for number in range(CLIENTS)]
    try:
        create(world, "the end")
        heard = read_until(streams, b'"the end"')
        assert len(heard) == CLIENTS
        for number, stream in enumerate(streams):
            told = re.findall(r'"title":"([^"]*)"', heard[stream].decode())
            assert told == [*expected[number % 2], "the end"], f"client {number}"
    finally:
        for stream in streams:
            stream.close()
    assert metric(world, "replays_total") >= CLIENTS
    # far fewer than clients: pages are read again only after a pause
    assert 0 < metric(world, "log_reads_total") < CLIENTS / 10


def last_cursor(world):
    listener = Socket(world.url, world.user.access)
    listener.send(subscribe("posts", cursor=True))
    listener.wait(1)
    create(world, "heard by all")
    cursor = listener.wait(2)[1]["cursor"]
    listener.close()
    return cursor


def opened(world, query):
    """A bare socket behind the request for a stream; its answer is read later."""
    stream = socket.create_connection(("127.0.0.1", world.port), timeout=60)
    path = f"/api/v1/realtime/subscribe?token={world.user.access}&collection=posts&{query}"
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return stream


def read_until(streams, text):
    """What each received up to a part with this text, before none has come for a while."""
    poll, waiting, heard = select.epoll(), {}, {stream: b"" for stream in streams}
    for stream in streams:
        waiting[stream.fileno()] = stream
        poll.register(stream.fileno(), select.EPOLLIN)
    while waiting and (ready := poll.poll(30)):
        for number, _ in ready:
            stream = waiting[number]
            part = stream.recv(65536)
            heard[stream] += part
            if text in heard[stream] or not part:
                poll.unregister(number)
                del waiting[number]
    poll.close()
    return {stream: told for stream, told in heard.items() if text in told}


def metric(world, name):
    with urllib.request.urlopen(f"{world.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    [value] = [line.split(" ")[1] for line in lines if line.startswith(f"tidewire_{name} ")]
    return float(value)
