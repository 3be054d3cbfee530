"""A receiver of what hooks tell: it keeps each message by its path, and can leave callers without an answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deadline import wait_for


class Receiver:
    """`heard[path]` has every message that came whole, in the order in which they came."""

    def __init__(self):
        self.heard = {}
        self.held = {}
        self.holding = False
        self.lock = threading.Lock()
        self.released = threading.Event()
        # the socket is bound before anybody is told its port
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def count(self, path):
        with self.lock:
            return len(self.heard.get(path, ()))

    def messages(self, path):
        with self.lock:
            return list(self.heard.get(path, ()))

    def hold(self, *paths):
        """Answer nobody from now on, and return by path what came first and waits for its answer."""
        with self.lock:
            self.released.clear()
            self.held, self.holding = {}, True
        wait_for(lambda: all(path in self.held for path in paths), lambda: f"calls of {paths}; {self.held} came")
        with self.lock:
            return dict(self.held)

    def release(self):
        with self.lock:
            self.holding = False
            self.released.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def take(self, path, body):
        """Keep a message; True if its sender is to wait."""
        message = json.loads(body)
        with self.lock:
            self.heard.setdefault(path, []).append(message)
            if self.holding:
                self.held.setdefault(path, message)
            return self.holding

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    # its sender was killed
                    pass

            def do_POST(self):
                size = int(self.headers["Content-Length"])
                body = self.rfile.read(size)
                if len(body) < size:
                    raise ConnectionError("the message did not come whole")
                if receiver.take(self.path, body):
                    receiver.released.wait()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
