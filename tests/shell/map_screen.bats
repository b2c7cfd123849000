#!/usr/bin/env bats
# The progress block on a real terminal (tmux): three widths, a resize, and where it must not be.
load common
load terminal
setup() { common_setup; command -v tmux >/dev/null || skip "needs tmux"; mkfifo gate; }
teardown() { close_terminal; common_teardown; [ -z "${rewritten:-}" ] || { echo "rewritten: look at the diff"; false; }; }

# The block's lines: the last ones that are not empty.
block() { screen | grep . | tail -n "$1"; }

# Two items are done and one waits at the gate.
start() { printf '%s\n' /dev/null /dev/null "$work/gate" >in; terminal "$1" "flame map ${2:-} $plugins/faults.so hold <in >out"; await "2/3 done"; }
finish() { : >gate; await "status "; }

# A priced engine, three items that are over, one of them failed, and one at the gate; until no rate is shown any more,
# so that the block stands still but for the cost.
start_whole() {
  priced 0.001
  printf '%s\n' /dev/null /nowhere /dev/null "$work/gate" >in
  terminal "$1" "flame map --max-cost 1000 $plugins/faults.so hold <in >out"
  await "3/4 done"
  for _ in $(seq 400); do case "$(screen)" in *"(1 busy)"*) case "$(screen)" in */s*) ;; *) return 0 ;; esac ;; esac; sleep 0.05; done
  screen; return 1
}
# Until the block has been drawn a few times: tmux tells its program of a new size some time later.
drawn_anew() {
  local cost times
  for times in 1 2 3 4; do
    cost=$(screen | grep -o '\$[0-9.]*')
    for _ in $(seq 400); do [ "$(screen | grep -o '\$[0-9.]*')" = "$cost" ] || break; sleep 0.05; done
  done
}
# whole NAME: the screen is golden/NAME.screen, numbers that move aside. FLAME_ACCEPT=1 rewrites it, and then the test fails.
whole() {
  local file=$BATS_TEST_DIRNAME/golden/$1.screen
  screen | sed -E 's/\$[0-9]+\.[0-9]+/$N/; s/ +$//' | sed -E "${2:-}" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >got
  if [ "${FLAME_ACCEPT:-}" = 1 ]; then cp got "$file"; rewritten=1; return; fi
  diff -u "$file" got
}

@test "the whole screen at 40, 80 and 200 columns" {
  for columns in 40 80 200; do
    start_whole "$columns"
    whole "map-$columns"
    finish
    [ "$columns" -lt 200 ] || whole map-end 's/[0-9]+(\.[0-9]+)?(e[+-][0-9]+)? (us|ms|s)\b/T/g; s/[0-9.]+\/s/R/; s/[0-9.]+ runner seconds/N runner seconds/; s/for [0-9]+ %/for N %/'
    flame pool destroy --yes
  done
}

@test "the whole screen after a resize in mid-run; at the end nothing of the old block is left" {
  start_whole 200
  tmux_here resize-window -x 30 -y 12; drawn_anew   # what stood above wraps, and scrolls away
  tmux_here resize-window -x 60 -y 12; drawn_anew
  whole map-resized
  finish
  same "$(screen | grep -c '3/4 done' || true)" 0
  holds "$(screen)" "4 items: 3 done, 1 failed"
}

@test "not with --no-progress, --quiet, TERM=dumb, NO_COLOR or in a pipe" {
  printf '/dev/null\n' >in
  terminal 100 "NO_COLOR=1 flame map $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *runner*) false ;; esac
  terminal 100 "flame map --no-progress $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *runner*) false ;; esac
  terminal 100 "flame map --quiet $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *items:*) false ;; esac
  terminal 100 "TERM=dumb flame map $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *items:*) false ;; esac
  expect 0 flame map "$plugins/faults.so" hold <in; same "$err" ""
}

@test "at a terminal it works line by line" {
  terminal 80 "flame map $samples/math.so add 100"
  await "items are read from the terminal"
  keys 5 Enter; await 105
  keys 6 Enter; await 106
  keys C-d; await "status 0"
}

@test "Ctrl-C at a terminal: what runs is finished, how to go on is said, the shell sees 130" {
  start 100 "--joblog log"
  keys C-c
  await "stopping"; await "flame map --resume --joblog log"
  : >gate
  await "3 items: 3 done"
  keys 'echo status $?' Enter   # the list that it was part of has ended with it
  await "status 130"
}

@test "a runner that boots is shown as booting" {
  held_boots
  terminal 80 "seq 3 | flame map $samples/math.so add 1"
  await "0 runners (1 booting)"
  : >boot_gate
  await "status 0"
  holds "$(screen)" 4
}
