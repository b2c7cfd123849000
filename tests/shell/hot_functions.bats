#!/usr/bin/env bats
# The lists by which the linker lays side by side what a start and a warm call run (tests/bench/hot_functions.sh).
load common.bash

# of PROGRAM LIST: how many names of the list the program has, and over how many KiB most of these are spread.
spread() {
  nm --defined-only "$1" | awk -v list="$2" '
    function hex(s,  n, i) { n = 0; for (i = 1; i <= length(s); ++i) n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return n }
    BEGIN { while ((getline name <list) > 0) wanted[name] = 1 }
    $2 ~ /[tTwW]/ && ($3 in wanted) { print hex($1) }' | sort -n >"$BATS_TEST_TMPDIR/at"
  awk '{at[NR] = $1} END {print NR, int((at[int(NR * 0.9)] - at[int(NR * 0.1) + 1]) / 1024)}' "$BATS_TEST_TMPDIR/at"
}

@test "functions of a warm call lie side by side in flame and flame-runner" {
  for pair in cli:flame runner:flame-runner; do
    list=$BATS_TEST_DIRNAME/../../${pair%:*}/hot_functions.txt
    read -r found kib < <(spread "$FLAME_BUILD/${pair%:*}/${pair#*:}" "$list")
    echo "$pair: $found of $(wc -l <"$list") names found, nine tenths within $kib KiB"
    # Names of other CPUs' string functions are in the list too; new code makes a list grow old slowly.
    [ "$found" -gt $(($(wc -l <"$list") * 6 / 10)) ]
    [ "$kib" -lt 1024 ]
  done
}
