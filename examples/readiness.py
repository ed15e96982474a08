"""May a connection be opened now? The sidecar says; nobody asks it twice for one answer."""

import http.client
import os
import time
import urllib.error
import urllib.request

EVERY = 2.0  # seconds between two questions at least
HOLDS = 60.0  # seconds for which the last answer holds while the sidecar is away


class Readiness:
    def __init__(self, url=None):
        self.url = (url or os.environ["SIDECAR_URL"]).rstrip("/") + "/readyz"
        self.ready, self.heard, self.asked = False, -HOLDS, -EVERY

    def may_open(self):
        if time.monotonic() - self.asked >= EVERY:
            self.asked = time.monotonic()
            answer = self.ask()
            if answer is not None:
                self.ready, self.heard = answer, time.monotonic()
        return self.ready and time.monotonic() - self.heard < HOLDS

    def ask(self):
        """True, False, or None when no sidecar answers. A 503 is an answer: no retry."""
        try:
            urllib.request.urlopen(self.url, timeout=2).close()
            return True
        except urllib.error.HTTPError as answer:
            return False if answer.code == 503 else None
        except (OSError, http.client.HTTPException):
            return None
