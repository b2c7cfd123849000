#!/usr/bin/env bash
# links.sh [COUNT]: a flame map that holds so many links and has nothing to do: its memory for each, its CPU; and how long it takes
# to make them. One runner has all the links, under as many names: what is measured is the client.
. "$(dirname "$0")/common.bash"
count=${1:-1000}
ulimit -n "$(ulimit -Hn)"

# links N: prints "seconds pss_kib cpu_ms_in_10_s voluntary_switches_in_10_s" of a map that has N links and waits.
links() {
  local n=$1 address begun pid
  printf '[pool.default]\nslots = 1\nmax = %s\nidle_timeout = "0"\n' "$n" >flame.toml
  flame pool warm >/dev/null
  address=$(flame pool status --json | jq -r '.[0].address.unix')
  for ((k = 1; k < n; ++k)); do ln -s "$address" "${address/default-0/default-$k}"; done
  mkfifo items; begun=$EPOCHREALTIME
  flame map --min-runners "$n" --unordered "$plugins/faults.so" sleep_ms <items >out & pid=$!
  exec 7>items; echo 1 >&7
  until [ "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -ge "$n" ]; do sleep 0.02; done
  local seconds; seconds=$(bc -l <<<"$EPOCHREALTIME - $begun")
  seq $((2 * n)) | sed 's|.*|1|' >&7  # each link is used
  until [ "$(wc -l <out)" -gt "$((2 * n))" ]; do sleep 0.1; done
  sleep 1
  local cpu switches; cpu=$(awk '{print $14 + $15}' "/proc/$pid/stat"); switches=$(awk '/^voluntary/ {print $2}' "/proc/$pid/status")
  sleep 10
  cpu=$((($(awk '{print $14 + $15}' "/proc/$pid/stat") - cpu) * 1000 / $(getconf CLK_TCK)))
  switches=$(($(awk '/^voluntary/ {print $2}' "/proc/$pid/status") - switches))
  printf '%.3f %s %s %s\n' "$seconds" "$(pss_kib "$pid")" "$cpu" "$switches"
  exec 7>&-; wait "$pid"; rm items
  for ((k = 1; k < n; ++k)); do rm "${address/default-0/default-$k}"; done
  flame pool destroy --yes >/dev/null
}

links 1 >one; links "$count" >all
read -r one_s one_kib one_cpu one_switches <one
read -r all_s all_kib all_cpu all_switches <all
echo "| links | until they are there | memory (PSS) | each | CPU in 10 s, idle | switches in 10 s |"
echo "|---|---|---|---|---|---|"
echo "| 1 | $one_s s | $one_kib KiB | | $one_cpu ms | $one_switches |"
echo "| $count | $all_s s | $all_kib KiB | $(((all_kib - one_kib) / (count - 1))) KiB (target 64) | $all_cpu ms (target 100) | $all_switches |"
