"""Plain HTTP to a server, without any SDK."""

import http.client
import json
from urllib.parse import quote, urlsplit


class Api:
    """Requests of one identity, one connection for each."""

    def __init__(self, url, token=""):
        self.url = url
        self.token = token
        self.address = urlsplit(url).netloc

    def send(self, method, path, body=None, headers=None, timeout=30):
        """Return (status, answer); the answer is None where the body is empty."""
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if self.token:
            sent["Authorization"] = self.token
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, payload, sent)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def ok(self, method, path, body=None, headers=None):
        """Like `send`, for requests that must succeed: returns the answer only."""
        status, answer = self.send(method, path, body, headers)
        assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def sign_in(self, collection, identity, password):
        """Return an Api that acts as this record."""
        path = f"/api/collections/{collection}/auth-with-password"
        return Api(self.url, self.ok("POST", path, {"identity": identity, "password": password})["token"])

    def collection(self, name, fields, **options):
        """Create a base collection with public rules, unless `options` say otherwise."""
        rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
        body = {"name": name, "type": "base", **rules, "fields": fields, **options}
        return self.ok("POST", "/api/collections", body)

    def create(self, collection, **fields):
        return self.ok("POST", f"/api/collections/{collection}/records", fields)

    def update(self, collection, record, **fields):
        return self.ok("PATCH", f"/api/collections/{collection}/records/{record}", fields)

    def delete(self, collection, record):
        self.ok("DELETE", f"/api/collections/{collection}/records/{record}")

    def list(self, collection, **query):
        """All records of a collection in the order asked for."""
        items, page = [], 1
        while True:
            pairs = {"perPage": 500, "page": page, **query}
            text = "&".join(f"{key}={quote(str(value))}" for key, value in pairs.items())
            answer = self.ok("GET", f"/api/collections/{collection}/records?{text}")
            items += answer["items"]
            if page >= answer["totalPages"]:
                return items
            page += 1
