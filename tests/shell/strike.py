# Runs a command and strikes in the middle: python3 strike.py LINES SIGNAL PIDS IN OUT ERR COMMAND…
# When OUT has LINES lines more than before, SIGNAL is sent to PIDS ("self": to the command). Prints how many lines OUT
# had gained just after, or "missed" when the command had ended before, and the command's status as a shell tells it.
import os, signal, subprocess, sys, time

lines, name, pids, given, out, err = sys.argv[1:7]
with open(given) as stdin, open(out, "a") as stdout, open(err, "w") as stderr:
    start = os.fstat(stdout.fileno()).st_size
    command = subprocess.Popen(sys.argv[7:], stdin=stdin, stdout=stdout, stderr=stderr)


def gained():
    global seen
    seen += os.read(reading, 1 << 20).count(b"\n")
    return seen


reading, seen = os.open(out, os.O_RDONLY), 0
os.lseek(reading, start, os.SEEK_SET)
end = time.monotonic() + 100
while gained() < int(lines) and command.poll() is None and time.monotonic() < end:
    time.sleep(0.0002)
missed = command.poll() is not None
if not missed:
    for pid in [command.pid] if pids == "self" else map(int, pids.split()):
        try:
            os.kill(pid, getattr(signal, "SIG" + name))
        except ProcessLookupError:
            pass
at = gained()
try:
    status = command.wait(100)
except subprocess.TimeoutExpired:
    command.kill()
    status = command.wait() or 1
    missed = True
print("missed" if missed else at, 128 - status if status < 0 else status)
