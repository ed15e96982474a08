"""A FastAPI dependency that opens the pool when the sidecar allows it: fastapi_app.py shows it at work."""
import threading
import time

from readiness import Readiness

REST = 20.0  # seconds between two tries: ten failed logins in 150 s are a lockout


class NotReady(Exception):
    """There is no pool, and none may be opened now."""


class Pool:
    def __init__(self, open_pool, readiness=None):
        self.open_pool, self.readiness = open_pool, readiness or Readiness()
        self.pool, self.tried, self.lock = None, -REST, threading.Lock()

    def __call__(self):
        with self.lock:
            if self.pool is None:
                if time.monotonic() - self.tried < REST or not self.readiness.may_open():
                    raise NotReady("the database is not ready; try again later")
                self.tried = time.monotonic()
                self.pool = self.open_pool()
            return self.pool

    def lost(self):  # the next request may open another
        with self.lock:
            self.pool = None
