"""A dependency for routes that need the database, and a middleware: "sidecar run -- uvicorn fastapi_app:app"."""
import os

import psycopg
import psycopg_pool
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi_pool import NotReady, Pool


def open_pool(url=os.environ["DATABASE_URL"]):
    psycopg.connect(url).close()  # one login, which raises; a pool would go on trying by itself
    return psycopg_pool.ConnectionPool(url, reconnect_timeout=0, reconnect_failed=lambda _: pool.lost())


app, pool = FastAPI(), Pool(open_pool)


@app.middleware("http")
async def not_ready(request, call_next):
    try:
        return await call_next(request)
    except (NotReady, psycopg.OperationalError):  # whichever route it was, and without the DSN
        return JSONResponse({"detail": "the database is not ready"}, 503, {"Retry-After": "30"})


@app.get("/cases")
def cases(pool=Depends(pool)):
    return {"connections": pool.get_stats()["pool_size"]}
