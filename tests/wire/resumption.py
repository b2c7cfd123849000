#!/usr/bin/env python3
"""resumption.py CASE ADDRESS PLUGINS FIFO: links that are made again (PROTOCOL.md §10), by a client that we did not write and that lies.
The token is in $TOKEN; FIFO holds a call until somebody writes there."""
import json, os, struct, sys
from flame_peer import *

case, address, plugins, fifo = sys.argv[1:5]
token, RECEIVED, RESUMED = os.environ["TOKEN"], 11, 48
faults = plugins + "/faults.so"


class Session:
    """Counts what it takes and keeps what it has sent."""

    def __init__(self):
        self.name, self.sent, self.taken = os.urandom(16).hex(), b"", 0
        self.link = Link(address, token, fields=["Flame-Session: " + self.name])

    def send(self, *frames):
        self.sent += b"".join(frames)
        self.link.send(*frames)

    def next(self):
        kind, flags, call, body = self.link.next()
        if kind not in (RECEIVED, RESUMED):
            self.taken += 16 + len(body)
        return kind, call, body

    def begin(self, until=STARTED):
        self.send(frame(BIND, json.dumps({"bind": 0, "path": faults, "function": "hold", "phases": True}).encode()),
                  frame(CALL, call_body(0, fifo), 1), frame(END_INPUT, b"", 1))
        while self.next()[0] != until:
            pass

    def again(self, received=None):
        """Another link for it, and the runner's count."""
        self.link = again(self.name, self.taken if received is None else received)
        kind, call, body = self.next()
        assert (kind, call) == (RESUMED, 0), (kind, body)
        return json.loads(body)["received"]

    def ends(self):
        with open(fifo, "w"):
            pass
        while True:
            kind, call, body = self.next()
            if kind == RESULT:
                assert (call, body) == (1, b"true"), body
                return


def again(name, received):
    return Link(address, token, fields=["Flame-Session: " + name], auth_more={"received": received})


def refused(link, code, kind):
    error, got = link.closing()
    assert got == code and (error and error["kind"]) == kind, (got, error)


def taken_over():
    """A second link takes a living session over; what the first had not counted comes again, what it had does not."""
    session = Session()
    assert "resume" in session.link.hello["capabilities"] and session.link.hello["link_grace_ms"] == 10000
    begun = session.taken
    session.begin()
    first, seen = session.link, session.taken
    session.taken = begun  # as if nothing had come
    assert session.again() == len(session.sent)
    while session.taken < seen:
        session.next()
    assert first.closing() == (None, 0)
    session.ends()


def trust():
    """Who does not hold the token learns nothing and takes nothing over."""
    session = Session()
    session.begin()
    for proof_of in ("0" * 64, ""):
        link = Link(address, token, fields=["Flame-Session: " + session.name], auth=False)
        assert session.name not in json.dumps(link.hello)
        link.send(frame(AUTH, json.dumps({"proof": proof_of, "received": session.taken}).encode()))
        refused(link, 1008, None)
    session.ends()  # on the link that it has had all the time


def lies():
    """Counts that cannot be are errors of the link that says them; the session goes on, waited for or not."""
    session = Session()
    session.begin()
    for wait in (False, True):
        if wait:
            session.link.s.close()
        for lie in (session.taken + 1, session.taken - 1, 10**15, 2**63, -1, 1.5, "7", None, True):
            refused(again(session.name, lie), 1002, "protocol")
    assert session.again() == len(session.sent)
    session.ends()


def names():
    """A name that is in use begins nothing; one that is not known is not found; without a count it begins."""
    session = Session()
    session.begin()
    refused(Link(address, token, fields=["Flame-Session: " + session.name]), 1002, "protocol")
    for name in (os.urandom(16).hex(), "a" * 31, "A" * 32):
        kind, _, _, body = again(name, 0).next()
        assert (kind, json.loads(body)) == (RESUMED, {"found": False}), body
    session.ends()
    session.link.s.sendall(message(struct.pack(">H", 1000), 8))
    assert session.link.closing() == (None, 1000)
    kind, _, _, body = again(session.name, session.taken).next()  # a close has ended it
    assert json.loads(body) == {"found": False}, body


def too_early():
    """A link that is lost between hello and auth: the session begins with the next, once."""
    name = os.urandom(16).hex()
    Link(address, token, fields=["Flame-Session: " + name], auth=False).s.close()
    session = Session.__new__(Session)
    session.name, session.sent, session.taken = name, b"", 0
    while True:  # the runner may not have seen the loss yet
        session.link = again(name, 0)
        kind, _, body = session.next()
        if json.loads(body) == {"received": 0}:
            break
        assert json.loads(body) == {"found": False}, body
    session.begin()
    session.link.s.close()
    assert session.again() == len(session.sent)
    session.ends()
    session.link.s.sendall(message(struct.pack(">H", 1000), 8))
    assert session.link.closing() == (None, 1000)
    kind, _, _, body = again(name, 0).next()
    assert json.loads(body) == {"found": False}, body
    # Who says that something has come does not mean such a one.
    name = os.urandom(16).hex()
    Link(address, token, fields=["Flame-Session: " + name], auth=False).s.close()
    for _ in range(20):
        kind, _, _, body = again(name, 16).next()
        assert json.loads(body) == {"found": False}, body


def told_lies():
    """A frame `received` that says what cannot be breaks the link, and with it the session."""
    for body in (struct.pack("<Q", 10**9), struct.pack("<Q", 1), struct.pack("<Q", 2**64 - 1), b"1234567"):
        session = Session()
        session.begin()
        session.link.send(frame(RECEIVED, body))
        refused(session.link, 1002, "protocol")
        kind, _, _, body = again(session.name, session.taken).next()
        assert json.loads(body) == {"found": False}, body


def many():
    """One session more than may wait, each with a call, and all are gone."""
    sessions = [Session() for _ in range(65)]
    for session in sessions:
        session.begin(ACCEPTED)


globals()[case]()
