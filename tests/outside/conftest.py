"""Fixtures; the programs under test are started in server.py."""

import pytest

from server import TARGET, Server


def pytest_configure(config):
    config.addinivalue_line("markers", "tidewire: what the real PocketBase does not do")


def pytest_collection_modifyitems(items):
    for item in items:
        if TARGET == "pocketbase" and item.get_closest_marker("tidewire"):
            item.add_marker(pytest.mark.skip(reason="not a promise of PocketBase"))


@pytest.fixture(scope="module")
def server():
    """One running server for the tests of a file."""
    running = Server()
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def fresh_server():
    """A running server of its own for a test that stops it."""
    running = Server()
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def opened():
    """What a test opens is closed after it."""
    gathered = []
    yield lambda connection: gathered.append(connection) or connection
    for connection in gathered:
        connection.close()


@pytest.fixture(scope="module")
def world(server):
    """The server with a collection `posts` that is open to everybody, and a user of it."""
    # what it imports is not in the environment of every folder
    from snackbase import PUBLIC, register, superadmin

    server.user = register(server.url, "acme", "a@example.com")
    schema = [{"name": "title", "type": "text"}]
    superadmin(server.url).ok("POST", "/collections", {"name": "posts", "schema": schema, **PUBLIC})
    return server
