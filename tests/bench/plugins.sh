#!/usr/bin/env bash
# Plugins: hashing against openssl; sending 10 MB to 1 and to 20 runners, 500 MB within its memory; what a crash report costs.
. "$(dirname "$0")/common.bash"
rounds=${1:-20}

ms() { local from to; from=$(date +%s%N); "$@" >/dev/null 2>&1; to=$(date +%s%N); echo $(((to - from) / 1000)) | sed 's/...$/.&/'; }
# A plugin of so many bytes, of which half can be packed, as machine code and its tables can.
large() { { cat "$samples/math.so"; head -c $(($2 / 2)) /dev/urandom; head -c $(($2 / 2)) /dev/zero; } >"$1"; }
apart() { unshare "$([ "$(id -u)" -eq 0 ] && echo -m || echo -rm)" --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$work/hidden" "$work/private" "$@"; }
mkdir -p hidden private

echo "sha256 of a file of 256 MiB in memory, MB/s"
head -c 268435456 /dev/zero >/dev/shm/flame-bench.$$; trap 'rm -f /dev/shm/flame-bench.$$; finish' EXIT
openssl speed -seconds 1 -bytes 1048576 sha256 2>/dev/null | awk '/^sha256/ {print "openssl speed: " $2}'
"$programs/hash" /dev/shm/flame-bench.$$

echo; echo "sending a plugin of 10 MB: ms from call to result (the second call sends nothing)"
large hidden/ten.so 10000000
flame pool warm
echo "1 runner: first $(ms apart flame run private/ten.so add 1 2), second $(ms apart flame run private/ten.so add 1 2)"
for i in $(seq 20); do flame pool warm --pool "p$i" & done; wait
twenty() { for i in $(seq 20); do apart flame run --pool "p$i" private/ten.so add 1 2 & done; wait; }
echo "bytes on the wire, each: about $(zstd -1 -q -c hidden/ten.so | wc -c)"
echo "20 runners at once: first $(ms twenty), second $(ms twenty)"
for i in $(seq 20); do flame pool destroy --pool "p$i" --yes & done; wait

echo; echo "sending 500 MB: peak memory of flame and of its runner, MiB"
large hidden/huge.so 500000000
pid=$(flame pool status --json | jq '.[0].pid')
apart python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print("flame: %.1f" % (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))' flame run private/huge.so add 1 2
awk '/VmHWM/ {printf "flame-runner: %.1f\n", $2 / 1024}' "/proc/$pid/status"

echo; echo "a crash and its report"
bare=$work/bare; cp -r "$FLAME_BUILD/stage/usr/local" "$bare"; rm "$bare/libexec/flame/flame-symbolize"
"$bare/bin/flame" pool warm
"$programs/measure" "$rounds" <<LIST
crash with its lines named | flame run $plugins/crashes.so null_write | 139 |
the same without the helper that names them | $bare/bin/flame run $plugins/crashes.so null_write | 139 |
a call that returns | flame run $samples/math.so add 1 2 | 0 |
LIST
