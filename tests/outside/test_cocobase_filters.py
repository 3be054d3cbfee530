"""CocoBase's filters: one table, asked over REST and over watching sockets."""

from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from cocobase import Project, text_of

pytestmark = pytest.mark.tidewire

DOCUMENT = {
    "status": "active",
    "age": 25,
    "score": 2.50,
    "vip": True,
    "name": "John Doe",
    "email": "admin@gmail.com",
    "tags": ["a", "b"],
    "n": None,
    "due": "2025-03-01",
    "role": "mod",
    "author": {"role": "admin"},
    "first_name": "Jo",
}


class Case(NamedTuple):
    filters: dict
    matches: bool
    # where a query string means something else, having only texts; None: it has no such filter
    rest: Any = ...


def yes(rest=..., **filters):
    return Case(filters, True, rest)


def no(rest=..., **filters):
    return Case(filters, False, rest)


CASES = [
    yes(),
    yes(status="active"),
    no(status="Active"),
    yes(status_eq="active"),
    yes(status__eq="active"),
    yes(status_ne="inactive"),
    no(status_ne="active"),
    no(missing_ne="x"),
    no(missing="x"),
    no(n_ne="x"),
    yes(age_gt="18"),
    yes(age__gte="18"),
    no(age_gt=25),
    yes(age_gte=25),
    no(age_lt="9"),
    yes(age_lte="65"),
    yes(age="25"),
    yes(age=25),
    yes(age=25.0),
    no(age="x"),
    no(age_gt="x"),
    yes(score="2.5"),
    yes(score_gt="2.4"),
    no(score_gt=2.5),
    yes(vip=True),
    yes(vip="true"),
    yes(vip="True"),
    no(vip="1"),
    yes(name_contains="john"),
    no(name_contains="J_hn"),
    no(name_contains="J%n"),
    yes(name_icontains="DOE"),
    yes(email_startswith="ADMIN"),
    no(email_startswith="gmail"),
    yes(email_endswith="@GMAIL.com"),
    yes(role_in="admin, mod"),
    yes(role_in=["admin", "mod"]),
    no(role_in="admin"),
    no(role_in=[]),
    yes(age_in="24,25"),
    yes(age_in=[24, 25]),
    yes(role_notin="admin,user"),
    no(role_notin="admin,mod"),
    yes(role_notin=[]),
    no(missing_notin="a"),
    yes(n_isnull="true"),
    yes(gone_isnull=True),
    yes(gone_isnull="1"),
    yes(gone_isnull="YES"),
    no(gone_isnull="no"),
    yes(status_isnull="false"),
    no(n_isnull="false"),
    yes(tags="b"),
    yes(tags_in="b,z"),
    yes(tags_contains="b"),
    no(tags="ab"),
    yes(due_lt="2025-04-01"),
    yes(due_gte="2025-03-01T00:00:00Z"),
    no(due_gt="2025-03-01T00:00:00Z"),
    no(name_gt=5, rest=True),
    yes(name_gt="A"),
    yes(first_name="Jo"),
    yes(first_name_startswith="j"),
    yes(status="active", age_gte="18", role_in="admin,moderator,mod"),
    no(status="active", age_gte="26"),
    Case({"[or]age_gte": 65, "[or]role": "mod"}, True),
    Case({"[or]age_gte": 65, "[or]role": "x"}, False),
    Case({"status": "x", "[or]role": "mod"}, False),
    Case({"[or:a]age_gt": 99, "[or:a]vip": True, "[or:b]role": "admin"}, False),
    Case({"[or:a]age_gt": 99, "[or:a]vip": True, "[or:b]role": "mod"}, True),
    Case({"[or]name__or__email_contains": "gmail", "[or]age": 1}, True),
    yes(name__or__email_contains="gmail"),
    yes(name__or__email_contains="doe"),
    no(name__or__email_contains="smith"),
    yes(status__and__role_ne="zzz"),
    no(status__and__role_ne="mod"),
    yes(x=None),
    no(x=None, status="inactive"),
    # a document's own path for sockets, the document that it names for REST
    Case({"author.role": "admin"}, True, None),
    Case({"author.role": "mod"}, False, None),
]


@pytest.fixture(scope="module")
def project(server):
    made = Project(server, "filters")
    yield made
    made.close()


def query_of(filters):
    pairs = ((key, text_of(value)) for key, value in filters.items() if value is not None)
    return "&".join(f"{quote(key)}={quote(value)}" for key, value in pairs)


def test_rest(project):
    document = project.create("asked", **DOCUMENT)["id"]
    project.create("asked", name="of no use")
    found = {}
    for case in CASES:
        if case.rest is not None:
            path = f"/collections/asked/documents?{query_of(case.filters)}"
            answer = [document["id"] for document in project.ok("GET", path)]
            count = project.ok("GET", f"/collections/asked/query/documents/count?{query_of(case.filters)}")
            assert count == {"count": len(answer)}, case
            found[str(case.filters)] = document in answer
    wanted = {str(case.filters): case.matches if case.rest is ... else case.rest for case in CASES}
    assert found == {filters: wanted[filters] for filters in found}


def test_repeated_keys_are_kept(project):
    for role in ("admin", "mod", "user"):
        project.create("repeated", role=role)
    answer = project.ok("GET", "/collections/repeated/documents?[or]role=admin&[or]role=user&sort=role&order=asc")
    assert [document["data"]["role"] for document in answer] == ["admin", "user"]


def test_sockets(project):
    """Deletes are filtered by what was stored last; the end of the collection is heard by all."""
    project.ok("POST", "/collections/", {"name": "watched"})
    watchers = [project.watch("watched", filters=case.filters) for case in CASES]
    document = project.create("watched", **DOCUMENT)["id"]
    project.delete("watched", document)
    project.drop("watched")
    for case, watcher in zip(CASES, watchers):
        assert watcher.end() == (1008, ""), case
        confirmed, *events, gone = watcher.frames
        echoed = {"filters": case.filters} if case.filters else {}
        assert confirmed == {"event": "connected", "collection_id": "watched", **echoed}
        heard = [(event["event"], event["data"]["id"]) for event in events]
        assert heard == ([("create", document), ("delete", document)] if case.matches else []), case
        assert gone == {"error": "Collection not found or access denied"}


def test_updates_are_filtered_by_what_they_lead_to(project):
    project.ok("POST", "/collections/", {"name": "changing"})
    watcher = project.watch("changing", filters={"status": "active"})
    document = project.create("changing", status="new", kept=1)["id"]
    project.update("changing", document, status="active", added=2)
    project.update("changing", document, added=2)
    project.update("changing", document, added=[3])
    project.update("changing", document, status="gone")
    project.delete("changing", document)
    project.drop("changing")
    watcher.end()
    heard = [(event["event"], event["old_data"]) for event in watcher.frames[1:-1]]
    assert heard == [("update", {"status": "new"}), ("update", {}), ("update", {"added": 2})]
