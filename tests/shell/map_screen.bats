#!/usr/bin/env bats
# The progress block on a real terminal (tmux): three widths, a resize, and where it must not be.
load common
setup() { common_setup; command -v tmux >/dev/null || skip "needs tmux"; export TMUX_TMPDIR=$work; mkfifo gate; }
teardown() { tmux -L t kill-server 2>/dev/null || true; common_teardown; }

# terminal COLUMNS COMMAND…: runs it in a terminal of that width.
terminal() {
  local columns=$1; shift
  tmux -L t -f /dev/null new-session -d -x "$columns" -y 12 "TERM=screen PS1= bash --norc --noprofile"
  tmux -L t send-keys "clear; $*; echo status \$?" Enter
}
screen() { tmux -L t capture-pane -p; }
# await TEXT: until the screen shows it.
await() { for _ in $(seq 400); do case "$(screen)" in *"$1"*) return 0 ;; esac; sleep 0.05; done; screen; return 1; }
# The block's lines: the last ones that are not empty.
block() { screen | grep . | tail -n "$1"; }

# Two items are done and one waits at the gate.
start() { printf '%s\n' /dev/null /dev/null "$work/gate" >in; terminal "$1" "flame map ${2:-} $plugins/faults.so hold <in >out"; await "2/3 done"; }
finish() { : >gate; await "status 0"; }

@test "40 columns: on two lines" {
  start 40
  await "1 runner (1 busy)"
  block 2 | sed 's/[0-9.]*\/s  //; s/ETA .* *$//' >got
  [ "$(screen | awk '{ if (length > 39) n++ } END { print n + 0 }')" -le 1 ]   # only the command itself is long
  holds "$(cat got)" "2/3 done"; holds "$(cat got)" "1 runner (1 busy)"
  finish
}

@test "80 and 200 columns: on one line; gone at the end, the summary in its place" {
  for columns in 80 200; do
    start "$columns"
    block 1 | sed -E 's/ +[0-9.]+\/s//; s/ +ETA [0-9.]+ (ms|s|min|h)//' >got
    same "$(cat got)" "2/3 done  1 runner (1 busy)"
    finish
    holds "$(screen)" "3 items: 3 done"
    case "$(screen)" in *"2/3 done"*) false ;; esac
    tmux -L t kill-server
  done
}

@test "a resize in mid-run: no line of the old block is left" {
  start 200
  tmux -L t resize-window -x 30 -y 12
  tmux -L t resize-window -x 60 -y 12
  finish
  same "$(screen | grep -c '2/3 done' || true)" 0
}

@test "not with --no-progress, --quiet, TERM=dumb or in a pipe" {
  printf '/dev/null\n' >in
  terminal 100 "flame map --no-progress $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *runner*) false ;; esac
  tmux -L t kill-server
  terminal 100 "flame map --quiet $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *items:*) false ;; esac
  tmux -L t kill-server
  terminal 100 "TERM=dumb flame map $plugins/faults.so hold <in >out"; await "status 0"
  case "$(screen)" in *items:*) false ;; esac
  expect 0 flame map "$plugins/faults.so" hold <in; same "$err" ""
}

@test "at a terminal it works line by line" {
  terminal 80 "flame map $samples/math.so add 100"
  await "items are read from the terminal"
  tmux -L t send-keys 5 Enter; await 105
  tmux -L t send-keys 6 Enter; await 106
  tmux -L t send-keys C-d; await "status 0"
}

@test "Ctrl-C at a terminal: what runs is finished, how to go on is said, the shell sees 130" {
  start 100 "--joblog log"
  tmux -L t send-keys C-c
  await "stopping"; await "flame map --resume --joblog log"
  : >gate
  await "3 items: 3 done"
  tmux -L t send-keys 'echo status $?' Enter   # the list that it was part of has ended with it
  await "status 130"
}
