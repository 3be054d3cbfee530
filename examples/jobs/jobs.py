"""Lets the server count words: jobs.py URL TEXT

Needs `pip install bosbase`. Prints how far the job is, then the counts.
"""

import sys
import threading

from bosbase import BosBase


def main(url, text):
    pb = BosBase(url)
    finished = threading.Event()

    def on_progress(event):
        print(f"{event['percent']:.0f} %", flush=True)

    def on_job(event):
        for word, count in sorted(event["words"].items()):
            print(f"{word}: {count}", flush=True)
        finished.set()

    pb.realtime.subscribe("jobs/progress", on_progress)
    pb.realtime.subscribe("jobs/finished", on_job)
    pb.collection("jobs").create(body={"text": text})
    if not finished.wait(30):
        sys.exit("the job was not finished in 30 seconds")
    pb.realtime.unsubscribe()


main(*sys.argv[1:])
