"""A relay in front of a server: keeps its port open while the server is away, as a proxy does."""

import socket
import threading

from deadline import wait_for


class Relay:
    """Pass bytes on; `cut` breaks every connection."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """The newest first: who comes back for a broken stream must not find a kept connection that is broken next."""
        broken, self.open = self.open, []
        for end in reversed(broken):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = wait_for(self._connect, "the server to come back", 60)
        self.open += [client, server]
        threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
        self._pass(server, client)

    def _connect(self):
        try:
            return socket.create_connection(self.target)
        except OSError:
            return None

    def _pass(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class HoldingRelay(Relay):
    """Passes answers on, but of an event stream only the head: the rest waits for a buffer that never fills."""

    def _pass(self, source, sink):
        super()._pass(Held(source), sink)


class Held:
    """A socket whose event streams end with their heads for whoever reads it."""

    def __init__(self, socket):
        self.socket = socket
        self.shutdown = socket.shutdown

    def recv(self, size):
        data = self.socket.recv(size)
        if not (data.startswith(b"HTTP/1.1 200") and b"text/event-stream" in data):
            return data
        head, end, _ = data.partition(b"\r\n\r\n")
        self.recv = self._hold
        return head + end

    def _hold(self, size):
        while self.socket.recv(size):
            pass
        return b""
