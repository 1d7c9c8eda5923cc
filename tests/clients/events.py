"""Sends a page view and an event with the PyPI package plausible-events. usage: events.py GATE"""

import os
import sys
import time

from plausible_events import PlausibleEvents


class Client(PlausibleEvents):
    """The package asks a service on the internet for its own address; here it is told."""

    def _get_ip(self):
        return "203.0.113.9"


client = Client("python.example", api=f"{sys.argv[1]}/api/event", timeout=0.1)
client.pageview("/home", utm={"source": "newsletter"})
client.event("Export", props={"format": "csv", "rows": 12})
deadline = time.monotonic() + 10
while client.queue and time.monotonic() < deadline:
    time.sleep(0.05)
# The last task has left the queue, and its request may still be under way; the package's thread never ends by itself.
time.sleep(1)
os._exit(0 if not client.queue else 1)
