"""Requests to the FastAPI app of the examples, a line each."""

import sys
import time

from fastapi.testclient import TestClient

ahead, clock = 0.0, time.monotonic
time.monotonic = lambda: clock() + ahead

import fastapi_app  # noqa: E402

client = TestClient(fastapi_app.app)
for line in sys.stdin:
    said = "done"
    if line == "get\n":
        answer = client.get("/cases")
        said = {200: "ok", 503: "NotReady"}[answer.status_code]
        if said == "NotReady" and answer.headers["Retry-After"] != "30":
            said = "no Retry-After"
    elif line == "lost\n":
        fastapi_app.pool.pool.close()
        fastapi_app.pool.lost()
        ahead += 30
    print(said, flush=True)
