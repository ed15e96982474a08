"""Stands in for FastAPI: each line get is a request. A pool is one socket."""

import socket
import sys
import time

import fastapi_pool

port, ahead, clock, pools = int(sys.argv[1]), 0.0, time.monotonic, []
time.monotonic = lambda: clock() + ahead


def open_pool():
    pools.append(None)  # a try
    pools[-1] = socket.create_connection(("127.0.0.1", port))
    return f"pool {len(pools)}"


pool = fastapi_pool.Pool(open_pool)
for line in sys.stdin:
    word, *rest = line.split()
    said = "done"
    try:
        if word == "get":
            said = pool()
        elif word == "lost":
            pool.lost()
        elif word == "later":
            ahead += float(rest[0])
        elif word == "port":
            port = int(rest[0])
    except (fastapi_pool.NotReady, OSError) as why:
        said = type(why).__name__
    print(said, flush=True)
