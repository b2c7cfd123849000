#!/usr/bin/env python3
"""mutants.py COUNT SEED PLUGIN...: damaged plugins through inspect, check and a real worker. An answer each: no crash of
flame or of the runner, no hang, no runaway memory. flame and its pool are those of the environment."""
import json
import os
import random
import resource
import subprocess
import sys

ANSWER_S = 30          # far more than any answer takes; only a hang is longer
MEMORY_MAX_KB = 200_000  # of flame, for a plugin of some kilobytes


def mutate(data, rng):
    """A copy with one to a few kinds of damage."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        kind, size = rng.randrange(6), len(out)
        at = rng.randrange(size) if rng.random() < 0.5 else rng.randrange(min(size, 0x800))  # headers and tables, or all
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            for i in range(at, min(size, at + rng.randint(1, 8))):
                out[i] = rng.randrange(256)
        elif kind == 2:
            out[at:at + 8] = rng.choice([b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\0\0\0\x80" * 2])[:max(0, min(8, size - at))]
        elif kind == 3 and rng.random() < 0.3:
            del out[at:]
        elif kind == 4:
            length = rng.randint(1, 64)
            source = rng.randrange(size)
            out[at:at + length] = out[source:source + length][:max(0, size - at)]
        else:
            word = at & ~7
            value = int.from_bytes(out[word:word + 8], "little") + rng.choice([-8, -1, 1, 8, 4096, 1 << 32])
            if word + 8 <= size:
                out[word:word + 8] = (value % (1 << 64)).to_bytes(8, "little")
        if not out:
            out = bytearray(b"\x7f")
    return bytes(out)


def answer(words):
    """Exit status, stdout, stderr; None for a hang."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return None, b"", b""


def check_static(words, good):
    status, out, err = answer(words)
    if status not in (0, 126):
        return f"status {status}: {err[-300:]!r}"
    if status == 0 or good:
        try:
            if out:
                json.loads(out)
        except ValueError as why:
            return f"no JSON: {why}"
    if status == 126 and not out and not err.startswith(b"flame: "):
        return f"126 without a word: {err!r}"
    return None


def check_run(path, function, arguments):
    status, _, err = answer(["flame", "run", "--timeout", "10s", "--json-errors", path, function, *arguments])
    if status is None or status < 0:
        return f"flame hung or died: {status}"
    if status == 0:
        return None
    try:
        kind = json.loads(err.strip().splitlines()[-1])["kind"]
    except (ValueError, IndexError, KeyError):
        return f"status {status} without a cause: {err[-300:]!r}"
    if kind in ("internal", "lost", "protocol", "boot_failed", "unreachable"):
        return f"{kind}: {err[-300:]!r}"
    return None


def runner_pids():
    out = subprocess.run(["pgrep", "-f", "flame-runner .*" + os.environ["XDG_RUNTIME_DIR"]], capture_output=True, text=True).stdout
    return sorted(int(pid) for pid in out.split())


def main():
    count, seed, plugins = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    rng = random.Random(seed)
    originals = [open(path, "rb").read() for path in plugins]
    subprocess.run(["flame", "run", plugins[0], "add", "1", "2"], check=True, stdout=subprocess.DEVNULL)
    with open("facts.json", "wb") as file:
        subprocess.run(["flame", "image-facts"], check=True, stdout=file)
    before, bad = runner_pids(), []
    for i in range(count):
        data = mutate(rng.choice(originals), rng)
        path = f"m{i}.so"
        with open(path, "wb") as file:
            file.write(data)
        for name, why in (("inspect", check_static(["flame", "inspect", "--json", path], False)),
                          ("check", check_static(["flame", "check", "--json", "--against", "facts.json", path], True)),
                          ("run", check_run(path, "add", ["1", "2"]))):
            if why:
                bad.append((i, name))
                print(f"seed {seed} mutant {i} {name}: {why}", flush=True)
        if bad and bad[-1][0] == i and os.environ.get("FLAME_KEEP_MUTANTS"):
            continue
        os.unlink(path)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    after = runner_pids()
    print(f"{count} mutants, {len(bad)} bad answers, flame's peak {peak // 1024} MiB")
    if before != after or not before:
        print(f"the runner changed: {before} -> {after}")
    if peak > MEMORY_MAX_KB:
        print("that is too much memory")
    return 1 if bad or before != after or not before or peak > MEMORY_MAX_KB else 0


sys.exit(main())
