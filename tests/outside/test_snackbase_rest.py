"""SnackBase's REST without an SDK: accounts, collections, records, and its errors word by word."""

import base64
import json
from unittest.mock import ANY
from urllib.parse import quote

import pytest

from api import Api
from server import SUPERUSER, Server
from snackbase import NAIVE, PASSWORD, PUBLIC, TIME, USER, UUID, Like, User, World, sign_in

pytestmark = pytest.mark.tidewire

SYSTEM_ACCOUNT = "00000000-0000-0000-0000-000000000000"
JWT = Like(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
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


def same(answer, expected):
    """Equal, with the same order of keys."""
    assert answer == expected
    assert json.dumps(keys(answer)) == json.dumps(keys(expected))


def keys(value):
    if isinstance(value, dict):
        return {name: keys(item) for name, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else None


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_register_and_login(world):
    guest = User(world.url)
    body = {"email": "first@example.com", "password": PASSWORD, "account_name": "First", "account_slug": "first"}
    status, answer = guest.send("POST", "/auth/register", body)
    account = {"id": UUID, "slug": "first", "name": "First", "created_at": NAIVE}
    user = {"id": USER, "email": "first@example.com", "role": "admin", "is_active": True, "created_at": NAIVE}
    assert status == 201
    same(answer, {"message": ANY, "user": user, "account": account})
    signed_in = guest.ok("POST", "/auth/login", {"account": "first", "email": "first@example.com", "password": PASSWORD})
    same(
        signed_in,
        {"token": JWT, "refresh_token": JWT, "expires_in": 3600, "account": account, "user": user},
    )
    access, refresh = claims(signed_in["token"]), claims(signed_in["refresh_token"])
    who = {"user_id": user["id"], "account_id": account["id"]}
    for found, kind, seconds in [(access, "access", 3600), (refresh, "refresh", 604800)]:
        assert {name: found[name] for name in who} == {**who}
        assert (found["iss"], found["type"], found["sub"]) == ("snackbase", kind, found["user_id"])
        assert found["exp"] - found["iat"] == seconds
    assert (access["email"], access["role"]) == ("first@example.com", "admin") and refresh["jti"]


def test_login_by_code(world):
    codes = [account["account_code"] for account in world.root.ok("GET", "/accounts")["items"] if account["slug"] == "acme"]
    assert codes == [Like(r"[A-Z]{2}\d{4}")]
    for name in (codes[0], codes[0].lower(), "ACME"):
        assert sign_in(world.url, name, "a@example.com").account_id == world.a.account_id


def test_refresh_rotates(world):
    guest, first = User(world.url), sign_in(world.url, "acme", "u@example.com")
    renewed = guest.ok("POST", "/auth/refresh", {"refresh_token": first.refresh})
    same(renewed, {"token": JWT, "refresh_token": JWT, "expires_in": 3600})
    refused = (401, {"error": "Authentication failed", "message": "Invalid or expired refresh token"})
    assert guest.send("POST", "/auth/refresh", {"refresh_token": first.refresh}) == refused
    # a spent token that comes again ends all of them
    assert guest.send("POST", "/auth/refresh", {"refresh_token": renewed["refresh_token"]}) == refused
    assert guest.send("POST", "/auth/refresh", {"refresh_token": first.access}) == refused


def test_me_and_logout(world):
    user = sign_in(world.url, "beta", "b@example.com")
    me = {"user_id": user.id, "account_id": user.account_id, "email": "b@example.com", "role": "admin"}
    same(user.ok("GET", "/auth/me"), me)
    assert User(world.url).send("GET", "/auth/me") == (401, {"detail": "Missing authentication credentials"})
    for token in ("bad", user.refresh, user.access + "x"):
        assert Api(world.url, f"Bearer {token}").send("GET", "/api/v1/auth/me") == (401, {"detail": "Invalid token"})
    status, answer = user.send("POST", "/auth/logout", {})
    assert status == 200 and list(answer) == ["message"]
    assert User(world.url).send("POST", "/auth/refresh", {"refresh_token": user.refresh})[0] == 401


def registration(**changes):
    body = {"email": "n@example.com", "password": PASSWORD, "account_name": "New", "account_slug": "new", **changes}
    return {name: value for name, value in body.items() if value is not None}


def login(**changes):
    body = {"account": "acme", "email": "a@example.com", "password": PASSWORD, **changes}
    return {name: value for name, value in body.items() if value is not None}


def invalid(*details):
    names = ("field", "message", "code")
    return {"error": "Validation error", "details": [dict(zip(names, detail)) for detail in details]}


DENIED = {"error": "Authentication failed", "message": "Invalid credentials"}


@pytest.mark.parametrize(
    "path, body, status, answer",
    [
        ("register", registration(account_slug="acme"), 409, {"error": "Conflict", "message": "An account with this slug already exists", "field": "account_slug"}),
        ("register", registration(account_name=""), 400, invalid(("account_name", "Account name is required", "required"))),
        ("register", registration(password="Sh0rt!"), 400, invalid(("password", "Password must be at least 12 characters", "password_too_short"))),
        ("register", registration(password="alllowercase1!"), 400, invalid(("password", ANY, "password_no_uppercase"))),
        ("register", registration(password="ALLUPPERCASE1!"), 400, invalid(("password", ANY, "password_no_lowercase"))),
        ("register", registration(password="NoDigitsAtAll!"), 400, invalid(("password", ANY, "password_no_digit"))),
        ("register", registration(password="NoSpecials1234"), 400, invalid(("password", ANY, "password_no_special"))),
        ("register", registration(email="nope"), 422, {"detail": ANY}),
        ("register", registration(email=None), 422, {"detail": ANY}),
        ("login", login(account=None), 400, invalid(("account", "Account is required in multi-tenant mode", "required"))),
        ("login", login(password="wrong"), 401, DENIED),
        ("login", login(account="nowhere"), 401, DENIED),
        ("login", login(account="beta"), 401, DENIED),
        ("login", login(email="A@example.com"), 401, DENIED),
        ("login", login(email="nobody@example.com"), 401, DENIED),
        ("login", login(account="system"), 401, DENIED),
    ],
)
def test_auth_faults(world, path, body, status, answer):
    assert User(world.url).send("POST", f"/auth/{path}", body) == (status, answer)


def test_the_superadmin(world):
    me = world.root.ok("GET", "/auth/me")
    assert (me["account_id"], me["email"]) == (SYSTEM_ACCOUNT, SUPERUSER[0])
    for who in (world.a, world.u):
        for path in ("/collections", "/users", "/accounts"):
            assert who.send("GET", path) == (403, {"detail": "Superadmin access required"})
        refused = who.send("POST", "/collections", {"name": "mine", "schema": [{"name": "a", "type": "text"}]})
        assert refused == (403, {"detail": "Superadmin access required"})


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


def test_guests_name_their_account(world):
    guest = User(world.url)
    assert guest.send("GET", "/records/posts") == (
        400,
        {"detail": "X-Account-ID header is required for unauthenticated requests"},
    )
    made = world.a.ok("POST", "/records/posts", {"title": "for guests"})
    for name in ("acme", "ACME"):
        assert guest.ok("GET", f"/records/posts/{made['id']}", headers={"X-Account-ID": name})["id"] == made["id"]
    assert guest.send("GET", f"/records/posts/{made['id']}", headers={"X-Account-ID": "beta"})[0] == 404
    for name in ("nowhere", world.a.account_id):
        assert guest.send("GET", "/records/posts", headers={"X-Account-ID": name})[0] == 404
    world.rules("posts", list_rule="title = 'x'", view_rule=None)
    try:
        assert guest.send("GET", "/records/posts", headers={"X-Account-ID": "acme"})[0] == 401
    finally:
        world.rules("posts")


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


def listing(user, collection="library", **query):
    text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    return user.send("GET", f"/records/{collection}?{text}")


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
    status, answer = listing(library, **query)
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
    assert listing(library, **query) == (status, answer)


def test_fields_of_a_list(library):
    answer = listing(library, fields="title", filter="title = 'a'")[1]["items"][0]
    assert list(answer) == [*SYSTEM, "title"] and answer["account_name"] is None


def test_cursors(library):
    """Forth and back in steps of two."""
    first = listing(library, cursor="", limit=2, sort="-title", include_count="true")[1]
    assert list(first) == ["items", "next_cursor", "prev_cursor", "has_more", "total"]
    assert (first["has_more"], first["total"]) == (True, 4)
    second = listing(library, cursor=first["next_cursor"], limit=2, sort="-title")[1]
    assert (second["has_more"], second["total"]) == (False, None)
    back = listing(library, cursor_before=second["prev_cursor"], limit=2, sort="-title")[1]
    titles = [[item["title"] for item in page["items"]] for page in (first, second, back)]
    assert titles == [["c'd", "b"], ["a", "B2"], ["c'd", "b"]]
    assert listing(library, cursor="", cursor_before="")[0] == 400


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


def test_groups(world):
    made = world.a.ok("POST", "/groups", {"name": "editors"})
    assert made == {
        "name": "editors",
        "description": None,
        "id": UUID,
        "account_id": world.a.account_id,
        "account_code": Like(r"[A-Z]{2}\d{4}"),
        "member_count": 0,
        "created_at": ANY,
        "updated_at": ANY,
        "users": [],
    }
    path = f"/groups/{made['id']}"
    assert world.a.send("POST", f"{path}/users", {"user_id": world.u.id})[0] == 201
    assert [user["id"] for user in world.a.ok("GET", path)["users"]] == [world.u.id]
    world.rules("posts", list_rule='@has_group("editors")')
    try:
        world.a.ok("POST", "/records/posts", {"title": "for editors"})
        assert listing(world.u, "posts")[1]["total"] > 0 and listing(world.a, "posts")[1]["total"] == 0
    finally:
        world.rules("posts")
    assert world.a.send("DELETE", f"{path}/users/{world.u.id}")[0] == 204
    assert world.b.send("GET", path)[0] == 404
    assert {group["name"] for group in world.a.ok("GET", "/groups")} == {"pii_access", "editors"}
    assert world.a.send("DELETE", path)[0] == 204


def test_api_keys(world):
    status, made = world.a.send("POST", "/admin/api-keys", {"name": "key one"})
    assert status == 201 and made == {"name": "key one", "id": UUID, "key": Like(r"sb_ak\.[\w-]+\.[\w-]+"), "expires_at": None, "created_at": ANY, "scopes": []}
    world.a.ok("POST", "/records/posts", {"title": "by key"})
    for headers in ({"X-API-Key": made["key"]}, {"Authorization": f"Bearer {made['key']}"}):
        assert User(world.url).send("GET", "/records/posts", headers=headers)[0] == 200, headers
    listed = world.a.ok("GET", "/admin/api-keys")
    masked = next(key for key in listed["items"] if key["id"] == made["id"])
    assert made["key"] not in json.dumps(listed) and "..." in masked["key"]
    assert world.a.send("DELETE", f"/admin/api-keys/{made['id']}")[0] == 204
    assert User(world.url).send("GET", "/records/posts", headers={"X-API-Key": made["key"]})[0] == 401


def test_invitations(world):
    status, made = world.a.send("POST", "/invitations", {"email": "guest@example.com"})
    assert status == 201 and made["token"]
    assert User(world.url).ok("GET", f"/invitations/{made['token']}")["email"] == "guest@example.com"
    accepted = User(world.url).ok("POST", f"/invitations/{made['token']}/accept", {"password": PASSWORD})
    guest = User(world.url, accepted)
    assert (guest.account_id, accepted["user"]["role"]) == (world.a.account_id, "user")
    assert guest.send("GET", "/records/posts")[0] == 200
    assert world.a.ok("GET", "/invitations")["total"] >= 1
    other = world.a.ok("POST", "/invitations", {"email": "other@example.com"})
    assert world.a.send("DELETE", f"/invitations/{other['id']}")[0] == 204
    assert User(world.url).send("POST", f"/invitations/{other['token']}/accept", {"password": PASSWORD})[0] >= 400


def test_users_and_roles(world):
    body = {"email": "c@example.com", "password": PASSWORD, "account_id": world.b.account_id, "role_id": 2}
    status, made = world.root.send("POST", "/users", body)
    assert status == 201
    expected = {"email": "c@example.com", "account_id": world.b.account_id, "account_name": "Beta", "role_id": 2, "role_name": "user", "is_active": True, "auth_provider": "password"}
    assert {name: made[name] for name in expected} == expected
    world.root.ok("POST", f"/users/{made['id']}/verify", {})
    assert sign_in(world.url, "beta", "c@example.com").id == made["id"]
    world.root.send("PUT", f"/users/{made['id']}/password", {"new_password": PASSWORD + "!"})
    assert sign_in(world.url, "beta", "c@example.com", PASSWORD + "!").id == made["id"]
    assert {role["name"] for role in world.root.ok("GET", "/roles")["items"]} >= {"admin", "user"}
    role = world.root.ok("POST", "/roles", {"name": "editor"})
    assert world.root.ok("PATCH", f"/users/{made['id']}", {"role_id": role["id"]})["role_name"] == "editor"
    assert world.root.send("DELETE", f"/users/{made['id']}")[0] == 204
    assert User(world.url).send("POST", "/auth/login", {"account": "beta", "email": "c@example.com", "password": PASSWORD + "!"})[0] == 401
    assert world.root.ok("GET", f"/users/{made['id']}")["is_active"] is False


def test_health(world):
    health = Api(world.url).ok("GET", "/health")
    assert (health["status"], health["service"]) == ("healthy", "SnackBase")
    assert Api(world.url).send("GET", "/api/v1")[1]["api_version"] == "v1"


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
