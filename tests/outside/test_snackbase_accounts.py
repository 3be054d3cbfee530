"""SnackBase's accounts without an SDK: users, their tokens and keys, groups, roles, invitations."""

import base64
import json
from unittest.mock import ANY

import pytest

from api import Api
from server import SUPERUSER, Server
from snackbase import NAIVE, PASSWORD, POSTS, USER, UUID, Like, User, World, invalid, listing, same, sign_in

pytestmark = pytest.mark.tidewire

SYSTEM_ACCOUNT = "00000000-0000-0000-0000-000000000000"
JWT = Like(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


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
    return made


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
