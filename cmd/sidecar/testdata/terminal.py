"""Runs a program on a terminal of its own, types, and ends as it does.

    terminal.py PROGRAM ARG... <conversation

Each line of the conversation is what to wait for, a tab, and what to type then.
"""

import os
import pty
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
try:
    for line in sys.stdin:
        words, keys = line.rstrip("\n").split("\t")
        while words.encode() not in said:
            said += os.read(terminal, 4096)
        said = said.split(words.encode(), 1)[1]
        os.write(terminal, keys.encode().decode("unicode_escape").encode())
    while os.read(terminal, 4096):
        pass
except OSError:  # the other end is closed
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
