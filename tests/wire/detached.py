#!/usr/bin/env python3
"""detached.py CASE ADDRESS PLUGINS FILE: a client of detached calls that we did not write (PROTOCOL.md §9). The token is in $TOKEN. FILE is one
that a function may count its runs in. Each case ends with status 0, or says what was wrong."""
import json, os, random, struct, sys
from flame_peer import *

FETCH, RELEASE, HELD, DETACHED = 9, 10, 47, 8
case, address, plugins, path = sys.argv[1:5]
faults = plugins + "/faults.so"


def link():
    return Link(address, os.environ["TOKEN"])


def new_id():
    return random.getrandbits(64) | 1


def ask(l, kind, call, **body):
    l.send(frame(kind, json.dumps(body).encode(), call))
    return told(l, call)


def told(l, call):
    while True:
        kind, _, of, body = l.next()
        if (kind, of) == (HELD, call):
            return json.loads(body)


def begin(l, call, function, *words, end=True, **more):
    l.bind(faults, function, 0, phases=True)
    l.send(frame(CALL, call_body(0, *words, **more), call, DETACHED), *([frame(END_INPUT, b"", call)] if end else []))


def answer(l, call):
    """accepted, or the error's JSON."""
    while True:
        kind, _, of, body = l.next()
        if of == call and kind in (ACCEPTED, ERROR, BUSY):
            return "accepted" if kind == ACCEPTED else json.loads(body)


def end_of(call):
    l = link()
    state = ask(l, FETCH, call, wait=True, result=True)
    if state["state"] != "over":
        state = told(l, call)
    assert state["state"] == "over" and state["whole"], state
    kind, flags, body = l.end_of(call)
    return state["outcome"], kind, body


def held():
    return link().hello["held"]


def twice():
    """The same call sent again, on another link and on the same, after the answer and after its end, runs once."""
    assert "detach" in link().hello["capabilities"]
    call, l = new_id(), link()
    begin(l, call, "count", path)
    assert answer(l, call) == "accepted"
    again = link()
    for _ in range(2):
        begin(again, call, "count", path)
        assert answer(again, call) == "accepted"
    assert end_of(call) == ("done", RESULT, b"1")
    begin(l, call, "count", path)
    assert answer(l, call) == "accepted"
    assert end_of(call) == ("done", RESULT, b"1") and os.path.getsize(path) == 1
    assert held() == 1
    assert ask(again, RELEASE, call)["fetched"] and held() == 0
    assert end_of(call) == ("done", RESULT, b"1")
    assert ask(again, RELEASE, call, forget=True)["state"] == "over"
    assert ask(again, FETCH, call)["state"] == "unknown"


def half():
    """A call whose link ends before all has come is cancelled, holds nobody up, and does not run when it is sent again."""
    call, l = new_id(), link()
    begin(l, call, "polite", end=False)
    while ask(l, FETCH, call)["state"] != "running":
        pass
    assert held() == 1
    begin(link(), call, "polite")
    l.s.close()
    l = link()
    while ask(l, FETCH, call)["state"] != "over":
        pass
    begin(l, call, "count", path)
    error = answer(l, call)
    assert (error["kind"], error["fate"]) == ("lost", "unknown"), error
    state = ask(l, FETCH, call)
    assert state["outcome"] in ("cancelled", "failed") and not state["whole"] and not os.path.exists(path), state
    assert held() == 0


def racing():
    """What another link is still sending is not taken twice."""
    call, l, other = new_id(), link(), link()
    begin(l, call, "count", path, end=False)
    assert ask(l, FETCH, call)["state"] != "unknown"
    begin(other, call, "count", path)
    error = answer(other, call)
    # The function does not wait for the end of its input: it may be done.
    assert error == "accepted" or (error["kind"], error["fate"]) == ("lost", "unknown"), error
    l.send(frame(END_INPUT, b"", call))
    assert answer(l, call) == "accepted"
    assert end_of(call) == ("done", RESULT, b"1") and os.path.getsize(path) == 1


def refuse():
    """Who asks for a call that has not come can see to it that it does not come any more."""
    call, l = new_id(), link()
    assert ask(l, FETCH, call) == {"state": "unknown"}
    assert ask(l, FETCH, call, refuse=True) == {"state": "unknown"}
    begin(l, call, "count", path)
    error = answer(l, call)
    assert (error["kind"], error["fate"]) == ("lost", "unknown"), error
    assert not os.path.exists(path) and held() == 0


def never_begun():
    """What never began is an ordinary error, and not kept."""
    call, l = new_id(), link()
    l.bind("/nothing.so", "add", 0)
    l.send(frame(CALL, call_body(0), call, DETACHED), frame(END_INPUT, b"", call))
    error = answer(l, call)
    assert (error["kind"], error["fate"]) == ("plugin_missing", "never_begun"), error
    assert ask(l, FETCH, call)["state"] == "unknown" and held() == 0
    l.add(faults.replace("tests/plugins/faults.so", "samples/math.so"), call=5)


def late():
    """So is one whose deadline passes while it is sent and waits."""
    running, waiting, l = new_id(), new_id(), link()
    begin(l, running, "polite")
    assert answer(l, running) == "accepted"
    begin(l, waiting, "polite", end=False, remaining_ms=50)
    error = answer(l, waiting)
    assert (error["kind"], error["fate"]) == ("timed_out", "never_begun"), error
    assert ask(l, FETCH, waiting)["state"] == "unknown" and held() == 1
    l.send(frame(CANCEL, b"", running))
    end_of(running)


def cancel():
    """From another link, of a call that runs and of one that waits."""
    running, waiting, l = new_id(), new_id(), link()
    begin(l, running, "polite")
    assert answer(l, running) == "accepted"
    while ask(l, FETCH, running)["state"] != "running":
        pass
    begin(l, waiting, "polite")
    assert answer(l, waiting) == "accepted"
    other = link()
    other.send(frame(CANCEL, b"", waiting))
    outcome, kind, body = end_of(waiting)
    assert (outcome, json.loads(body)["fate"]) == ("cancelled", "never_begun"), (outcome, body)
    other.send(frame(CANCEL, b"", running))
    assert end_of(running)[0] in ("failed", "cancelled")


def sizes():
    """A result of the limit is kept; of one more it is said that it was too large, and the call is done. Logs are cut for themselves."""
    limit, headers = 200_000, 4 * 16  # of its pieces
    for size, fits in ((limit - headers, True), (limit - headers + 1, False)):
        call, _ = keep(link(), size)
        outcome, kind, got = end_of(call)
        if fits:
            assert (outcome, kind, got) == ("done", RESULT, bytes(size)), (outcome, kind, got[:300])
        else:
            assert (outcome, kind, json.loads(got)["fate"]) == ("limit", ERROR, "done"), (outcome, kind, got[:300])
            assert "200000" in json.loads(got)["message"]
    call, l = new_id(), link()
    begin(l, call, "echo_i64", "7")
    assert answer(l, call) == "accepted" and end_of(call) == ("done", RESULT, b"7")


def keep(l, size):
    """A detached call whose result has so many bytes; how it ended."""
    call = new_id()
    body = struct.pack("<IIQ", 0, 1, FOREVER) + b"\x03" + struct.pack("<I", size) + bytes(size) + struct.pack("<I", 0)
    l.bind(faults, "echo_bytes", 0)
    pieces = [body[i:i + 65536] for i in range(0, len(body), 65536)]
    l.send(*(frame(CALL, one, call, (DETACHED if at == 0 else 0) | (MORE if at + 1 < len(pieces) else 0)) for at, one in enumerate(pieces)),
           frame(END_INPUT, b"", call))
    assert answer(l, call) == "accepted"
    return call, end_of(call)[0]


def total():
    """All together have a limit; what was fetched gives way, what was not does not."""
    l = link()
    first, second, third = (keep(l, 150_000) for _ in range(3))
    assert (first[1], second[1], third[1]) == ("done", "done", "limit"), (first, second, third)
    assert ask(l, RELEASE, first[0])["fetched"]
    assert keep(l, 150_000)[1] == "done"
    assert ask(l, FETCH, first[0])["state"] == "unknown" and ask(l, FETCH, second[0])["outcome"] == "done"
    assert keep(l, 150_000)[1] == "limit"


def count_limit():
    """At most 1024 are known; what was fetched gives way."""
    l = link()
    ids = [new_id() for _ in range(1025)]
    for call in ids[:-1]:
        begin(l, call, "echo_i64", "7")
        assert answer(l, call) == "accepted"
    begin(l, ids[-1], "echo_i64", "7")
    error = answer(l, ids[-1])
    assert (error["kind"], error["fate"]) == ("limit", "never_begun"), error
    assert end_of(ids[0]) == ("done", RESULT, b"7")
    assert ask(l, RELEASE, ids[0])["fetched"]
    begin(l, ids[-1], "echo_i64", "8")
    assert answer(l, ids[-1]) == "accepted"
    assert end_of(ids[-1]) == ("done", RESULT, b"8")
    assert ask(l, FETCH, ids[0])["state"] == "unknown"


def rules():
    """An ordinary call must not have the id of a detached one; a fetch that is no JSON ends the link."""
    call, l = new_id(), link()
    begin(l, call, "echo_i64", "7")
    assert answer(l, call) == "accepted"
    for bad in (frame(CALL, call_body(0, "7"), call), frame(FETCH, b"rubbish", call), frame(RELEASE, b"[]", call), frame(FETCH, b'{"wait":7}', call)):
        l = link()
        l.bind(faults, "echo_i64", 0)
        l.send(bad)
        error, code = l.closing()
        assert code == 1002 and error, (bad, error, code)
    assert end_of(call) == ("done", RESULT, b"7")


def leave_one():
    """For the runner's lifetime: one end that nobody fetches."""
    call, l = new_id(), link()
    begin(l, call, "echo_i64", "7")
    assert answer(l, call) == "accepted"
    print(call)


globals()[case]()
