"""A worker that connects when the sidecar allows it. It leaves a lockout to "sidecar run -- python my_worker.py".

    if __name__ == "__main__":
        keep_working(lambda: psycopg.connect(os.environ["DATABASE_URL"]), work, psycopg.OperationalError)
"""

import sys
import time

from readiness import Readiness

LOCKOUT = ("server_login_retry", "query_wait_timeout", "ECIRCUITBREAKER", "Circuit breaker open")
REST = 20.0  # seconds after a failure: ten failed logins in 150 s are a lockout


def keep_working(connect, work, lost=OSError, readiness=None):
    """Works until work returns. Each connection, the first and every other, is asked for."""
    readiness = readiness or Readiness()
    while True:
        while not readiness.may_open():
            time.sleep(2)
        try:
            with connect() as connection:
                return work(connection)
        except lost as error:
            print(f"worker: {type(error).__name__}", file=sys.stderr)  # its text may show the DSN
            if any(words in str(error) for words in LOCKOUT):
                sys.exit(78)
            time.sleep(REST)
