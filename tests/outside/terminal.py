"""The client commands of the program under test, as somebody at a terminal or a script runs them."""

import json
import os
import queue
import subprocess
import threading

from server import binary


def run(*words, stdin=None, url=None, token=None, **environment):
    """Run a command to its end: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [binary(), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=surroundings(url, token, environment),
    )
    return done.returncode, done.stdout, done.stderr


def surroundings(url, token, more=None):
    told = {"TIDEWIRE_URL": url, "TIDEWIRE_TOKEN": token, **(more or {})}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
    return {**kept, **{name: value for name, value in told.items() if value is not None}}


class Client:
    """Commands of one identity against one server."""

    def __init__(self, server, token):
        self.url, self.token = server.url, token

    def __call__(self, *words, **more):
        return run(*words, url=self.url, token=self.token, **more)

    def ok(self, *words, **more):
        code, out, err = self(*words, **more)
        assert code == 0, f"{words}: {code}\n{out}{err}"
        return out

    def fails(self, code, *words, **more):
        """The command's sentence; it is one, and nothing was printed."""
        found, out, err = self(*words, **more)
        assert (found, out) == (code, ""), f"{words}: {found}\n{out}{err}"
        lines = err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("tidewire: "), err
        return lines[0].removeprefix("tidewire: ")

    def start(self, *words):
        return Program(words, self.url, self.token)


class Program:
    """A command that goes on: its lines as they come."""

    def __init__(self, words, url, token):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [binary(), *words], stdout=pipe, stderr=pipe, text=True, env=surroundings(url, token)
        )
        self.out, self.err = queue.Queue(), queue.Queue()
        for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            threading.Thread(target=self.read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def read(stream, lines):
        for line in stream:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def line(self):
        line = self.out.get(timeout=60)
        assert line is not None, "the command ended"
        return line

    def event(self):
        return json.loads(self.line())

    def told(self, words):
        """Wait until stderr has a line with these words."""
        while True:
            line = self.err.get(timeout=60)
            assert line is not None, f"nothing was said of {words!r}"
            if words in line:
                return line

    def close(self):
        self.process.kill()
        self.process.wait()
