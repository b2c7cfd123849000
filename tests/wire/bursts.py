#!/usr/bin/env python3
"""bursts.py DIR RUNNER PLUGIN ROUNDS CLIENTS IDLE_MS: many clients at once on a runner that leaves after a moment of idleness. A client starts the
next one under a lock, as an engine does, and repeats what is known never to have begun. Any other loss is an error."""
import fcntl, json, os, socket, subprocess, sys, threading
from flame_peer import *

directory, runner, plugin, rounds, clients, idle_ms = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6]
path, started, refused, errors = directory + "/burst", [], [], []


def start():
    lock = os.open(directory + "/burst.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return
    s = socket.socket(socket.AF_UNIX)
    s.bind(path + ".new%d" % threading.get_ident())
    s.listen(64)
    os.rename(path + ".new%d" % threading.get_ident(), path)
    started.append(subprocess.Popen([runner, "--name", directory + "/burst", "--socket-fd", str(s.fileno()), "--socket-path", path,
                                     "--lock-fd", str(lock), "--slots", "2", "--idle-timeout-ms", idle_ms, "--log-level", "warning"],
                                    pass_fds=[s.fileno(), lock]))
    s.close()
    os.close(lock)


def client(n):
    while True:
        try:
            l = Link(path)
        except (OSError, Closed, Refused):  # before the hello: safe
            start()
            continue
        try:
            l.bind(plugin, "add")
            l.call(1, str(n), "1")
            kind, _, body = l.end_of(1)
        except Closed as end:
            if end.args[0] != 1001:
                errors.append("call %d lost: close %d" % (n, end.args[0]))
                return
            refused.append(n)
            continue
        except (BrokenPipeError, ConnectionResetError):
            try:  # what was said before it went
                while True:
                    l.next()
            except Closed as end:
                if end.args[0] != 1001:
                    errors.append("call %d lost" % n)
                    return
                refused.append(n)
                continue
        finally:
            l.s.close()
        if kind == ERROR and json.loads(body)["kind"] == "draining":
            refused.append(n)
            continue
        if (kind, body) != (RESULT, str(n + 1).encode()):
            errors.append("call %d: %r" % (n, (kind, body)))
        return


for turn in range(rounds):
    if turn % 8 == 7:  # on a busy machine the bursts may leave no idle moment
        started[-1].wait()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    [t.start() for t in threads]
    [t.join() for t in threads]
for process in started:
    if process.wait() != 0:
        errors.append("a runner ended with %d" % process.returncode)
print("%d calls, %d runners, %d repeated" % (rounds * clients, len(started), len(refused)))
assert not errors, errors[:5]
assert len(started) > 3, "hardly any hand-over: the test proves nothing"
