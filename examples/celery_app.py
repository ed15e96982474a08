"""Celery: a task waits in the queue while the sidecar says no. Start it with "sidecar run -- celery -A celery_app worker"."""
import os

import celery
from fastapi_pool import NotReady, Pool  # needs no FastAPI

app = celery.Celery("cases", broker=os.environ["CELERY_BROKER_URL"])
LATER = float(os.environ.get("LATER", "30"))  # seconds


class DatabaseTask(celery.Task):
    max_retries = None  # it waits as long as it takes

    def __call__(self, *args, **kwargs):
        try:
            return super().__call__(*args, **kwargs)
        except NotReady as why:
            raise self.retry(exc=why, countdown=LATER)


def counting(open_pool):
    pool = Pool(open_pool)  # one a process, opened by its first task

    @app.task(base=DatabaseTask, name="cases.count")
    def count():
        return pool()

    return count
