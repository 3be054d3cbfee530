"""Every recorded answer of PocketBase to filters, rules and field writes (tests/oracle)."""

import json
import re
from urllib.parse import quote

import pytest

from server import ROOT

ROWS = "/api/collections/ff/records"
RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


def cases(name):
    found = json.loads((ROOT / "tests" / "oracle" / f"{name}.json").read_text())
    return [pytest.param(case, id=str(case["n"])) for case in found]


@pytest.fixture(scope="module")
def root(server):
    """The superuser of a server that holds the fixture."""
    ids = {}
    for request in json.loads((ROOT / "tests" / "oracle" / "fixture.json").read_text()):
        text = json.dumps(request["body"])
        text = re.sub("<id of collection ([a-z]+)>", lambda found: ids[found[1]], text)
        answer = server.root.ok(request["method"], request["path"], json.loads(text))
        if request["path"] == "/api/collections":
            ids[answer["name"]] = answer["id"]
    return server.root


@pytest.fixture(scope="module")
def guest(server, root):
    return type(root)(server.url)


@pytest.fixture(scope="module")
def user(server, guest):
    return guest.sign_in("users", "user@example.com", "password")


def same(left, right):
    """Equal as JSON: true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def numbers(answer):
    return [int(item["id"][-3:]) for item in answer["items"]]


def norm(value):
    """1.0 and 1 are the same JSON number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [norm(item) for item in value]
    if isinstance(value, dict):
        return {key: norm(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("case", cases("filters"))
def test_filter(case, root, guest):
    path = f"{ROWS}?perPage=200&sort=id&filter={quote(case['filter'], safe='')}"
    for who, api in (("guest", guest), ("superuser", root)):
        status, answer = api.send("GET", path, headers={"Accept-Encoding": "gzip;q=0"})
        expected = case[who]
        if isinstance(expected, dict):
            found = {key: answer.get(key) for key in expected}
        else:
            found = numbers(answer) if status == 200 else answer
        assert same(found, expected), f"{who}: {case['filter']}: {found}, not {expected}"


@pytest.fixture
def rows(root):
    """Rows of `ff` are put back, in place, after the test."""
    before = root.list("ff", sort="@rowid")
    yield before
    root.ok("PATCH", "/api/collections/ff", dict.fromkeys(RULES, ""))
    kept = {row["id"] for row in before}
    after = {row["id"]: row for row in root.list("ff")}
    for extra in set(after) - kept:
        root.delete("ff", extra)
    for row in before:
        if row["id"] not in after:
            root.create("ff", **row)
        elif after[row["id"]] != row:
            root.update("ff", row["id"], **row)


def request_of(case):
    kind, body = case["kind"], case.get("body") or {}
    method, path = {
        "updateRule": ("PATCH", f"{ROWS}/rowrowrowrow002"),
        "viewRule": ("GET", f"{ROWS}/rowrowrowrow002"),
        "deleteRule": ("DELETE", f"{ROWS}/rowrowrowrow009"),
        "createRule": ("POST", ROWS),
        "listRule": ("GET", f"{ROWS}?sort=id&perPage=200"),
    }[kind]
    if "query" in case:
        path += ("&" if "?" in path else "?") + case["query"]
    return method, path, body if method in ("PATCH", "POST") else None


@pytest.mark.parametrize("case", cases("rules"))
def test_rule(case, root, guest, user, rows):
    rules = {**dict.fromkeys(RULES, ""), case["kind"]: case["rule"]}
    status, answer = root.send("PATCH", "/api/collections/ff", rules)
    expected = case["result"]
    if "rule_status" in expected:
        assert status == expected["rule_status"], answer
        found, told = answer["data"][case["kind"]], expected["rule_error"][case["kind"]]
        assert found["code"] == told["code"]
        assert found["message"].split("Raw error:")[0] == told["message"].split("Raw error:")[0]
        return
    assert status == 200, answer
    who = user if case["who"] == "user" else guest
    method, path, body = request_of(case)
    status, answer = who.send(method, path, body, case.get("headers"))
    found = {"status": status}
    for key in expected.keys() - {"status"}:
        found[key] = numbers(answer) if key == "ids" else (answer or {}).get(key)
    assert same(found, expected), f"{case['rule']}: {found}, not {expected}"


@pytest.mark.parametrize("case", cases("validation"))
def test_validation(case, root, guest):
    path = "/api/collections/vt/records"
    try:
        for _ in range(2 if case.get("twice") else 1):
            status, answer = guest.send("POST", path, case["body"])
        assert status == case["status"], answer
        found = answer["data"] if status == 400 else {key: answer.get(key) for key in case["result"]}
        assert same(norm(found), norm(case["result"])), f"{case['body']}: {found}, not {case['result']}"
    finally:
        for record in root.list("vt"):
            root.delete("vt", record["id"])
