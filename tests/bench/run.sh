#!/usr/bin/env bash
# flame run: P1 (warm), P8 (first), P9 (crash) as whole processes against the floor, gearman and curl; P7 (idle memory).
. "$(dirname "$0")/common.bash"
rounds=${1:-300}

mkfifo floor.stdin
"$programs/floor" serve "$work/floor.sock" <floor.stdin & peers+=($!)
exec 9>floor.stdin
port=$((20000 + $$ % 20000))
gearmand --port "$port" --listen 127.0.0.1 --log-file "$work/gearmand.log" --pid-file "$work/gearmand.pid" --job-retries 0 & peers+=($!)
gcc -O2 "$bench_dir/gearman_worker.c" -o gearman_worker -lgearman
until_true gearadmin --port "$port" --server-version
./gearman_worker "$port" & peers+=($!)
until_true timeout 2 gearman -p "$port" -h 127.0.0.1 -f add 2:40
until_true "$programs/floor" call "$work/floor.sock" 2 40
math=$samples/math.so faults=$plugins/faults.so
flame run "$math" add 2 40 >/dev/null
socket=$(flame pool status --json | jq -r '.[0].address.unix')
printf '{"path":"%s","function":"add","args":[2,40]}' "$math" >body.json

echo "P1: a warm call"
"$programs/measure" "$rounds" <<LIST
floor: one frame, one daemon, one kept worker | $programs/floor call $work/floor.sock 2 40 | 0 |
flame run math.so add 2 40 | flame run $math add 2 40 | 0 |
gearman client, C worker | gearman -p $port -h 127.0.0.1 -f add 2:40 | 0 |
curl to the runner's POST /v1/run | curl -s --unix-socket $socket http://flame/v1/run -d @body.json | 0 |
LIST

echo; echo "P9: a crash, seen by its caller, and the next call"
"$programs/measure" $((rounds / 6)) <<LIST
flame run math.so add 2 40 | flame run $math add 2 40 | 0 |
flame run faults.so segfault | flame run $faults segfault | 139 |
the next call of that plugin | flame run $faults echo_i64 7 | 0 |
LIST

echo; echo "P7: memory of an idle runner without a worker (PSS)"
flame pool destroy --yes
flame pool warm
echo "flame-runner: $(pss_kib "$(flame pool status --json | jq '.[0].pid')") KiB; gearmand: $(pss_kib "${peers[1]}") KiB"

echo; echo "P8: the first call, with nothing running"
"$programs/measure" $((rounds / 6)) <<LIST
flame run math.so add 2 40, warm | flame run $math add 2 40 | 0 |
flame run math.so add 2 40, first | flame run $math add 2 40 | 0 | flame pool destroy --yes
LIST
