"""A tour through PyPI pocketbase: sign-in, records, realtime."""

import pytest
from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from deadline import wait_for


@pytest.fixture(scope="module")
def root(server):
    server.root.collection("books", [{"name": "title", "type": "text", "required": True}, {"name": "pages", "type": "number"}])
    password = {"password": "1234567890", "passwordConfirm": "1234567890"}
    server.root.create("users", email="ann@example.com", name="Ann", **password)
    return server.root


@pytest.fixture
def client(server, root):
    return PocketBase(server.url)


def test_sign_in_and_refresh(client):
    with pytest.raises(ClientResponseError) as refused:
        client.collection("users").auth_with_password("ann@example.com", "wrong")
    assert refused.value.status == 400
    answer = client.collection("users").auth_with_password("ann@example.com", "1234567890")
    assert answer.is_valid and answer.record.name == "Ann"
    assert client.collection("users").auth_refresh().record.id == answer.record.id
    assert client.health.check().code == 200


def test_records(client):
    books = client.collection("books")
    made = books.create({"title": "first", "pages": 3})
    assert books.get_one(made.id).title == "first"
    assert books.update(made.id, {"pages": 5}).pages == 5
    for number in range(5):
        books.create({"title": f"more {number}", "pages": 100 + number})
    page = books.get_list(1, 2, {"filter": "pages >= 100", "sort": "-pages"})
    assert [book.pages for book in page.items] == [104, 103] and page.total_items == 5
    assert len(books.get_full_list(batch=2)) == 6
    assert books.get_first_list_item("pages = 102").title == "more 2"
    assert books.delete(made.id)
    with pytest.raises(ClientResponseError) as missing:
        books.get_one(made.id)
    assert missing.value.status == 404
    with pytest.raises(ClientResponseError) as refused:
        books.create({"pages": 1})
    assert refused.value.data["data"]["title"]["code"] == "validation_required"


def connected(server, callback):
    """A client that listens to all books; the SDK now and then misses PB_CONNECT, which comes before it listens for it."""
    for _ in range(5):
        client = PocketBase(server.url)
        client.collection("books").subscribe(callback)
        try:
            wait_for(lambda: client.realtime.client_id, "PB_CONNECT", 5)
            return client
        except AssertionError:
            client.realtime.unsubscribe()
    raise AssertionError("no connection in five attempts")


def test_subscribe(server, root):
    book = root.create("books", title="watched")["id"]
    heard = []
    client = connected(server, lambda event: heard.append((event.action, event.record.title)))
    # The SDK tells nobody when its topics are set: write until the first event comes.
    wait_for(lambda: root.update("books", book, title="probe") and heard, "the first event")
    client.collection("books").subscribe_one(book, lambda event: heard.append(("one", event.record.title)))
    root.update("books", book, title="one")
    wait_for(lambda: ("one", "one") in heard and ("update", "one") in heard, "both topics")
    root.create("books", title="new")
    wait_for(lambda: ("create", "new") in heard, "the create")
    root.delete("books", book)
    wait_for(lambda: ("delete", "one") in heard, "the delete")
    client.collection("books").unsubscribe(book)
    root.create("books", title="still heard")
    wait_for(lambda: ("create", "still heard") in heard, "an event after unsubscribing from the other topic")
    client.realtime.unsubscribe()
