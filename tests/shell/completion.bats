#!/usr/bin/env bats
# Completions in the shells themselves, typed in a terminal (tmux): commands, options, files, functions and what an argument
# is from the plugin's manifest, pools from flame.toml.
load common
setup() {
  common_setup
  export TMUX_TMPDIR=$work
  mkdir sub
  cp "$samples/math.so" "$samples/text.so" "$work/"
  cp "$samples/math.so" "$work/with space.so"
  : >photo.ppm
  printf '[pool.default]\nslots = 2\n[pool.render-farm]\nslots = 1\n' >flame.toml
}
teardown() { tmux -L t kill-server 2>/dev/null || true; common_teardown; }

terminal() {
  tmux -L t -f /dev/null new-session -d -x 120 -y 40 "$@"
  await "READY>"
}
screen() { tmux -L t capture-pane -p; }
# await TEXT: until the screen shows it.
await() { for _ in $(seq 400); do case "$(screen)" in *"$1"*) return 0 ;; esac; sleep 0.05; done; echo "no '$1' on:"; screen; return 1; }
# types TEXT WANTED: types TEXT and Tab, and awaits WANTED. Then empties line and screen.
types() {
  tmux -L t send-keys -l "$1"
  tmux -L t send-keys Tab ${tabs:-}
  await "$2"
  tmux -L t send-keys C-e C-u C-l
  for _ in $(seq 400); do [ "$(screen | grep -c .)" != 1 ] || break; sleep 0.05; done
}

# common_part LOAD: what all three shells complete once LOAD has given them the script: the line grows.
common_part() {
  tmux -L t send-keys -l "$1; echo loa''ded"
  tmux -L t send-keys Enter; await loaded; tmux -L t send-keys C-l
  types "flame comp" "READY> flame completion"
  types "flame help insp" "READY> flame help inspect"
  types "flame pool stat" "READY> flame pool status"
  types "flame run --time" "READY> flame run --timeout"
  types "flame map --retry" "READY> flame map --retry-failed"
  types "flame run mat" "READY> flame run math.so"
  types "flame inspect mat" "READY> flame inspect math.so"
  types "flame run math.so is" "READY> flame run math.so is_prime"
  types "flame run -q --timeout 3s ./math.so is" "math.so is_prime"
  types "flame map --from lines math.so me" "READY> flame map --from lines math.so mean"
  types "flame run --pool ren" "READY> flame run --pool render-farm"
  types "flame run --pool=ren" "READY> flame run --pool=render-farm"
  types "flame config --pool ren" "READY> flame config --pool render-farm"
  types "flame check --against ubuntu:20" "READY> flame check --against ubuntu:20.04"
  types "flame run text.so word_count @pho" "READY> flame run text.so word_count @photo.ppm"
  types "flame run 'with space.so' is" "so' is_prime"
}

@test "bash" {
  terminal "TERM=screen PS1='READY> ' bash --norc --noprofile --rcfile /dev/null -i"
  common_part ". <(flame completion bash)"
  tabs=Tab
  types "flame run math.so " "is_prime"
  types "flame run math.so add 1 " "b: f64"
  types "flame run --timeout " "DURATION: one deadline for everything"
}

@test "zsh" {
  terminal "TERM=screen PS1='READY> ' zsh -f -i"
  common_part "autoload -Uz compinit; compinit -u -D; . <(flame completion zsh); setopt no_beep"
  types "flame run math.so " "Sum of a and b."
  types "flame run math.so add 1 " "b: f64"
  types "flame run --timeout " "DURATION: one deadline for everything"
}

@test "fish" {
  terminal "TERM=screen fish --no-config -i -C 'function fish_prompt; echo -n \"READY> \"; end; set -g fish_greeting'"
  common_part "flame completion fish | source"
  types "flame run math.so " "Sum of a and b."
  types "flame run math.so add 1 " "b: f64"
}
