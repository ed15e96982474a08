"""A worker in the manner of examples/worker.py: one socket is a connection."""

import os
import socket
import sys

import worker


class Lost(Exception):
    pass


def connect():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])))


def work(connection):
    print("works", flush=True)
    connection.recv(1)  # until the pooler hangs up
    if os.path.exists(sys.argv[2]):
        raise Lost("server login has been failing, try again later (server_login_retry)")
    raise Lost("server closed the connection unexpectedly")


worker.REST = 0.2
worker.keep_working(connect, work, Lost)
