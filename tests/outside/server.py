"""A server in a process of its own, on a free loopback port and a temporary folder."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from api import Api
from deadline import wait_for

ROOT = Path(__file__).resolve().parents[2]
SUPERUSER = ("root@example.com", "root-password")

TARGET = os.environ.get("TARGET", "tidewire")


def binary():
    """The program under test: TARGET=pocketbase names the real one, for what both must do."""
    if "SERVER_BINARY" in os.environ:
        return os.environ["SERVER_BINARY"]
    if TARGET == "pocketbase":
        return str(ROOT / ".cache" / "python" / "bin" / "pocketbase")
    return str(ROOT / "target" / "release" / "tidewire")


# What the program says of the port it has taken, and of one that somebody else has.
LISTENS = re.compile(r"Tidewire listens on http://127\.0\.0\.1:(\d+)")
TAKEN = "in use"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Start, restart and end the program; requests of a superuser by `root`."""

    def __init__(self, *options, **settings):
        self.options = options
        self.settings = settings
        self.folder = tempfile.mkdtemp(prefix="outside-")
        # 0: the program takes one that is free, which nobody can take in between; a restart asks for the same again
        self.port = free_port() if TARGET == "pocketbase" else 0
        self.url = None
        self.process = None
        self.begun = 0
        self.root = None

    def start(self):
        self._spawn()
        wait_for(self._up, lambda: f"a healthy server; its output:\n{self.output()}")
        if self.root is None:
            self.command("superuser", "upsert", *SUPERUSER)
            self.root = Api(self.url).sign_in("_superusers", *SUPERUSER)
        return self

    def _spawn(self):
        with open(Path(self.folder) / "server.log", "ab") as log:
            self.begun = log.seek(0, os.SEEK_END)
            command = [binary(), "serve", f"--http=127.0.0.1:{self.port}", f"--dir={self.folder}/data", *self.options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **self.settings})

    def _up(self):
        said = self._said()
        if self.process.poll() is not None and TAKEN in said and "cannot listen" in said:
            # between two lives somebody else had the port for a moment
            self._spawn()
            return False
        if not self.port:
            found = LISTENS.search(said)
            self.port = int(found[1]) if found else 0
        self.url = f"http://127.0.0.1:{self.port}"
        return self.healthy()

    def _said(self):
        """The output since the last start."""
        with open(Path(self.folder) / "server.log", "rb") as log:
            log.seek(self.begun)
            return log.read().decode(errors="replace")

    def healthy(self):
        assert self.process.poll() is None, f"the server ended by itself; its output:\n{self.output()}"
        try:
            return Api(self.url).send("GET", "/api/health", timeout=2)[0] == 200
        except OSError:
            return False

    def output(self):
        return (Path(self.folder) / "server.log").read_text(errors="replace")[-4000:]

    def command(self, *words):
        """Run a command of the same program on the same folder and return its output."""
        done = subprocess.run(
            [binary(), *words, f"--dir={self.folder}/data"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def kill(self):
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """Ask the process to end and wait until it has."""
        self.process.terminate()
        self.process.wait(timeout=20)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
