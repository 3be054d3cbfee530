"""Checks that a request of a hook over HTTP came from your server. Standard library only."""

import base64
import hashlib
import hmac
import time

TOLERANCE = 5 * 60  # seconds


def verify(secret: str, headers: dict, body: bytes, now: float | None = None) -> bool:
    """headers: names in lower case; body: the bytes as they came, before any parsing."""
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        signatures = headers["webhook-signature"]
        age = abs((time.time() if now is None else now) - int(timestamp))
    except (KeyError, ValueError):
        return False
    if age > TOLERANCE:
        return False  # somebody sends again what was overheard
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, given) for given in signatures.split(" "))


if __name__ == "__main__":
    import sys

    # verify.py SECRET ID TIMESTAMP SIGNATURE < BODY
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    sound = verify(sys.argv[1], dict(zip(names, sys.argv[2:5])), sys.stdin.buffer.read())
    sys.exit(0 if sound else 1)
