"""PyPI `cocobase`: every call of its client that Tidewire serves, and what it says of the others."""

import io
from datetime import datetime

import pytest
from cocobase_client import CocobaseError, CocoBaseClient, QueryBuilder

from cocobase import Project

pytestmark = pytest.mark.tidewire


@pytest.fixture(scope="module")
def project(server):
    made = Project(server, "python")
    yield made
    made.close()


@pytest.fixture
def client(project):
    return CocoBaseClient(api_key=project.key, project_id=project.id, base_url=project.url)


def test_collections(project, client):
    made = client.create_collection("posts", "http://h")
    assert made.name == "posts" and made.id
    with pytest.raises(CocobaseError, match="already exists"):
        client.create_collection("posts")
    assert client.update_collection("posts", collection_name="articles")["name"] == "articles"
    assert client.update_collection(made.id, collection_name="posts")["name"] == "posts"
    assert client.delete_collection("posts") is True
    with pytest.raises(CocobaseError, match="Collection not found"):
        client.delete_collection("posts")
    assert project.ok("GET", "/collections/") == []


def test_documents(project, client):
    made = client.create_document("notes", {"title": "x", "age": 20, "data": {"deep": 1}})
    assert (made["title"], made.get_int("age"), made["data"]) == ("x", 20, {"deep": 1})
    assert made.createdAt.year >= 2024 and made.createdAt.tzinfo and isinstance(made.createdAt, datetime)
    assert made.collection["name"] == "notes" and made.collectionId == made.collection["id"]
    assert client.get_document("notes", made.id).data == made.data
    changed = client.update_document("notes", made.id, {"age": 21})
    assert changed.data == {"title": "x", "age": 21, "data": {"deep": 1}}
    assert client.delete_document("notes", made.id) is True
    for call in (client.get_document, client.delete_document):
        with pytest.raises(CocobaseError, match="Document not found"):
            call("notes", made.id)


def test_only_data(client):
    """Its body is wrapped twice, and once more by a document that is called like the wrapping."""
    made = client.create_document("wrapped", {"data": {"deep": 1}})
    assert client.get_document("wrapped", made.id).data == made.data


QUERIES = [
    (QueryBuilder(), {"jo", "joanna", "max"}),
    (QueryBuilder().eq("status", "a"), {"jo", "max"}),
    (QueryBuilder().eq("status", "a").gte("age", 18).contains("name", "JO"), {"jo"}),
    (QueryBuilder().gt("age", 30), {"max"}),
    (QueryBuilder().lt("age", 18), {"joanna"}),
    (QueryBuilder().lte("age", 30), {"jo", "joanna"}),
    (QueryBuilder().eq("member", True), {"jo"}),
    (QueryBuilder().from_dict({"[or]age_lt": 18, "[or]member": True}), {"jo", "joanna"}),
    (QueryBuilder().from_dict({"name_in": "max,jo", "city_isnull": "true"}), {"jo", "max"}),
]


def test_queries(client):
    people = [("jo", "a", 30, True), ("joanna", "b", 17, False), ("max", "a", 31, False)]
    client.create_documents("people", [dict(zip(("name", "status", "age", "member"), one)) for one in people])
    for query, names in QUERIES:
        found = client.list_documents("people", query)
        assert {one["name"] for one in found} == names, query.params
        assert client.count_documents("people", query) == {"count": len(names)}
    page = client.list_documents("people", QueryBuilder().from_dict({"sort": "age", "order": "asc"}).limit(1).offset(1))
    assert [one["name"] for one in page] == ["jo"]
    assert client.list_documents("nowhere") == []
    asked = {"field": "age", "collection": "people"}
    for operation, result in [("count", 3), ("sum", 78), ("avg", 26), ("min", 17), ("max", 31)]:
        answer = client.aggregate_documents("people", "age", operation)
        assert answer == {**asked, "operation": operation, "result": result}
    some = client.aggregate_documents("people", "age", "sum", QueryBuilder().eq("status", "a"))
    assert some["result"] == 61


def test_batches(project, client):
    project.ok("POST", "/collections/", {"name": "batch"})
    watcher = project.watch("batch")
    watcher.take(1)
    first, second = client.create_documents("batch", [{"a": 1}, {"a": 2}])
    assert (first["a"], second["a"]) == (1, 2)
    changed = client.update_documents("batch", {first.id: {"a": 3}, second.id: {"b": 4}})
    assert {one.id: one.data for one in changed} == {first.id: {"a": 3}, second.id: {"a": 2, "b": 4}}
    answer = client.delete_documents("batch", [first.id, second.id])
    assert (answer["status"], answer["count"]) == ("success", 2)
    heard = [(frame["event"], frame["data"]["id"]) for frame in watcher.take(6)]
    events = [("create", first.id), ("create", second.id)]
    events += [("update", one.id) for one in changed]
    assert heard == [*events, ("delete", first.id), ("delete", second.id)]


def test_users(project, client):
    heard = []
    client.auth.on_auth_event(on_register=lambda user, _: heard.append("register"), on_login=lambda user, _: heard.append("login"))
    assert not client.is_authenticated()
    made = client.auth.register("ann@example.com", "secret-123", {"name": "Ann"}, roles=["admin"])
    assert not made.requires_2fa and made.user.email == "ann@example.com"
    assert (made.user.data, made.user.roles, made.user.client_id) == ({"name": "Ann"}, [], project.id)
    with pytest.raises(CocobaseError, match="User with this email already exists"):
        client.auth.register("ann@example.com", "secret-123")
    client.auth.logout()
    with pytest.raises(CocobaseError, match="Invalid email or password"):
        client.auth.login("ann@example.com", "wrong-secret")
    assert client.auth.login("ann@example.com", "secret-123").user.id == made.user.id
    assert client.auth.update_user({"city": "Rome"}).data == {"name": "Ann", "city": "Rome"}
    assert client.get_current_user().data == {"name": "Ann", "city": "Rome"}
    listed = client.auth.list_users({"limit": 2})
    assert [one["id"] for one in listed["data"]] == [made.user.id] and listed["total"] == 1
    assert client.auth.get_user_by_id(made.user.id).data["city"] == "Rome"
    client.auth.update_user(password="other-secret-123")
    client.auth.login("ann@example.com", "other-secret-123")
    assert heard == ["register", "login", "login"]
    client.auth.set_token("no-token")
    with pytest.raises(CocobaseError, match="401"):
        client.auth.get_current_user()


def test_what_is_not_there_is_said(client):
    """No stored file, no mail, no other service: an error, never a success that did nothing."""
    client.auth.register("bob@example.com", "secret-123")
    calls = [
        lambda: client.upload_file(io.BytesIO(b"x")),
        lambda: client.create_document_with_files("filed", {"a": 1}, {"file": io.BytesIO(b"x")}),
        lambda: client.auth.update_user_with_files({"a": 1}, files={"avatar": io.BytesIO(b"x")}),
        lambda: client.auth.login_with_google("token"),
    ]
    for call in calls:
        with pytest.raises(CocobaseError):
            call()
    assert client.list_documents("filed") == []


def test_a_wrong_key(project):
    client = CocoBaseClient(api_key="wrong", base_url=project.url)
    for call in (lambda: client.list_documents("notes"), lambda: client.create_document("notes", {"a": 1})):
        with pytest.raises(CocobaseError, match="401.*Invalid API key"):
            call()
