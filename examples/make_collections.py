"""Makes the collections of an example: make_collections.py URL EMAIL PASSWORD FILE"""

import json
import sys
import urllib.request


def send(method, url, body, token=""):
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def main(url, email, password, file):
    sign_in = f"{url}/api/collections/_superusers/auth-with-password"
    token = send("POST", sign_in, {"identity": email, "password": password})["token"]
    with open(file) as text:
        send("PUT", f"{url}/api/collections/import", {"collections": json.load(text)}, token)


main(*sys.argv[1:])
