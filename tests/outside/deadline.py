"""Waiting on conditions: every wait in these tests has a bound and says what it waited for."""

import time


def wait_for(condition, what, seconds=20.0):
    """Return the first truthy result of `condition`, asked again until `seconds` are over."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.01)
