"""The process in which a code block runs: executes what comes on stdin, one JSON text a line."""

import json
import sys
import threading

DONE = "--done--"


class Lines:
    """Standard output for several threads: `print` writes a line in pieces, here each line goes out whole."""

    def __init__(self, out):
        self.out = out
        self.lock = threading.Lock()
        self.begun = threading.local()

    def write(self, text):
        whole, newline, rest = (getattr(self.begun, "text", "") + text).rpartition("\n")
        self.begun.text = rest
        if newline:
            with self.lock:
                self.out.write(whole + newline)
                self.out.flush()
        return len(text)

    def __getattr__(self, name):
        return getattr(self.out, name)


def watch_bosbase(scope):
    """Give the session `settle()`: wait until the SDK's own thread has posted the topics, then post them again.

    The SDK posts the topics from two threads at the first connect; whichever arrives last counts.
    """
    from bosbase.services.realtime import RealtimeService

    posted, post = threading.Event(), RealtimeService._submit_subscriptions

    def watched(realtime):
        post(realtime)
        if threading.current_thread() is realtime._thread:
            posted.set()

    def settle():
        assert posted.wait(20), "the SDK never posted its topics"
        post(scope["pb"].realtime)

    RealtimeService._submit_subscriptions = watched
    scope["settle"] = settle


def main():
    sys.stdout = Lines(sys.stdout)
    scope = {"__name__": "__main__"}
    watch_bosbase(scope)
    for line in sys.stdin:
        exec(compile(json.loads(line), "<block>", "exec"), scope)
        print(DONE, flush=True)


main()
