"""Tasks for the Celery worker of the examples, a line each. A pool is one socket."""

import os
import socket
import sys
import time

os.environ.update(CELERY_BROKER_URL="memory://", LATER="0.2")

import celery_app  # noqa: E402
from celery.contrib.testing.worker import start_worker  # noqa: E402
from celery.exceptions import TimeoutError  # noqa: E402

celery_app.app.conf.update(result_backend="cache+memory://", worker_hijack_root_logger=False)
port, ahead, clock, held = int(sys.argv[1]), 0.0, time.monotonic, []
count = None


def open_pool():
    held.append(socket.create_connection(("127.0.0.1", port)))
    return "ok"


count = celery_app.counting(open_pool)
pool = count.run.__closure__[0].cell_contents
with start_worker(celery_app.app, perform_ping_check=False, pool="solo", loglevel="CRITICAL", shutdown_timeout=5):
    for line in sys.stdin:
        said = "done"
        if line == "get\n":
            waits = count.delay()
        if line in ("get\n", "still\n"):  # the same task, which waits in the queue
            try:
                said = waits.get(timeout=3)
            except TimeoutError:
                said = "NotReady"
        elif line == "lost\n":
            pool.lost()
            pool.tried -= 30
        print(said, flush=True)
