#!/usr/bin/env bash
# Writes cli/ and runner/hot_functions.txt anew: which functions a start and a warm call run, in the
# order of the first time. The linker lays these side by side, so that few pages are touched (README.md here, "Hot
# functions"). Run it when the path of a call has changed; x86-64 only: FLAME_BUILD=build tests/bench/hot_functions.sh
set -euo pipefail
build=$(realpath "${FLAME_BUILD:?}")
cd "$(dirname "$0")/../.."
work=$(mktemp -d /tmp/flame-hot-XXXXXX)
export XDG_RUNTIME_DIR=$work HOME=$work
tree=$work/tree
trap '"$tree/bin/flame" pool destroy --yes >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
cp -a "$build/stage/usr/local" "$tree"
g++ -O2 -o "$work/steps" tests/bench/steps.cpp
mkdir -p "$work/.config/flame"
printf '[pool.default]\nboot_timeout = "10m"\n' >"$work/.config/flame/flame.toml"  # a step takes microseconds
math=$tree/share/flame/samples/math.so

# functions PROGRAM ADDRESSES…: their names. String functions have a name for each kind of CPU: the others stand beside it.
functions() {
  nm --defined-only "$1" | awk '$2 ~ /[tTwWiIuV]/ {print $1, $3}' | sort >"$work/symbols"
  python3 - "$work/symbols" "${@:2}" <<'PY'
import bisect, re, sys
symbols = sorted((int(a, 16), n) for a, n in (l.split() for l in open(sys.argv[1])))
starts = [a for a, _ in symbols]
kinds = ["avx512_unaligned_erms", "evex_unaligned_erms", "avx_unaligned_erms", "avx2_unaligned_erms", "evex", "evex_movbe", "avx2", "avx2_movbe"]
seen = {}
for path in sys.argv[2:]:
    for line in open(path):
        address = int(line, 16)
        at = bisect.bisect_right(starts, address) - 1
        if at < 0 or address > 1 << 28: continue  # the kernel's page
        seen[symbols[at][1]] = 1
        stem = re.match(r"(__\w+?)_(avx|evex)", symbols[at][1])
        for kind in kinds if stem else []: seen[f"{stem[1]}_{kind}"] = 1
print(*seen, sep="\n")
PY
}

mv "$tree/bin/flame-runner" "$tree/bin/flame-runner.real"
printf '#!/bin/sh\nexec taskset -c 0 %s %s %s "$@"\n' "$work/steps" "$work/flame-runner" "$tree/bin/flame-runner.real" >"$tree/bin/flame-runner"
chmod +x "$tree/bin/flame-runner"
"$tree/bin/flame" run "$math" add 2 40
"$tree/bin/flame" run "$math" add 2 40
taskset -c 0 "$work/steps" "$work/flame" "$tree/bin/flame" run "$math" add 2 40
"$tree/bin/flame" pool destroy --yes
until ! pgrep -f "$work/steps" >/dev/null; do sleep 0.1; done
functions "$tree/bin/flame" "$work"/flame.[0-9]* >cli/hot_functions.txt
functions "$tree/bin/flame-runner.real" "$work"/flame-runner.[0-9]* >runner/hot_functions.txt
wc -l cli/hot_functions.txt runner/hot_functions.txt
