# Terminals for tests (tmux). Each is a server of its own: one that was told to end may still be there when the next
# is wanted. A file that loads this calls close_terminal in its teardown.

terminals=0
tmux_here() { TMUX_TMPDIR=$work tmux -L "t$terminals" -f /dev/null "$@"; }

# open_terminal COLUMNS ROWS COMMAND…: what was open before is closed.
open_terminal() {
  close_terminal
  terminals=$((terminals + 1))
  tmux_here new-session -d -x "$1" -y "$2" "${@:3}"
}
close_terminal() { [ "$terminals" = 0 ] || tmux_here kill-server 2>/dev/null || true; }

# terminal COLUMNS COMMAND…: has a shell run it, in 12 rows; its end is told by "status N".
terminal() {
  open_terminal "$1" 12 "TERM=screen PS1= bash --norc --noprofile"
  shift
  keys "clear; $*; echo status \$?" Enter
}

keys() { tmux_here send-keys "$@"; }
screen() { tmux_here capture-pane -p; }
# await TEXT: until the screen shows it.
await() { for _ in $(seq 400); do case "$(screen)" in *"$1"*) return 0 ;; esac; sleep 0.05; done; echo "no '$1' on:"; screen; return 1; }
# sees PATTERN: until a line of the screen matches.
sees() { for _ in $(seq 400); do screen | grep -q -- "$1" && return; sleep 0.05; done; echo "no '$1' on:"; screen; return 1; }
