"""BosBase's pub/sub: the published SDK on one side, a plain WebSocket on the other, over the same topics."""

import pytest

from session import Session
from test_blocks import client
from web_socket import WebSocket

pytestmark = pytest.mark.tidewire

SIGN_IN = 'pb.collection("users").auth_with_password("pub@example.com", "user-password")'


@pytest.fixture(scope="module")
def root(server):
    root = server.root
    body = {"email": "pub@example.com", "password": "user-password", "passwordConfirm": "user-password"}
    root.ok("POST", "/api/collections/users/records", body)
    root.ok("PATCH", "/api/settings", {"topics": [{"prefix": "open/", "publish": "@request.auth.id != ''"}]})
    return root


def test_sdk_and_socket_share_topics(server, root, opened):
    session = Session(client(server))
    try:
        session.run(f'{SIGN_IN}\npb.realtime.subscribe("open/1", lambda e: print("stream", e))\nsettle()')
        token = root.ok(
            "POST",
            "/api/collections/users/auth-with-password",
            {"identity": "pub@example.com", "password": "user-password"},
        )["token"]
        socket = opened(WebSocket(server.url, f"/api/pubsub?token={token}"))
        socket.send({"type": "subscribe", "topic": "open/1", "requestId": "s"})
        ready, subscribed = socket.wait(2)
        assert ready["type"] == "ready" and len(ready["clientId"]) == 16
        assert subscribed == {"type": "subscribed", "requestId": "s"}
        session.run('print(pb.pubsub.realtime_publish("open/1", {"by": "sdk"})["topic"])')
        # the event and the answer come on two threads
        session.wait(lambda: sorted(session.lines) == ["open/1", "stream {'by': 'sdk'}"], "answer and event")
        session.lines.clear()
        message = socket.wait(3)[2]
        assert (message["type"], message["topic"], message["data"]) == ("message", "open/1", {"by": "sdk"})
        socket.send({"type": "publish", "topic": "open/1", "data": {"by": "socket"}, "requestId": "p"})
        answer, own = socket.wait(5)[3:]
        assert (answer["type"], answer["requestId"], own["data"]) == ("published", "p", {"by": "socket"})
        assert (own["id"], own["created"]) == (answer["id"], answer["created"])
        session.expect("stream {'by': 'socket'}")
    finally:
        session.close()
