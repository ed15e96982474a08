"""May a connection be opened now? The sidecar says; nobody asks it twice for one answer."""
import http.client
import os
import time
import urllib.error
import urllib.request

EVERY, HOLDS = 2.0, 60.0  # seconds: between two questions; for which an answer holds while the sidecar is away


class Readiness:
    def __init__(self, url=None):
        self.url = (url or os.environ["SIDECAR_URL"]).rstrip("/") + "/readyz"
        self.ready, self.heard, self.asked = False, -HOLDS, -EVERY

    def may_open(self):
        if time.monotonic() - self.asked >= EVERY:
            self.asked = time.monotonic()
            if (answer := self.ask()) is not None:
                self.ready, self.heard = answer, time.monotonic()
        return self.ready and time.monotonic() - self.heard < HOLDS

    def ask(self):
        try:  # None when no sidecar answers. A 503 is an answer: no retry
            urllib.request.urlopen(self.url, timeout=2).close()
            return True
        except urllib.error.HTTPError as answer:
            return False if answer.code == 503 else None
        except (OSError, http.client.HTTPException):
            return None
