"""A WebSocket read frame by frame as the wire has them, without any SDK."""

import json
import socket
import threading

import websocket

from deadline import wait_for


class WebSocket:
    """A WebSocket; its frames gather in `frames`, its end in `closed` as (code, reason)."""

    def __init__(self, url, path, **options):
        address = url.replace("http", "ws", 1) + path
        self.connection = websocket.create_connection(address, timeout=30, **options)
        self.connection.settimeout(None)
        self.protocol = self.connection.handshake_response.headers.get("sec-websocket-protocol")
        self.frames = []
        self.closed = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def send(self, message):
        """Send a message: an object as JSON, a text as it is, bytes as a binary frame."""
        if isinstance(message, bytes):
            self.connection.send_binary(message)
        else:
            self.connection.send(message if isinstance(message, str) else json.dumps(message))

    def wait(self, count):
        wait_for(lambda: len(self.frames) >= count or self.closed, lambda: f"{count} frames; {self.frames}")
        assert len(self.frames) >= count, (self.closed, self.frames)
        return self.frames[:count]

    def end(self):
        """The close frame, waited for."""
        wait_for(lambda: self.closed, lambda: f"the end; {self.frames}")
        return self.closed

    def close(self):
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self.thread.join(10)
        self.connection.shutdown()

    def _read(self):
        try:
            while True:
                opcode, frame = self.connection.recv_data_frame(True)
                if opcode == websocket.ABNF.OPCODE_TEXT:
                    self.frames.append(json.loads(frame.data))
                elif opcode == websocket.ABNF.OPCODE_CLOSE:
                    data = frame.data if isinstance(frame.data, bytes) else frame.data.encode()
                    self.closed = (int.from_bytes(data[:2], "big"), data[2:].decode())
                    return
        except (OSError, ValueError, websocket.WebSocketException) as error:
            self.closed = self.closed or (1006, repr(error))
