"""The README's two programs, unchanged but for the address."""

import re
import subprocess
import sys
import threading

import pytest

from server import ROOT, Server

ADDRESS = "http://127.0.0.1:8090"
HEARD = ["create hello", "update hello again", "delete hello again"]

pytestmark = pytest.mark.tidewire


@pytest.fixture(scope="module")
def running():
    server = Server().start()
    server.command("superuser", "upsert", "root@example.com", "correct horse")
    server.root = server.root.sign_in("_superusers", "root@example.com", "correct horse")
    server.root.collection("posts", [{"name": "title", "type": "text"}])
    yield server
    server.close()


def block(language, url):
    """The README's only block of a language."""
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(found) == 1 and ADDRESS in found[0]
    return found[0].replace(ADDRESS, url)


def check(command, folder):
    """A program that goes on listening has said what it must."""
    program = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    # a program that says nothing would be waited for without end
    deadline = threading.Timer(30, program.kill)
    deadline.start()
    try:
        for line in program.stdout:
            lines.append(line.strip())
            if lines == HEARD:
                return
        raise AssertionError(f"the program ended: {lines}")
    finally:
        deadline.cancel()
        program.kill()
        program.wait()


def test_python(running):
    check([sys.executable, "-u", "-c", block("python", running.url)], ROOT)


def test_javascript(running):
    running.root.ok("DELETE", "/api/collections/posts")
    code = block("js", running.url)
    check(["node", "--input-type=module", "--eval", code], ROOT / "tests" / "outside" / "node")
