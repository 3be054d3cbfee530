"""A Python process that runs pieces of user code and whose output is awaited."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from deadline import wait_for

FOLDER = Path(__file__).resolve().parent

# Printed by interpreter.py after each piece of code.
DONE = "--done--"


def block(name, url, **placeholders):
    """The text of a code block from blocks/, with its address and placeholders filled in."""
    text = (FOLDER / "blocks" / f"{name}.py").read_text()
    for placeholder, value in {"http://127.0.0.1:8090": url, **placeholders}.items():
        text = text.replace(placeholder, value)
    return text


class Session:
    """Run code with `run`; what it prints gathers in `lines`."""

    def __init__(self, code=""):
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(FOLDER / "interpreter.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        self.lines = []
        self.done = 0
        self.asked = 0
        threading.Thread(target=self._read, daemon=True).start()
        if code:
            self.run(code)

    def _read(self):
        for line in self.process.stdout:
            if line.rstrip("\n") == DONE:
                self.done += 1
            else:
                self.lines.append(line.rstrip("\n"))

    def start(self, code):
        """Execute code that may never end."""
        self.asked += 1
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()

    def run(self, code, seconds=30):
        """Execute code and wait until it is through."""
        self.start(code)
        self.wait(lambda: self.done >= self.asked, f"the end of:\n{code}", seconds)

    def expect(self, *lines, seconds=20):
        """Wait until exactly these lines have been printed, and forget them."""
        wanted = list(lines)
        self.wait(lambda: len(self.lines) >= len(wanted), f"the lines {wanted}", seconds)
        assert self.lines == wanted
        self.lines.clear()

    def wait(self, condition, what, seconds=20):
        def reached():
            # What the process has printed counts also when it has ended.
            return condition() or self.process.poll() is not None

        wait_for(reached, lambda: f"{what}; printed: {self.lines}", seconds)
        assert condition(), f"the process ended before {what}; printed: {self.lines}"

    def finish(self, seconds=30):
        """End the program as it would end by itself, exit handlers included."""
        self.process.stdin.close()
        assert self.process.wait(timeout=seconds) == 0, self.lines

    def close(self):
        self.process.kill()
        self.process.wait()
