#!/usr/bin/env python3
"""as_client.py CASE ADDRESS SAMPLES PLUGINS: a client that we did not write, and one that breaks every rule.
The token is in $TOKEN. Each case ends with status 0, or says what was wrong."""
import hashlib, json, os, struct, sys, threading, urllib.request
from flame_peer import *

case, address, samples, plugins = sys.argv[1:5]
token = os.environ.get("TOKEN")
math, faults, text = samples + "/math.so", plugins + "/faults.so", samples + "/text.so"


def link(**more):
    return Link(address, token, **more)


def metric(name):
    request = urllib.request.Request("http://%s/metrics" % address, headers={"Authorization": "Bearer " + token})
    lines = urllib.request.urlopen(request, timeout=PATIENCE_S).read().decode().splitlines()
    return int(next(line for line in lines if line.startswith(name + " ")).split()[1])


def error_of(l, call):
    kind, _, body = l.end_of(call)
    assert kind == ERROR, (kind, body)
    return json.loads(body)


def ends(l, code, kind="protocol"):
    error, got = l.closing()
    assert got == code, (got, error)
    assert kind is None or (error and error["kind"] == kind), error
    return error


def good():
    l = link()
    assert l.hello["protocol"] == [1, 1] and l.hello["credit"] == 1024 and l.hello["window_bytes"] == 262144
    l.add(math)
    assert any(kind == BOUND and json.loads(body)["bind"] == 0 for kind, _, body in l.seen), l.seen
    l.bind(faults, "echo_bytes", 1)
    data = os.urandom(200_000)
    body = struct.pack("<IIQ", 1, 1, FOREVER) + b"\x03" + struct.pack("<I", len(data)) + data + struct.pack("<I", 0)
    l.send(*(frame(CALL, body[i:i + 65536], 9, MORE if i + 65536 < len(body) else 0) for i in range(0, len(body), 65536)),
           frame(END_INPUT, b"", 9))
    kind, flags, got = l.end_of(9)
    assert (kind, flags & BYTES, got) == (RESULT, BYTES, data)
    l.s.sendall(message(struct.pack(">H", 1000) + b"bye", 8))
    assert l.closing() == (None, 1000)  # the closing handshake


def trust():
    witness = link()
    for nonce in ("", "ab" * 31, "g" * 64):
        try:
            Link(address, "a token that is not used", nonce=nonce or "x")
            raise AssertionError("accepted the nonce " + nonce)
        except Refused as refused:
            assert " 401 " in refused.args[0], refused
    try:
        Link(address)
        raise AssertionError("accepted a client without a nonce")
    except Refused as refused:
        assert " 401 " in refused.args[0], refused
    for body in (b'{"proof":"%s"}' % (b"0" * 64), b'{"proof":""}', b'{}', b'rubbish', b'{"proof":7}'):
        l = link(auth=False)
        l.send(frame(AUTH, body))
        ends(l, 1008 if body.startswith(b"{") else 1002, None)
    l = link(auth=False)  # our proof for another link's nonce
    l.send(frame(AUTH, json.dumps({"proof": proof(token, b"flame-client", l.c, witness.r)}).encode()))
    ends(l, 1008, None)
    l = link(auth=False)  # the runner's proof, given back
    l.send(frame(AUTH, json.dumps({"proof": l.hello["proof"]}).encode()))
    ends(l, 1008, None)
    l = link(auth=False)
    l.bind(math, "add")
    ends(l, 1008, None)
    l = link(auth=False)
    l.send(frame(AUTH, b'{"proof":"' + b"0" * 5000 + b'"}'))
    ends(l, 1009, None)
    witness.add(math)


def garbage():
    witness = link()
    witness.bind(faults, "sleep_ms", 5)
    witness.call(77, "1500", bind=5)
    for raw in (b"\0" * 64, b"\x16\x03\x01\x02\0\x01\0\x01\xfc", b"GET\r\n\r\n", os.urandom(300) + b"\r\n\r\n"):
        s = connect(address)
        s.sendall(raw)
        s.shutdown(1)
        answer = s.recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer
    l = link()
    l.s.sendall(message(frame(BIND, b"{}")[:-1]))
    ends(l, 1002)  # half a frame
    l = link()
    l.s.sendall(message(b"hello", 1))
    ends(l, 1002)  # text
    l = link()
    l.s.sendall(message(frame(END_INPUT), masked=False))
    ends(l, 1002, None)
    l = link()
    l.s.sendall(message(b"", size=1 << 30))
    ends(l, 1009, None)
    l = link()
    l.s.sendall(message(struct.pack("<IBBHQ", 1 << 30, CALL, 0, 0, 1)))
    ends(l, 1002)
    l = link()
    l.s.sendall(message(b"", size=1000))
    l.s.close()  # half a message, then gone
    l = link()
    l.send(frame(200, b"x", 0, CRITICAL))
    ends(l, 1002)
    l = link()
    l.send(frame(BIND, b"[1,2"))
    ends(l, 1002)
    l = link()
    l.send(frame(CALL, b"short", 1))
    ends(l, 1002)
    l = link()
    l.send(frame(CALL, call_body(0), 0))
    ends(l, 1002)  # the call id 0
    l = link()
    l.send(frame(200, b"ignored", 0), frame(200, b"ignored", 7), frame(HELLO, b"{}"), frame(CANCEL, b"", 8), frame(INPUT, b"late", 8))
    l.call(3, "1", bind=9)  # before its bind
    assert error_of(l, 3)["kind"] == "protocol"
    l.send(frame(201, b"x", 4, CRITICAL))
    assert error_of(l, 4)["kind"] == "protocol"
    l.bind(math, "add", 2, env={"A=B": "x"})
    l.call(5, "1", "2", bind=2)
    error = error_of(l, 5)
    assert error["kind"] == "bad_arguments" and error["fate"] == "never_begun", error
    l.add(math, 6)
    kind, _, body = witness.end_of(77)
    assert (kind, body) == (RESULT, b"1500"), body
    witness.add(math, 78)


def phases():
    l = link()
    l.bind(faults, "chatter", phases=True)
    for call in (1, 2):  # on a worker that must load, and on one that is there
        l.call(call)
        kind, _, body = l.end_of(call)
        assert (kind, body) == (RESULT, b"1"), body
        own = [(kind, body) for kind, of, body in l.seen if of == call and kind != LOG]
        order = [kind for kind, of, _ in l.seen if of == call]
        assert [kind for kind, _ in own] == [ACCEPTED, STARTED, USAGE], own
        assert own[0][1] == own[1][1] == b"", own
        assert LOG in order[2:-1], order  # what it prints comes while it runs
        usage = json.loads(own[2][1])
        assert set(usage) == {"queue_ms", "load_ms", "run_ms", "cpu_ms", "peak_bytes"}, usage
        assert all(value >= 0 for value in usage.values()) and usage["peak_bytes"] > 1 << 20, usage
        assert (usage["load_ms"] > 0) == (call == 1), usage
    l.bind(faults, "segfault", 1, phases=True)
    l.call(3, bind=1)
    assert error_of(l, 3)["kind"] == "crashed"
    assert [kind for kind, of, _ in l.seen if of == 3] == [ACCEPTED, STARTED, USAGE], l.seen
    usage = json.loads(l.seen[-1][2])
    assert set(usage) == {"queue_ms", "load_ms", "run_ms", "cpu_ms", "peak_bytes"}, usage
    assert all(value >= 0 for value in usage.values()) and usage["peak_bytes"] > 1 << 20, usage
    l.bind(faults, "spin", 2, phases=True)  # one that never begins
    for call in (4, 5, 6):
        l.call(call, bind=2)
    l.send(frame(CANCEL, b"", 6))
    assert error_of(l, 6)["fate"] == "never_begun"
    assert [kind for kind, of, _ in l.seen if of == 6] == [ACCEPTED], l.seen
    l.bind(faults, "chatter", 3)  # unasked: none of them
    for call in (4, 5):
        l.send(frame(CANCEL, b"", call))
    l.call(7, bind=3)
    l.end_of(7)
    assert all(kind == LOG for kind, of, _ in l.seen if of == 7), l.seen
    for call, name in ((8, "chatter"), (9, "segfault")):  # usage alone
        l.bind(faults, name, call, usage=True)
        l.call(call, bind=call)
        l.end_of(call)
        own = [(kind, body) for kind, of, body in l.seen if of == call and kind != LOG]
        assert [kind for kind, _ in own] == [USAGE], own
        assert set(json.loads(own[0][1])) == set(usage), own


def stored_set():
    """A plugin and its library that only the store has, loaded from where they lie together."""
    files = []
    for name in ("travels.so", "libshipped.so"):
        data = open(plugins + "/" + name, "rb").read()
        files.append({"path": name, "sha256": hashlib.sha256(data).hexdigest()})
        request = urllib.request.Request("http://%s/v1/plugins/%s" % (address, files[-1]["sha256"]), data, method="PUT",
                                         headers={"Authorization": "Bearer " + token})
        assert urllib.request.urlopen(request, timeout=PATIENCE_S).status in (200, 201)
    l = link()
    l.bind("/nowhere/travels.so", "from_library", sha256=files[0]["sha256"], files=files)
    l.call(1)
    kind, _, body = l.end_of(1)
    assert (kind, body) == (RESULT, b"4711"), (kind, body)


def limits():
    witness = link()
    l = link()
    l.bind(math, "add", 1023)
    l.call(1, "1", "2", bind=1023)
    assert l.end_of(1)[0] == RESULT
    l.bind(math, "add", 1024)
    ends(l, 1002, "limit")

    def bound_error(**bind):
        l = link()
        l.send(frame(BIND, json.dumps({"bind": 0, "path": math, "function": "add", **bind}).encode()))
        l.call(1, "100", "20")
        kind, _, body = l.end_of(1)
        return json.loads(body)["kind"] if kind == ERROR else None

    assert bound_error(env={"A": "x" * (32 * 1024 - 1)}) is None
    assert bound_error(env={"A": "x" * (32 * 1024)}) == "limit"
    assert bound_error(function="f" * 128) == "unknown_function"
    assert bound_error(function="f" * 129) == "limit"
    for size, wanted in ((64 * 1024, None), (64 * 1024 + 1, "limit")):  # a JSON body
        l = link()
        start = json.dumps({"bind": 0, "path": math, "function": "add", "x": ""})[:-2].encode()
        l.send(frame(BIND, start + b"y" * (size - len(start) - 2) + b'"}'))
        if wanted:
            ends(l, 1002, wanted)
        else:
            l.call(1, "100", "20")
            assert l.end_of(1)[0] == RESULT
    l = link()  # a frame's body; what it is for is unknown here, and ignored
    l.send(frame(99, b"x" * (1 << 20)))
    l.add(math)
    l.send(frame(99, b"x" * ((1 << 20) + 1)))
    ends(l, 1002)
    l = link()  # a message
    filler = frame(99, b"x" * ((1 << 20) - 16))
    l.send(filler, filler, filler, filler)
    l.add(math)
    l.s.sendall(message(filler * 4 + b"x")[:1000])  # its length alone is enough to refuse it
    ends(l, 1009, None)
    l = link()
    l.bind(math, "add")
    l.call(1, *["1"] * 4096)
    assert error_of(l, 1)["kind"] == "bad_arguments"  # add takes two
    l.call(2, *["1"] * 4097)
    assert error_of(l, 2)["kind"] == "limit"
    for more in (b"", b"x"):  # a window, in one message: before any of it can be given back
        l = link()
        l.bind(text, "upper")
        l.send(frame(CALL, call_body(0), 1), *(frame(INPUT, b"x" * 65536, 1) for _ in range(3)),
               frame(INPUT, b"x" * (65536 - 16) + more, 1))
        if more:
            ends(l, 1002)
        else:
            l.send(frame(END_INPUT, b"", 1))
            assert l.end_of(1)[0] == RESULT
            assert sum(len(body) for kind, _, body in l.seen if kind == OUTPUT) == 262144 - 16
    for more in (0, 1):  # credit
        l = link()
        l.bind(faults, "sleep_ms")
        l.send(*(frame(CALL, call_body(0, "60000"), i) for i in range(1, 1025 + more)))
        if more:
            ends(l, 1002)
        else:
            l.send(frame(CANCEL, b"", 1024))
            assert error_of(l, 1024)["kind"] == "cancelled"
            l.s.close()
    l = link()
    l.bind(math, "add")
    l.send(frame(CALL, call_body(0, "1", "2"), 1), frame(CALL, call_body(0, "1", "2"), 1))
    ends(l, 1002)  # an id in use
    witness.add(math)


def queue():
    """busy, when the queue is full; the link lives."""
    links = [link() for _ in range(6)]
    for l in links:
        l.bind(faults, "sleep_ms")
        l.send(*(frame(CALL, call_body(0, "60000"), i) for i in range(1, 1025)))
    for l in links:
        try:
            l.s.settimeout(PATIENCE_S if l is links[-1] else 0.01)
            kind, _, body = l.end_of(1024)
            if kind == BUSY:
                assert json.loads(body)["retry_after_ms"] > 0
                break
        except TimeoutError:
            continue
    else:
        raise AssertionError("six times 1024 calls, and never busy")
    for l in links:
        l.s.close()
    while metric("flame_busy_slots") + metric("flame_queued_calls"):
        pass
    link().add(math)


def deaf():
    """A client that asks and does not read: its own answers are bounded."""
    l = link()
    try:
        while True:
            l.send(*(frame(CALL, call_body(7), i) for i in range(1, 4000)))
    except (ConnectionResetError, BrokenPipeError):
        pass
    link().add(math)


def silent():
    """Dropped unless it answers pings (--ping-interval-ms is short)."""
    answers, dead = link(), link()
    dead.pong = False
    threading.Thread(target=answers.closing, daemon=True).start()
    assert dead.closing()[1] == 0
    assert dead.pings >= 3, dead.pings
    while answers.pings < dead.pings + 3:
        pass
    answers.bind(math, "add")  # still there
    assert metric("flame_links") == 1


def no_auth():
    """A stranger that says nothing is dropped (--http-timeout-ms is short)."""
    assert link(auth=False).closing()[1] == 0
    s = connect(address)
    assert s.recv(100) == b""
    s = connect(address)
    s.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    assert s.recv(100) == b""
    s = connect(address)
    s.sendall(b"POST /v1/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{" % token.encode())
    assert s.recv(100) == b""


def gone():
    """A client that goes gives its calls up; one that closes properly, too."""
    for proper in (False, True):
        l = link()
        l.bind(faults, "spin")
        l.call(1)
        while metric("flame_busy_slots") != 1:
            pass
        if proper:
            l.s.sendall(message(struct.pack(">H", 1000), 8))
            assert l.closing()[1] == 1000
        l.s.close()
        while metric("flame_busy_slots") != 0:
            pass
    s = connect(address)
    body = json.dumps({"path": faults, "function": "spin"}).encode()
    s.sendall(b"POST /v1/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (token.encode(), len(body)) + body)
    while metric("flame_busy_slots") != 1:
        pass
    s.close()
    while metric("flame_busy_slots") != 0:
        pass
    link().add(math)


def flood():
    """1 GiB of output and nobody who reads: the worker waits, memory stays small, others are served; then it all comes."""
    runner = int(sys.argv[5])

    def rss_kib():
        return int(next(x for x in open("/proc/%d/status" % runner) if x.startswith("VmRSS")).split()[1])

    def ticks():
        total = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                stat = open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()
                parent = open("/proc/%s/stat" % stat[1]).read().rpartition(")")[2].split()
            except OSError:
                continue
            if runner in (int(pid), int(stat[1]), int(parent[1])):
                total += int(stat[11]) + int(stat[12])
        return total

    l, other = link(), link()
    before = rss_kib()
    l.bind(faults, "flood")
    l.call(1)
    other.add(math)
    same, last = 0, -1
    while same < 20:  # until nobody of them uses a CPU any more
        now = ticks()
        same, last = (same + 1 if now == last else 0), now
        other.add(math, 1000 + same * 2 + 1)
        threading.Event().wait(0.02)
        last = ticks()
    grown = rss_kib() - before
    most = 32 if os.environ.get("FLAME_SANITIZER") else 8  # a sanitizer's own memory grows with it
    assert grown < most * 1024, "%d KiB" % grown
    size, over = 0, False
    while not over:
        kind, flags, call, body = l.next()
        size += len(body) if kind == OUTPUT else 0
        over = kind == RESULT
    assert size == 1 << 30, size


def drain():
    """SIGTERM: what runs is finished, what comes is refused, the close says 1001."""
    l = link()
    l.bind(faults, "sleep_ms")
    l.call(1, "700")
    while metric("flame_busy_slots") != 1:
        pass
    os.kill(int(sys.argv[5]), 15)
    while l.next()[0] != DRAINING:
        pass
    l.call(2, "1")
    error = error_of(l, 2)
    assert (error["kind"], error["fate"]) == ("draining", "never_begun"), error
    assert link().hello["draining"] is True
    kind, _, body = l.end_of(1)
    assert (kind, body) == (RESULT, b"700")
    assert l.closing() == (None, 1001)


def cut():
    """A second SIGTERM, or the drain's time-out: what runs is cancelled, and said to be."""
    l = link()
    l.bind(faults, "spin", phases=True)
    l.call(1)
    while l.next()[0] != STARTED:
        pass
    os.kill(int(sys.argv[5]), 15)
    while l.next()[0] != DRAINING:
        pass
    if len(sys.argv) == 6:
        os.kill(int(sys.argv[5]), 15)
    error = error_of(l, 1)
    assert (error["kind"], error["fate"]) == ("cancelled", "cancelled"), error
    assert l.closing() == (None, 1001)


def outlive():
    """A call that is longer than the idle time (or the lifetime) is finished; then the runner leaves."""
    l = link()
    l.bind(faults, "sleep_ms")
    l.call(1, "4000")
    kind, _, body = l.end_of(1)
    assert (kind, body) == (RESULT, b"4000")
    assert l.closing() == (None, 1001)


def unanswering():
    """Neither answers the runner's close nor goes: the runner leaves all the same."""
    l = link()
    os.kill(int(sys.argv[5]), 15)
    while l.s.recv(1 << 16):
        pass


def at_once():
    """What is wrong, what follows it and the close, in one piece."""
    l = link()
    l.s.sendall(message(b"text", opcode=1) + message(frame(BIND, b"{}")) + message(struct.pack(">H", 1000), opcode=8))
    while l.s.recv(1 << 16):
        pass


globals()[case]()
