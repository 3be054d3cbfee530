"""Many at once: writers of which none may fail, sockets of which none may be lost. Nothing is timed."""

import resource
import select
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from snackbase import Socket

WRITERS, WRITES = 32, 10
SOCKETS, OPENERS = 10_000, 8

pytestmark = pytest.mark.tidewire


def test_parallel_writers_lose_nothing(world):
    listener = Socket(world.url, world.user.access)
    listener.send({"action": "subscribe", "collection": "posts"})
    listener.wait(1)

    def write(writer):
        return [world.user.ok("POST", "/records/posts", {"title": f"{writer} {n}"})["id"] for n in range(WRITES)]

    with ThreadPoolExecutor(WRITERS) as pool:
        written = list(pool.map(write, range(WRITERS)))
    events = listener.wait(1 + WRITERS * WRITES)[1:]
    listener.close()
    heard = [event["data"]["id"] for event in events]
    assert sorted(heard) == sorted(sum(written, []))
    for ids in written:
        assert [id for id in heard if id in ids] == ids


def test_ten_thousand_idle_sockets_hear_a_write(world):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit < SOCKETS + 500:
        pytest.skip(f"{limit} open files are too few")
    with ThreadPoolExecutor(OPENERS) as pool:
        sockets = list(pool.map(lambda _: subscribed(world), range(SOCKETS)))
    try:
        world.user.ok("POST", "/records/posts", {"title": "to all of you"})
        assert hearers(sockets, b"to all of you") == SOCKETS
    finally:
        for opened in sockets:
            opened.close()
    assert world.user.send("GET", "/records/posts?limit=1")[0] == 200


def subscribed(world):
    """A bare socket behind its handshake and its subscription."""
    opened = socket.create_connection(("127.0.0.1", world.port), timeout=60)
    opened.sendall(
        f"GET /api/v1/realtime/ws?token={world.user.access} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    text = b'{"action":"subscribe","collection":"posts"}'
    opened.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    answer = b""
    while b'"subscribed"' not in answer:
        part = opened.recv(4096)
        assert part, answer
        answer += part
    return opened


def hearers(sockets, text):
    """How many of them receive a frame with this text, before none has come for a while."""
    poll, waiting = select.epoll(), {opened.fileno(): opened for opened in sockets}
    for number in waiting:
        poll.register(number, select.EPOLLIN)
    heard = 0
    while waiting:
        ready = poll.poll(30)
        if not ready:
            break
        for number, _ in ready:
            # pings may stand before it
            part = waiting[number].recv(4096)
            if text in part or not part:
                heard += text in part
                poll.unregister(number)
                del waiting[number]
    poll.close()
    return heard
