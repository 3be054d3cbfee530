"""Threads that create records and remember which creates were acknowledged."""

import threading

from api import Api


class Writers:
    """Each writer has one request in flight; a record's title is `WRITER-NUMBER`."""

    def __init__(self, url, collection, count, records=None, padding=""):
        self.acknowledged = [[] for _ in range(count)]
        self.failures = []
        self.stopping = threading.Event()
        self.path = f"/api/collections/{collection}/records"
        self.padding = padding
        self.threads = [
            threading.Thread(target=self._write, args=(Api(url), number, records)) for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def _write(self, api, number, records):
        made = 0
        while not self.stopping.is_set() and (records is None or made < records):
            body = {"title": f"{number}-{made}", "text": self.padding}
            made += 1
            try:
                status, answer = api.send("POST", self.path, body)
            except (OSError, ValueError) as error:
                # The server went away: the outcome of this write is unknown.
                self.failures.append(error)
                return
            if status == 200:
                self.acknowledged[number].append(answer["id"])
            else:
                self.failures.append(answer)

    def count(self):
        return sum(map(len, self.acknowledged))

    def ids(self):
        return {record for records in self.acknowledged for record in records}

    def join(self):
        for thread in self.threads:
            thread.join()
        return self

    def stop(self):
        self.stopping.set()
        return self.join()
