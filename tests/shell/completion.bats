#!/usr/bin/env bats
# Completions in the shells themselves, typed in a terminal (tmux): commands, options, files, functions and what an argument
# is from the plugin's manifest, pools from flame.toml.
load common
load terminal
setup() {
  common_setup
  mkdir sub
  cp "$samples/math.so" "$samples/text.so" "$work/"
  cp "$samples/math.so" "$work/with space.so"
  : >photo.ppm
  printf '[pool.default]\nslots = 2\n[pool.render-farm]\nslots = 1\n' >flame.toml
}
teardown() { close_terminal; common_teardown; }

# prompt COMMAND…: a shell, once it is ready.
prompt() { open_terminal 120 40 "$@"; await "READY>"; }
# types TEXT WANTED: types TEXT and Tab, and awaits WANTED. Then empties line and screen.
types() {
  keys -l "$1"
  keys Tab ${tabs:-}
  await "$2"
  keys C-e C-u C-l
  for _ in $(seq 400); do [ "$(screen | grep -c .)" != 1 ] || break; sleep 0.05; done
}

# common_part LOAD: what all three shells complete once LOAD has given them the script: the line grows.
common_part() {
  keys -l "$1; echo loa''ded"
  keys Enter; await loaded; keys C-l
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
  prompt "TERM=screen PS1='READY> ' bash --norc --noprofile --rcfile /dev/null -i"
  common_part ". <(flame completion bash)"
  tabs=Tab
  types "flame run math.so " "is_prime"
  types "flame run math.so add 1 " "b: f64"
  types "flame run --timeout " "DURATION: one deadline for everything"
}

@test "zsh" {
  prompt "TERM=screen PS1='READY> ' zsh -f -i"
  common_part "autoload -Uz compinit; compinit -u -D; . <(flame completion zsh); setopt no_beep"
  types "flame run math.so " "Sum of a and b."
  types "flame run math.so add 1 " "b: f64"
  types "flame run --timeout " "DURATION: one deadline for everything"
}

@test "fish" {
  prompt "TERM=screen fish --no-config -i -C 'function fish_prompt; echo -n \"READY> \"; end; set -g fish_greeting'"
  common_part "flame completion fish | source"
  types "flame run math.so " "Sum of a and b."
  types "flame run math.so add 1 " "b: f64"
}
