"""The code blocks of the BosBase realtime guide, unchanged but for address and placeholders (blocks/)."""

import pytest

from server import TARGET
from session import Session, block

# On PocketBase the SDK's unsubscribe waits for its read timeout of a minute.
PROMPT = 10 if TARGET == "tidewire" else 75

TIMES = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]


def text(name):
    return {"name": name, "type": "text"}


def relation(name, collection, **options):
    return {"name": name, "type": "relation", "collectionId": collection, "maxSelect": 1, **options}


def furnish(root):
    """Make the collections and the user of the guide; return the user's id."""
    users = root.ok("PATCH", "/api/collections/users", {"listRule": "", "viewRule": ""})["id"]
    posts = [text("title"), text("status"), {"name": "public", "type": "bool"}, relation("author", users)]
    made = root.collection("posts", [*posts, *TIMES])["id"]
    comments = [text("content"), relation("postId", made, cascadeDelete=True), relation("user", users)]
    root.collection("comments", [*comments, *TIMES])
    root.collection("messages", [text("roomId"), text("content"), *TIMES])
    root.collection("documents", [text("title"), relation("lastEditor", users), *TIMES])
    password = {"password": "password", "passwordConfirm": "password"}
    return root.create("users", email="user@example.com", name="Ann", **password)["id"]


@pytest.fixture(scope="module")
def user(server):
    return furnish(server.root)


@pytest.fixture
def root(server, user):
    return server.root


@pytest.fixture
def session(server):
    running = Session(client(server))
    yield running
    running.close()


def client(server):
    """What the short blocks take for granted."""
    return f'from bosbase import BosBase\npb = BosBase("{server.url}")'


def halves(code, cut):
    """A block in two parts: up to the line that holds `cut`, and from it on."""
    at = code.index(cut)
    return code[:at], code[at:]


def write(root, **fields):
    """Create, update and delete a post."""
    post = root.create("posts", title="first", **fields)
    root.update("posts", post["id"], title="second")
    root.delete("posts", post["id"])
    return post


def test_basic_usage(server, root, session):
    subscribe, unsubscribe = halves(block("basic_usage", server.url), "# Later")
    session.run(subscribe + "\nsettle()")
    write(root)
    session.expect("create first", "update second", "delete second")
    session.run(unsubscribe, PROMPT)
    session.run('pb.collection("posts").subscribe("*", lambda event: print("other"))')
    root.create("posts", title="unheard")
    session.expect("other")


def test_single_record(server, root, session):
    post, other = root.create("posts", title="one"), root.create("posts", title="two")
    handler, _ = halves(block("basic_usage", server.url), "unsubscribe =")
    session.run(f'{handler}\npb.collection("posts").subscribe("{post["id"]}", on_post_update)\nsettle()')
    root.update("posts", other["id"], title="not heard")
    root.update("posts", post["id"], title="heard")
    root.delete("posts", post["id"])
    session.expect("update heard", "delete heard")


def test_subscription_options(server, root, session, user):
    root.ok("PATCH", "/api/collections/posts", {"listRule": '@request.headers.x_app_instance = "cli"'})
    try:
        session.run('pb.collection("posts").subscribe("*", lambda event: print("without the header"))')
        session.run(
            "def on_post_update(event):\n"
            '    author = event["record"]["expand"]["author"]\n'
            '    print(event["action"], event["record"]["title"], author["name"])\n'
        )
        session.run(block("subscription_options", server.url) + "\nsettle()")
        root.create("posts", title="draft", status="draft", author=user)
        root.create("posts", title="news", status="published", author=user)
        session.expect("create news Ann")
    finally:
        root.ok("PATCH", "/api/collections/posts", {"listRule": ""})


def test_on_disconnect_and_resubscribe(fresh_server):
    furnish(fresh_server.root)
    session = Session(client(fresh_server))
    try:
        session.run(block("on_disconnect", fresh_server.url))
        handler, _ = halves(block("basic_usage", fresh_server.url), "unsubscribe =")
        session.run(f'{handler}\npb.collection("posts").subscribe("*", on_post_update)\nsettle()')
        # The SDK calls the hook with no topics whenever it has connected.
        session.expect("No active subscriptions; connection closed.")
        fresh_server.kill()
        session.wait(lambda: session.lines, "the disconnect")
        assert set(session.lines) == {"Connection lost, waiting for auto-reconnect…"}
        fresh_server.start()
        connected = "No active subscriptions; connection closed."
        session.wait(lambda: connected in session.lines, "the reconnect")
        session.lines.clear()
        write(fresh_server.root)
        session.expect("create first", "update second", "delete second")
    finally:
        session.close()


@pytest.mark.tidewire
def test_custom_topic(server, root, session):
    session.run(block("custom_topic", server.url) + "\nsettle()")
    root.ok("POST", "/api/pubsub/publish", {"topic": "jobs/finished", "data": {"job": 1}})
    server.command("publish", "jobs/finished", '{"job": 2}')
    session.expect("{'job': 1}", "{'job': 2}")
    publisher = Session(client(server))
    try:
        publisher.run(
            'pb.collection("_superusers").auth_with_password("root@example.com", "root-password")\n'
            'print(pb.pubsub.realtime_publish("jobs/finished", {"job": "Å"})["topic"])'
        )
        publisher.expect("jobs/finished")
    finally:
        publisher.close()
    session.expect("{'job': 'Å'}")


SUBSCRIBE_ALL = """
def listen(name):
    return lambda event: print(name, event["action"])

pb.collection("posts").subscribe("POST", listen("record"))
first = pb.collection("posts").subscribe("*", listen("first"))
pb.collection("posts").subscribe("*", listen("second"))
pb.collection("comments").subscribe("*", listen("comments"))
settle()
"""


def test_unsubscribing(server, root, session):
    post = root.create("posts", title="watched")["id"]
    by_record, everything = halves(block("unsubscribing", server.url, RECORD_ID=post), "pb.realtime")
    session.run(SUBSCRIBE_ALL.replace("POST", post))

    def heard(*names):
        root.update("posts", post, title="again")
        comment = root.create("comments", postId=post)
        root.delete("comments", comment["id"])
        wanted = [f"{name} update" for name in names] + ["comments create", "comments delete"]
        session.wait(lambda: len(session.lines) >= len(wanted), wanted)
        # The topics of one change come in the order in which the server holds them.
        assert sorted(session.lines) == sorted(wanted)
        session.lines.clear()

    heard("record", "first", "second")
    session.run("first()")
    heard("record", "second")
    session.run(by_record)
    heard("second")
    session.run('pb.collection("posts").subscribe("*", listen("third"), query={"expand": "author"})')
    heard("second", "third")
    session.run('pb.realtime.unsubscribe_by_prefix("posts/")')
    heard()
    session.run(everything, PROMPT)
    session.run('print(pb.realtime.get_active_subscriptions(), repr(pb.realtime.client_id))')
    session.expect("[] ''")


def test_chat(server, root, session):
    session.run(block("chat", server.url) + "\nsettle()")
    root.create("messages", roomId="OTHER", content="elsewhere")
    message = root.create("messages", roomId="ROOM_ID", content="hi")
    root.update("messages", message["id"], content="edited")
    root.delete("messages", message["id"])
    session.expect("New message: hi", f"Message deleted: {message['id']}")
    session.run("unsubscribe_chat()", PROMPT)


def test_dashboard(server, root, session, user):
    session.run(block("dashboard", server.url) + "\nsettle()")
    root.create("posts", title="draft", status="draft")
    post = root.create("posts", title="news", status="published", author=user)
    session.expect("New post: news")
    root.update("posts", post["id"], title="old news")
    session.expect("Post updated: old news")
    root.create("comments", postId=post["id"], user=user)
    session.expect(f"Comments updated for post: {post['id']}")
    # The comment is deleted with its post.
    root.delete("posts", post["id"])
    session.expect(f"Comments updated for post: {post['id']}")


def test_user_activity(server, root, session, user):
    session.run(block("user_activity", server.url) + "\nsettle()")
    root.create("posts", title="of nobody")
    post = root.create("posts", title="mine", author=user)
    session.expect("Your post create: mine")
    root.update("posts", post["id"], title="still mine")
    session.expect("Your post update: still mine", "Notification: Post updated")


def test_collaboration(server, root, session, user):
    document = root.create("documents", title="plan")["id"]
    session.run(block("collaboration", server.url, DOCUMENT_ID=document) + "\nsettle()")
    root.create("documents", title="another")
    edited = root.update("documents", document, lastEditor=user)
    session.expect(f"Document edited by {user} at {edited['updated']}")


def test_connection_monitoring(fresh_server):
    furnish(fresh_server.root)
    session = Session()
    try:
        session.run(block("connection_monitoring", fresh_server.url) + "\nsettle()")
        # PB_CONNECT never reaches a listener: the SDK keeps it to itself and calls the hook instead.
        session.expect("No active subscriptions; connection closed.")
        fresh_server.kill()
        lost = ["Connection lost, attempting to reconnect...", "Connection status: Reconnecting..."]
        session.wait(lambda: len(session.lines) >= 2, "the disconnect")
        assert session.lines[:2] == lost
        fresh_server.start()
        session.wait(lambda: session.lines[-1].startswith("No active"), "the reconnect")
    finally:
        session.close()


def test_conditional_as_guest(server, root, session):
    session.run(block("conditional", server.url) + "\nsettle()")
    root.create("posts", title="hidden", public=False)
    root.create("posts", title="open", public=True)
    session.expect("Post create: open")


@pytest.mark.tidewire
def test_conditional_signed_in(server, root, session):
    define, usage = halves(block("conditional", server.url), "# Usage")
    session.run(define + '\npb.collection("users").auth_with_password("user@example.com", "password")')
    session.run(usage + "\nsettle()")
    root.create("posts", title="for members", public=False)
    session.expect("Post create: for members")


def test_cleanup(server, root, session):
    session.run(block("cleanup", server.url) + "\nsettle()")
    root.create("posts", title="seen")
    session.wait(lambda: session.lines, "the change")
    assert session.lines[0].startswith("Post changed: {") and "'title': 'seen'" in session.lines[0]
    session.finish(PROMPT)


@pytest.mark.parametrize("rules, collection", [({}, "posts"), ({"listRule": None}, "posts"), ({}, "nowhere")])
def test_error_handling(server, root, session, rules, collection):
    """Subscribing never fails; what may not be seen, or is not there, stays silent."""
    root.ok("PATCH", "/api/collections/posts", rules)
    try:
        session.run(block("error_handling", server.url, posts=collection) + "\nsettle()")
        session.run('pb.collection("messages").subscribe("*", lambda event: print("witness"))')
        root.create("posts", title="for whom")
        root.create("messages", content="last")
        heard = not rules and collection == "posts"
        session.expect(*(["Event: create"] if heard else []), "witness")
    finally:
        root.ok("PATCH", "/api/collections/posts", {"listRule": ""})


@pytest.mark.tidewire
def test_text_arrives_intact(server, root, session):
    title = "héllo Å \u0085 \u2028 \u2029 <b>& \U0001f600 \"quoted\" back\\slash\nnew line"
    session.run('pb.collection("posts").subscribe("*", lambda event: print(ascii(event["record"]["title"])))\nsettle()')
    root.create("posts", title=title)
    session.expect(ascii(title))
