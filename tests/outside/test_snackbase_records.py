"""SnackBase's collections and records without an SDK, and their errors word by word."""

import http.client
from unittest.mock import ANY
from urllib.parse import quote

import pytest

from api import Api
from server import Server
from snackbase import NAIVE, PUBLIC, TIME, UUID, Like, World, invalid, listing, same

pytestmark = pytest.mark.tidewire

SYSTEM = ["id", "account_id", "created_at", "created_by", "updated_at", "updated_by", "account_name"]


POSTS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "status", "type": "text", "default": "draft"},
    {"name": "views", "type": "number"},
    {"name": "public", "type": "boolean"},
    {"name": "meta", "type": "json"},
    {"name": "due", "type": "datetime"},
    {"name": "day", "type": "date"},
    {"name": "mail", "type": "email"},
    {"name": "site", "type": "url"},
    {"name": "slug", "type": "text", "unique": True},
    {"name": "owner", "type": "user"},
]


@pytest.fixture(scope="module")
def server():
    running = Server(TIDEWIRE_RATE_LIMIT="off")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="module")
def world(server):
    made = World(server)
    made.collection("posts", POSTS)
    made.collection(
        "comments",
        [
            {"name": "text", "type": "text"},
            {"name": "post", "type": "reference", "collection": "posts", "on_delete": "cascade"},
            {"name": "kept", "type": "reference", "collection": "posts", "on_delete": "set_null"},
            {"name": "held", "type": "reference", "collection": "posts", "on_delete": "restrict"},
            {"name": "by", "type": "user"},
        ],
    )
    made.root.ok("POST", "/collections", {"name": "locked", "schema": [{"name": "title", "type": "text"}]})
    return made


@pytest.mark.parametrize(
    "method, path, status, answer",
    [
        ("GET", "/nothing", 404, {"detail": "Not Found"}),
        ("PUT", "/auth/login", 405, {"detail": "Method Not Allowed"}),
        ("GET", "/records/nosuch/1", 404, {"error": "Not found", "message": "Collection 'nosuch' not found"}),
        ("GET", "/records/nosuch", 403, {"detail": "Permission denied for list on nosuch (no rules defined)"}),
        ("GET", "/records/posts/nosuch", 404, {"error": "Not found", "message": "Record not found"}),
        ("DELETE", "/records/posts/nosuch", 404, {"error": "Not found", "message": "Record not found"}),
        ("GET", "/records/locked/1", 403, {"detail": "Access denied: view is locked for this collection"}),
        ("GET", "/records/locked", 403, {"detail": ANY}),
        ("DELETE", "/records/locked/1", 403, {"detail": ANY}),
    ],
)
def test_not_there(world, method, path, status, answer):
    assert world.a.send(method, path) == (status, answer)


FIELD = {
    "name": "title",
    "type": "text",
    "required": False,
    "default": None,
    "unique": False,
    "options": None,
    "collection": None,
    "on_delete": None,
    "pii": False,
    "mask_type": None,
    "encrypted": False,
    "expression": None,
    "return_type": None,
}


def test_collections(world):
    root = world.root
    made = root.ok("POST", "/collections", {"name": "books", "schema": [{"name": "title", "type": "text"}]})
    same(
        made,
        {"id": UUID, "name": "books", "table_name": "col_books", "schema": [FIELD], "created_at": NAIVE, "updated_at": NAIVE},
    )
    path = f"/collections/{made['id']}"
    assert root.ok("GET", path) == made
    closed = dict.fromkeys(PUBLIC, None)
    rules = root.ok("GET", "/collections/books/rules")
    names = ["id", "collection_id", *closed, "list_fields", "view_fields", "create_fields", "update_fields", "created_at", "updated_at"]
    assert list(rules) == names and {name: rules[name] for name in closed} == closed
    assert rules["collection_id"] == made["id"] and rules["view_fields"] == "*"
    changed = root.ok("PUT", "/collections/books/rules", {"view_rule": "created_by = @request.auth.id", "view_fields": '["id","title"]'})
    assert (changed["view_rule"], changed["view_fields"], changed["list_rule"]) == ("created_by = @request.auth.id", '["id","title"]', None)
    status, bad = root.send("PUT", "/collections/books/rules", {"list_rule": "title ="})
    assert status == 400 and bad["detail"].startswith("Invalid list_rule: ")
    wider = root.ok("PUT", path, {"schema": [{"name": "title", "type": "text"}, {"name": "pages", "type": "number"}]})
    assert [field["name"] for field in wider["schema"]] == ["title", "pages"]
    assert "books" in root.ok("GET", "/collections/names")["names"]
    listed = root.ok("GET", "/collections?page=1&page_size=2&sort_by=name&sort_order=asc&search=book")
    assert listed["items"] == [
        {"id": made["id"], "name": "books", "table_name": "col_books", "fields_count": 2, "records_count": 0, "has_public_access": False, "created_at": made["created_at"]}
    ]
    assert {name: listed[name] for name in ("total", "page", "page_size", "total_pages")} == {"total": 1, "page": 1, "page_size": 2, "total_pages": 1}
    conflict = root.send("POST", "/collections", {"name": "books", "schema": [{"name": "a", "type": "text"}]})
    assert conflict[0] == 409 and (conflict[1]["error"], conflict[1]["field"]) == ("Conflict", "name")
    assert root.send("GET", "/collections/books")[0] == 404
    gone = root.ok("DELETE", path)
    assert (gone["collection_id"], gone["collection_name"], gone["records_deleted"]) == (made["id"], "books", 0)
    assert root.send("GET", path)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "schema": [{"name": "a", "type": "text"}]},
        {"name": "1abc", "schema": [{"name": "a", "type": "text"}]},
        {"name": "with space", "schema": [{"name": "a", "type": "text"}]},
        {"name": "good", "schema": [{"name": "id", "type": "text"}]},
        {"name": "good", "schema": [{"name": "a", "type": "nothing"}]},
        {"name": "good", "schema": [{"name": "a", "type": "reference"}]},
        {"name": "good", "schema": [{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]},
    ],
    ids=str,
)
def test_bad_collections(world, body):
    status, answer = world.root.send("POST", "/collections", body)
    assert status in (400, 422), answer
    if status == 400:
        assert answer["error"] == "Validation error"


def test_a_record_and_its_keys(world):
    fields = {"title": "Hi", "views": 3, "public": True, "meta": {"a": [1, 2]}, "due": "2026-01-02T03:04:05Z", "day": "2026-01-02"}
    status, made = world.a.send("POST", "/records/posts", fields)
    assert status == 201 and list(made)[:7] == SYSTEM
    assert {name: made[name] for name in SYSTEM} == {
        "id": UUID,
        "account_id": world.a.account_id,
        "created_at": TIME,
        "created_by": world.a.id,
        "updated_at": TIME,
        "updated_by": world.a.id,
        "account_name": None,
    }
    assert {name: made[name] for name in fields} == fields and made["status"] == "draft"
    read = world.u.ok("GET", f"/records/posts/{made['id']}")
    assert {name: read[name] for name in fields} == fields
    assert (read["created_at"], read["mail"], read["owner"]) == (made["created_at"], None, None)
    assert world.b.send("GET", f"/records/posts/{made['id']}") == (404, {"error": "Not found", "message": "Record not found"})
    assert world.root.ok("GET", f"/records/posts/{made['id']}")["id"] == made["id"]
    patched = world.u.ok("PATCH", f"/records/posts/{made['id']}", {"views": 4})
    assert (patched["views"], patched["updated_by"], patched["title"]) == (4, world.u.id, "Hi")
    # PUT keeps what has no default, and resets what has one
    world.a.ok("PATCH", f"/records/posts/{made['id']}", {"status": "published"})
    put = world.a.ok("PUT", f"/records/posts/{made['id']}", {"title": "Ho"})
    assert (put["title"], put["views"], put["status"]) == ("Ho", 4, "draft")
    assert world.a.send("PUT", f"/records/posts/{made['id']}", {"views": 1})[0] == 400
    assert world.a.send("DELETE", f"/records/posts/{made['id']}") == (204, None)
    assert world.a.send("DELETE", f"/records/posts/{made['id']}")[0] == 404


@pytest.mark.parametrize(
    "fields, status, answer",
    [
        (
            {"zz": 1, "title": None, "views": "x"},
            400,
            invalid(
                ("zz", "Unknown field 'zz' not defined in collection schema", "unknown_field"),
                ("title", "Required field 'title' cannot be null", "required_null"),
                ("views", "Expected number value, got str", "invalid_type"),
            ),
        ),
        ({}, 400, invalid(("title", "Required field 'title' is missing", "required_missing"))),
        ({"title": 7}, 400, invalid(("title", ANY, "invalid_type"))),
        ({"title": "x", "public": "yes"}, 400, invalid(("public", ANY, "invalid_type"))),
        ({"title": "x", "views": True}, 400, invalid(("views", ANY, "invalid_type"))),
        ({"title": "x", "due": "yesterday"}, 400, invalid(("due", ANY, "invalid_datetime_format"))),
        ({"title": "x", "day": "2026-1-2"}, 400, invalid(("day", ANY, "invalid_date_format"))),
        ({"title": "x", "mail": "nope"}, 400, invalid(("mail", ANY, "invalid_email_format"))),
        ({"title": "x", "site": "nope"}, 400, invalid(("site", ANY, "invalid_url_format"))),
        (
            {"title": "x", "id": "mine"},
            422,
            {"detail": {"error": "Field access denied", "message": "Cannot create system fields via API: id", "unauthorized_fields": ["id"], "field_type": "system"}},
        ),
        ([1], 422, {"detail": ANY}),
    ],
    ids=str,
)
def test_bad_records(world, fields, status, answer):
    assert world.a.send("POST", "/records/posts", fields) == (status, answer)


def test_field_lists(world):
    made = world.a.ok("POST", "/records/posts", {"title": "x", "views": 1})
    world.rules("posts", view_fields='["id","title"]', list_fields='["views"]', update_fields='["views"]')
    try:
        assert set(world.a.ok("GET", f"/records/posts/{made['id']}")) == {*SYSTEM, "title"}
        assert set(world.a.ok("GET", "/records/posts")["items"][0]) == {*SYSTEM, "views"}
        world.a.ok("PATCH", f"/records/posts/{made['id']}", {"views": 2})
        status, answer = world.a.send("PATCH", f"/records/posts/{made['id']}", {"title": "y"})
        assert status == 422 and answer["detail"]["field_type"] == "restricted"
        assert answer["detail"]["unauthorized_fields"] == ["title"]
        assert "title" in world.root.ok("GET", f"/records/posts/{made['id']}")
    finally:
        world.rules("posts")


def test_rules_of_writes(world):
    world.rules("posts", create_rule="@request.data.status = 'draft'", update_rule="created_by = @request.auth.id", delete_rule=None)
    try:
        made = world.a.ok("POST", "/records/posts", {"title": "x", "status": "draft"})
        refused = (400, {"detail": "Record does not satisfy collection rules"})
        assert world.a.send("POST", "/records/posts", {"title": "x", "status": "published"}) == refused
        assert world.u.send("PATCH", f"/records/posts/{made['id']}", {"views": 1})[0] == 404
        assert world.a.send("PATCH", f"/records/posts/{made['id']}", {"views": 1})[0] == 200
        assert world.a.send("DELETE", f"/records/posts/{made['id']}")[0] == 403
        assert world.root.send("DELETE", f"/records/posts/{made['id']}")[0] == 204
    finally:
        world.rules("posts")


ROWS = [
    {"title": "a", "views": 1, "status": "draft", "public": True, "meta": {"k": 1}},
    {"title": "b", "views": 2, "status": "published"},
    {"title": "c'd", "views": -3, "status": "published", "due": "2026-01-02T03:04:05Z"},
    {"title": "B2", "status": "draft"},
]


@pytest.fixture(scope="module")
def library(world):
    world.collection("library", POSTS)
    world.a.ok("POST", "/records/library/batch", {"records": ROWS})
    world.b.ok("POST", "/records/library", {"title": "another account's"})
    return world.a


@pytest.mark.parametrize(
    "query, titles",
    [
        ({}, ["B2", "c'd", "b", "a"]),
        ({"filter": ""}, ["B2", "c'd", "b", "a"]),
        ({"sort": "+title"}, ["B2", "a", "b", "c'd"]),
        ({"sort": "-title"}, ["c'd", "b", "a", "B2"]),
        ({"sort": "title"}, ["c'd", "b", "a", "B2"]),
        ({"sort": "+status,-title"}, ["a", "B2", "c'd", "b"]),
        ({"sort": "+created_at"}, ["a", "b", "c'd", "B2"]),
        ({"sort": "-nothing"}, ["B2", "c'd", "b", "a"]),
        ({"sort": "+created_at", "skip": 1, "limit": 2}, ["b", "c'd"]),
        ({"filter": "title = 'a' && views > 0"}, ["a"]),
        ({"filter": 'title = "a" || views = 2'}, ["b", "a"]),
        ({"filter": "title = 'c\\'d'"}, ["c'd"]),
        ({"filter": "views < 0"}, ["c'd"]),
        ({"filter": "views = -3"}, ["c'd"]),
        ({"filter": "views * 2 >= 4"}, ["b"]),
        ({"filter": "views != 1"}, ["c'd", "b"]),
        ({"filter": "title ~ 'b%'"}, ["B2", "b"]),
        ({"filter": "title ~ 'b'"}, ["b"]),
        ({"filter": "views IS NULL"}, ["B2"]),
        ({"filter": "views is not null && due IS NULL"}, ["b", "a"]),
        ({"filter": "views = null"}, []),
        ({"filter": "public = TRUE"}, ["a"]),
        ({"filter": "public != true"}, ["B2", "c'd", "b"]),
        ({"filter": "status IN ('draft', 'other')"}, ["B2", "a"]),
        ({"filter": "!(status = 'draft')"}, ["c'd", "b"]),
        ({"filter": "(views = 1 || views = 2) && !(title = 'a')"}, ["b"]),
        ({"filter": "meta IS NOT NULL"}, ["a"]),
        ({"filter": "due >= '2026-01-01T00:00:00Z'"}, ["c'd"]),
    ],
    ids=str,
)
def test_lists(library, query, titles):
    status, answer = listing(library, "library", **query)
    assert status == 200, answer
    assert [item["title"] for item in answer["items"]] == titles
    assert list(answer) == ["items", "total", "skip", "limit"]
    assert (answer["skip"], answer["limit"]) == (query.get("skip", 0), query.get("limit", 30))
    assert answer["total"] == (4 if "skip" in query else len(titles))


@pytest.mark.parametrize(
    "query, status, answer",
    [
        ({"filter": "title ="}, 400, {"error": "Invalid filter expression", "message": "Unexpected token: EOF at position 7"}),
        ({"filter": "nothing = 1"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"filter": "title == 'a'"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"filter": "title = 'a' AND views = 1"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"filter": "created_by = @request.auth.id"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"filter": "views ~ 'x'"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"filter": "meta = 'x'"}, 400, {"error": "Invalid filter expression", "message": ANY}),
        ({"cursor": "nonsense"}, 400, {"error": "Invalid cursor", "message": ANY}),
        ({"expand": "title"}, 400, {"error": "Invalid expand field", "message": ANY}),
        ({"limit": 101}, 422, {"detail": ANY}),
        ({"limit": 0}, 422, {"detail": ANY}),
        ({"skip": -1}, 422, {"detail": ANY}),
        (
            {"status": "x"},
            400,
            {
                "error": "Unsupported query parameter",
                "message": "Direct query parameter filtering (e.g., ?status=x) is no longer supported. "
                "Use the 'filter' parameter instead: ?filter=status = \"x\"",
            },
        ),
    ],
    ids=str,
)
def test_bad_lists(library, query, status, answer):
    assert listing(library, "library", **query) == (status, answer)


def test_fields_of_a_list(library):
    answer = listing(library, "library", fields="title", filter="title = 'a'")[1]["items"][0]
    assert list(answer) == [*SYSTEM, "title"] and answer["account_name"] is None


def test_cursors(library):
    """Forth and back in steps of two."""
    first = listing(library, "library", cursor="", limit=2, sort="-title", include_count="true")[1]
    assert list(first) == ["items", "next_cursor", "prev_cursor", "has_more", "total"]
    assert (first["has_more"], first["total"]) == (True, 4)
    second = listing(library, "library", cursor=first["next_cursor"], limit=2, sort="-title")[1]
    assert (second["has_more"], second["total"]) == (False, None)
    back = listing(library, "library", cursor_before=second["prev_cursor"], limit=2, sort="-title")[1]
    titles = [[item["title"] for item in page["items"]] for page in (first, second, back)]
    assert titles == [["c'd", "b"], ["a", "B2"], ["c'd", "b"]]
    assert listing(library, "library", cursor="", cursor_before="")[0] == 400


@pytest.mark.parametrize(
    "query, results",
    [
        ({"functions": "count()"}, [{"count": 4}]),
        ({"functions": "count(),sum(views)", "group_by": "status"}, [{"count": 2, "sum_views": 1, "status": "draft"}, {"count": 2, "sum_views": -1, "status": "published"}]),
        ({"functions": "min(views),max(views),avg(views)"}, [{"min_views": -3, "max_views": 2, "avg_views": 0}]),
        ({"functions": "count()", "filter": "views > 0"}, [{"count": 2}]),
        ({"functions": "count()", "group_by": "public", "having": "count() > 2"}, [{"count": 3, "public": False}]),
    ],
    ids=str,
)
def test_aggregates(library, query, results):
    text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    answer = library.ok("GET", f"/records/library/aggregate?{text}")
    assert sorted(answer["results"], key=str) == sorted(results, key=str)
    assert list(answer) == ["results", "total_groups"] and answer["total_groups"] == len(results)


def test_references(world):
    """Expanded on demand; what a delete does to those that refer to it."""
    post = world.a.ok("POST", "/records/posts", {"title": "referred", "owner": world.u.id})["id"]
    comment = world.a.ok("POST", "/records/comments", {"text": "hi", "post": post, "by": world.a.id})
    expanded = world.a.ok("GET", f"/records/comments/{comment['id']}?expand=post.owner,by")
    user = ["id", "email", "first_name", "last_name", "avatar_url"]
    assert expanded["post"]["title"] == "referred" and list(expanded["by"]) == user
    assert expanded["post"]["owner"]["email"] == "u@example.com"
    assert listing(world.a, "comments", expand="post", filter=f"post = '{post}'")[1]["items"][0]["post"]["id"] == post
    bad = world.a.send("POST", "/records/comments", {"post": "nowhere"})
    assert bad[0] == 400
    kept = world.a.ok("POST", "/records/comments", {"kept": post})["id"]
    held = world.a.ok("POST", "/records/comments", {"held": post})["id"]
    assert world.a.send("DELETE", f"/records/posts/{post}")[0] == 409
    world.a.ok("DELETE", f"/records/comments/{held}")
    world.a.ok("DELETE", f"/records/posts/{post}")
    assert world.a.send("GET", f"/records/comments/{comment['id']}")[0] == 404
    assert world.a.ok("GET", f"/records/comments/{kept}")["kept"] is None


def test_batches(world):
    made = world.a.ok("POST", "/records/posts/batch", {"records": [{"title": "b1"}, {"title": "b2"}]})
    assert list(made) == ["created", "count"] and made["count"] == 2
    ids = [post["id"] for post in made["created"]]
    assert world.a.send("POST", "/records/posts/batch", {"records": [{"title": "b1"}, {}]}) == (
        400,
        {"error": "validation_error", "index": 1, "details": [{"field": "title", "message": "Required field 'title' is missing", "code": "required_missing"}]},
    )
    changes = [{"id": ids[0], "data": {"views": 1}}, {"id": "nowhere", "data": {"views": 1}}]
    status, answer = world.a.send("PATCH", "/records/posts/batch", {"records": changes})
    assert (status, answer["error"]) == (404, "not_found")
    assert world.a.ok("GET", f"/records/posts/{ids[0]}")["views"] is None
    assert world.a.ok("PATCH", "/records/posts/batch", {"records": changes[:1]})["updated"][0]["views"] == 1
    status, answer = world.a.send("POST", "/records/posts/batch", {"records": [{"title": "x"}] * 101})
    assert (status, answer["error"]) == (400, "batch_too_large")
    assert world.a.ok("DELETE", "/records/posts/batch", {"ids": ids}) == {"deleted": ids, "count": 2}


def test_records_in_two_dialects(world, server):
    """A superuser of PocketBase's dialect works in the account that it names, on the same records."""
    made = world.a.ok("POST", "/records/posts", {"title": "both"})
    path = f"/api/collections/posts/records/{made['id']}"
    status, seen = server.root.send("GET", path, headers={"X-Account-ID": "acme"})
    assert (status, seen["title"], seen["views"], seen["mail"]) == (200, "both", 0, "")
    assert server.root.send("GET", path, headers={"X-Account-ID": "beta"})[0] == 404
    assert Api(world.url).send("GET", path)[0] == 404
    assert server.root.send("PATCH", path, {"views": 5}, headers={"X-Account-ID": "acme"})[0] == 200
    assert world.a.ok("GET", f"/records/posts/{made['id']}")["views"] == 5


@pytest.mark.parametrize(
    "mask, value, masked",
    [
        ("email", "joe@x.com", "j***@x.com"),
        ("email", "no address", "no address"),
        ("ssn", "123-45-6789", "***-**-****"),
        ("ssn", "12-3", "**-*"),
        ("phone", "+1-555-123-4567", "+1-***-***-4567"),
        ("phone", "+15551234567", "+155-***-***-4567"),
        ("phone", "555 123 4567", "***-***-4567"),
        ("phone", "12a", "**a"),
        ("name", "Joe von Doe", "J*** v*** D***"),
        ("full", "abc d", "*****"),
        ("custom", "abc", "***"),
        (None, "abc", "***"),
    ],
)
def test_masks(world, mask, value, masked):
    """`u` is not in the group pii_access, `a` is."""
    name = f"masked_{mask}"
    if name not in world.root.ok("GET", "/collections/names")["names"]:
        world.collection(name, [{"name": "value", "type": "text", "pii": True, **({"mask_type": mask} if mask else {})}])
    made = world.a.ok("POST", f"/records/{name}", {"value": value})
    assert made["value"] == value
    assert world.u.ok("GET", f"/records/{name}/{made['id']}")["value"] == masked
    assert listing(world.u, name, filter=f"id = '{made['id']}'")[1]["items"][0]["value"] == masked


def test_values_come_back_as_they_were_sent(world):
    fields = {
        "title": "x",
        "due": "2026-01-02T03:04:05.120+02:00",
        "views": 0.1,
        "meta": {"z": 1, "a": [None, True, "é", 1.5, {}]},
        "mail": "A.B@Example.com",
        "site": "https://example.com/a?b=c#d",
    }
    made = world.a.ok("POST", "/records/posts", fields)
    for record in (made, world.u.ok("GET", f"/records/posts/{made['id']}")):
        assert {name: record[name] for name in fields} == fields


def test_unique(world):
    world.a.ok("POST", "/records/posts", {"title": "x", "slug": "taken"})
    status, answer = world.a.send("POST", "/records/posts", {"title": "x", "slug": "taken"})
    assert status in (400, 409), answer


def test_encrypted_fields_are_never_told(world):
    world.collection("vault", [{"name": "name", "type": "text"}, {"name": "secret", "type": "text", "encrypted": True}])
    made = world.a.ok("POST", "/records/vault", {"name": "n", "secret": "never told"})
    path = f"/records/vault/{made['id']}"
    hidden = "•" * 8
    assert made["secret"] == world.a.ok("GET", path)["secret"] == world.root.ok("GET", path)["secret"] == hidden
    assert world.a.ok("PATCH", path, {"name": "m"})["secret"] == hidden
    assert listing(world.a, "vault")[1]["items"][0]["secret"] == hidden


def test_secrets(world):
    """Encrypted values are told to API keys with a scope for it, of the record's account, under the view rule."""
    schema = [{"name": name, "type": "text", "encrypted": True} for name in ("secret", "other")]
    world.collection("safe", [{"name": "name", "type": "text"}, *schema])
    made = world.a.ok("POST", "/records/safe", {"name": "n", "secret": "never told é"})
    path = f"/records/safe/{made['id']}/secrets"

    def key_of(user, *scopes):
        key = user.ok("POST", "/admin/api-keys", {"name": "safe key", "scopes": list(scopes)})["key"]
        return Api(world.url, f"Bearer {key}")

    scope = "records:secrets:read"
    robot = key_of(world.a, scope)
    assert robot.ok("GET", f"/api/v1{path}") == {"data": {"secret": "never told é", "other": None}}
    assert robot.ok("GET", f"/api/v1{path}?fields=secret") == {"data": {"secret": "never told é"}}
    assert robot.send("GET", f"/api/v1{path}?fields=name")[0] == 400
    for refused in (world.a, world.root):
        assert refused.send("GET", path)[0] == 403
    assert key_of(world.a).send("GET", f"/api/v1{path}")[0] == 403
    assert key_of(world.b, scope).send("GET", f"/api/v1{path}")[0] == 404
    world.rules("safe", view_rule="name = 'else'")
    assert robot.send("GET", f"/api/v1{path}")[0] == 404
    world.rules("safe", view_fields='["name"]')
    assert robot.ok("GET", f"/api/v1{path}") == {"data": {}}


def test_computed_fields(world):
    schema = [
        {"name": "price", "type": "number"},
        {"name": "count", "type": "number"},
        {"name": "total", "type": "computed", "expression": "price * count", "return_type": "number"},
    ]
    world.collection("orders", schema)
    made = world.a.ok("POST", "/records/orders", {"price": 2.5, "count": 4, "total": 99})
    assert world.a.ok("GET", f"/records/orders/{made['id']}")["total"] == 10
    assert listing(world.a, "orders")[1]["items"][0]["total"] == 10


def test_headers(world):
    """What every answer carries."""


    connection = http.client.HTTPConnection(world.url.removeprefix("http://"))
    for sent, echoed in [({"X-Correlation-ID": "mine"}, "mine"), ({}, Like(r"cid_[0-9a-f]{12}"))]:
        connection.request("GET", "/api/v1/auth/me", headers=sent)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("WWW-Authenticate")) == (401, "Bearer")
        assert answer.getheader("X-Correlation-ID") == echoed
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
    connection.close()


def test_broken_bodies(world):


    connection = http.client.HTTPConnection(world.url.removeprefix("http://"))
    headers = {"Authorization": world.a.token, "Content-Type": "application/json"}
    for body in ("{", "", "[1]", "nul", '{"a":1}}'):
        connection.request("POST", "/api/v1/records/posts", body, headers)
        answer = connection.getresponse()
        detail = answer.read()
        assert answer.status == 422 and b'"detail":[' in detail, (body, detail)
    connection.close()


def test_export_and_import(world):
    made = world.collection("moved", [{"name": "a", "type": "text"}], view_rule="a = 'x'")
    data = world.root.ok("GET", f"/collections/export?collection_ids={made['id']}")
    assert [one["name"] for one in data["collections"]] == ["moved"]
    world.root.ok("DELETE", f"/collections/{made['id']}")
    world.root.ok("POST", "/collections/import", {"data": data, "strategy": "error"})
    assert world.root.ok("GET", "/collections/moved/rules")["view_rule"] == "a = 'x'"
    for strategy, status in [("error", 409), ("skip", 200), ("update", 200)]:
        assert world.root.send("POST", "/collections/import", {"data": data, "strategy": strategy})[0] == status


@pytest.mark.parametrize("rule", ["title =", "nothing = 1", "@nothing", "@request.auth.nothing = 1", "a" * 20, "title = 'x' AND views = 1"])
def test_bad_rules(world, rule):
    status, answer = world.root.send("PUT", "/collections/posts/rules", {"update_rule": rule})
    assert status == 400 and answer["detail"].startswith("Invalid update_rule: "), answer
