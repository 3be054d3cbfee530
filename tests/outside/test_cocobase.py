"""PyPI cocobase, unmodified, and the Python blocks of CocoBase's realtime page with PyPI websocket-client."""

import pytest
from cocobase_client import CocoBaseClient, QueryBuilder
from cocobase_client.exceptions import CocobaseError

from session import Session, block

pytestmark = pytest.mark.tidewire

KEY = "key-of-the-project-shop"


@pytest.fixture(scope="module")
def client(server):
    server.command("account", "create", "shop", "--name=Shop", f"--api-key={KEY}")
    return CocoBaseClient(api_key=KEY, base_url=server.url)


@pytest.fixture
def session(server):
    running = Session()
    yield running
    running.close()


def code(name, server):
    sockets = server.url.replace("http", "ws", 1)
    return block(f"cocobase/{name}", server.url, **{"wss://api.cocobase.buzz": sockets, "your-api-key": KEY})


def test_watch(server, client, session):
    client.create_document("users", {"name": "first"})
    session.start(code("watch", server))
    session.wait(lambda: "Event: connected" in session.lines, "the confirmation")
    session.lines.clear()
    client.create_document("users", {"name": "quiet", "status": "away"})
    made = client.create_document("users", {"name": "Ann", "status": "active"})
    client.delete_document("users", made.id)
    session.wait(lambda: len(session.lines) >= 4, "two events")
    assert [session.lines[0], session.lines[2]] == ["Event: create", "Event: delete"]
    assert "'name': 'Ann'" in session.lines[1] and made.id in session.lines[3]


def test_broadcast(server, client, session):
    session.run(code("broadcast", server))
    session.expect("Python Client: {'text': 'Hello from Python!'}")


def test_collections(client):
    made = client.create_collection("shelves")
    assert (made.name, bool(made.id)) == ("shelves", True)
    with pytest.raises(CocobaseError):
        client.create_collection("shelves")
    client.update_collection("shelves", collection_name="racks")
    assert client.list_documents("racks") == []
    assert client.delete_collection("racks") is True
    with pytest.raises(CocobaseError, match="not found"):
        client.delete_collection("racks")


def test_documents(client):
    made = client.create_document("books", {"title": "Dune", "pages": 600})
    assert (made["title"], made.get_int("pages"), made.createdAt.year > 2000) == ("Dune", 600, True)
    assert client.get_document("books", made.id).data == {"title": "Dune", "pages": 600}
    assert client.update_document("books", made.id, {"pages": 601}).data == {"title": "Dune", "pages": 601}
    assert client.delete_document("books", made.id) is True
    with pytest.raises(CocobaseError, match="Document not found"):
        client.get_document("books", made.id)


def test_batches_and_questions(client):
    made = client.create_documents("rows", [{"at": at, "name": f"row {at}"} for at in range(5)])
    changed = client.update_documents("rows", {made[0].id: {"at": 10}})
    assert [row["at"] for row in changed] == [10]
    for query, names in [
        (QueryBuilder().eq("at", 3), ["row 3"]),
        (QueryBuilder().gt("at", 3), ["row 0", "row 4"]),
        (QueryBuilder().gte("at", 2).lt("at", 4), ["row 2", "row 3"]),
        (QueryBuilder().contains("name", "ROW 1"), ["row 1"]),
    ]:
        assert sorted(row["name"] for row in client.list_documents("rows", query)) == names, query.build()
    assert len(client.list_documents("rows", QueryBuilder().limit(2).offset(1))) == 2
    assert client.count_documents("rows", QueryBuilder().lte("at", 4))["count"] == 4
    assert client.aggregate_documents("rows", "at", "max")["result"] == 10
    assert client.delete_documents("rows", [row.id for row in made])["count"] == 5
    assert client.count_documents("rows")["count"] == 0


def test_users(client):
    signed = client.auth.register("ann@example.com", "pass-of-ann-123", {"nick": "Ann"})
    assert signed.user.email == "ann@example.com" and client.auth.is_authenticated()
    client.auth.logout()
    assert client.auth.login("ann@example.com", "pass-of-ann-123").user.data["nick"] == "Ann"
    assert client.auth.update_user(data={"nick": "Anne"}).data["nick"] == "Anne"
    client.auth.logout()
    with pytest.raises(Exception):
        client.auth.login("ann@example.com", "wrong")


def test_a_wrong_key(server):
    with pytest.raises(CocobaseError):
        CocoBaseClient(api_key="not-a-key-of-anybody", base_url=server.url).list_documents("books")
