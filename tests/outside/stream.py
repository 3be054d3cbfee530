"""An event stream read byte by byte as the wire has it, without any SDK."""

import json
import socket
import threading
from urllib.parse import urlsplit

from api import Api
from deadline import wait_for


class Event:
    """One event: `id`, `name` and the JSON of its data."""

    def __init__(self, text):
        fields = dict(line.split(":", 1) for line in text.split("\n"))
        self.id = fields.get("id", "")
        self.name = fields.get("event", "message")
        self.data = json.loads(fields["data"])


class Stream:
    """Connect, subscribe, and gather `events` on a thread until the connection ends."""

    def __init__(self, url, topics=(), token="", last_event_id="", receive_buffer=0, **headers):
        self.url = url
        self.events = []
        self.comments = 0
        self.ended = threading.Event()
        self.reading = threading.Event()
        self.reading.set()
        self.client_id = ""
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.socket = self._connect(receive_buffer, headers)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        wait_for(lambda: self.client_id or self.ended.is_set(), "PB_CONNECT")
        if topics:
            self.subscribe(topics, token)

    def _connect(self, receive_buffer, headers):
        address = urlsplit(self.url)
        made = socket.socket()
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.connect((address.hostname, address.port))
        lines = ["GET /api/realtime HTTP/1.1", f"Host: {address.netloc}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        made.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return made

    def subscribe(self, topics, token=""):
        body = {"clientId": self.client_id, "subscriptions": list(topics)}
        Api(self.url, token).ok("POST", "/api/realtime", body)

    def pause(self):
        """Stop reading; what the server sends stays in the socket."""
        self.reading.clear()

    def resume(self):
        self.reading.set()

    def wait(self, count, seconds=30):
        """The first `count` events, waited for."""
        wait_for(lambda: len(self.events) >= count, lambda: f"{count} events; {len(self.events)} came", seconds)
        return self.events[:count]

    def close(self):
        self.reading.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.socket.close()

    def _read(self):
        try:
            with self.socket.makefile("rb") as body:
                while body.readline().strip():
                    pass
                self._events(self._chunks(body))
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()

    def _chunks(self, body):
        while True:
            self.reading.wait()
            size = int(body.readline(), 16)
            chunk = body.read(size)
            body.readline()
            if not size or len(chunk) < size:
                return
            yield chunk

    def _events(self, chunks):
        rest = b""
        for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n\n")
            for text in whole:
                if text.startswith(b":"):
                    self.comments += 1
                elif text:
                    self._take(Event(text.decode()))

    def _take(self, event):
        if event.name == "PB_CONNECT":
            self.client_id = event.data["clientId"]
        else:
            self.events.append(event)
