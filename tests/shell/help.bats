#!/usr/bin/env bats
# Help, man pages and completions say the same, because they come from one table or are compared here.
load common
load golden
setup() {
  common_setup
  man=$BATS_TEST_DIRNAME/../../man
  commands=$(flame --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
  [ "$(wc -w <<<"$commands")" -ge 5 ]
}
teardown() { common_teardown && nothing_rewritten; }

# Of the table's rows, which are indented by two; what they say stands after two spaces more.
options_of() { flame "$1" --help | grep -E '^  -' | sed 's/^  //; s/  .*//' | grep -oE -- "$2" | tr -d ' ' | sort -u; }

@test "every command's help fits a screen and has an example; 'flame help X' is the same" {
  for command in $commands; do
    expect 0 flame "$command" --help
    same "$err" ""
    [ "$(wc -l <"$out_file")" -le 24 ] || { echo "$command: $(wc -l <"$out_file") lines"; false; }
    [ "$(wc -L <"$out_file")" -le 80 ] || { echo "$command: $(wc -L <"$out_file") columns"; false; }
    holds "$out" "Example: "
    same "$(flame help "$command")" "$out"
  done
  expect 0 flame help; [ "$(wc -l <"$out_file")" -le 24 ]
  same "$(flame)" "$out"
}

@test "options in help and in the man page are the same, both ways" {
  for command in $commands; do
    options_of "$command" '(^| )--?[a-zA-Z0-9][a-z-]*' >help.txt
    # Only the entries of options: a line of its own, in whatever section.
    grep '^\*-' "$man/flame-$command.1.scd" | grep -oE '\*--?[a-zA-Z0-9][a-z-]*\*' | tr -d '*' | sort -u >man.txt
    [ -s help.txt ]
    grep -xf man.txt help.txt | diff - man.txt
    diff help.txt man.txt
  done
}

@test "the verbs of 'pool' in help and man page are the same" {
  sed -n '/kVerbs/,/^};/s/^    {"\([a-z]*\)", ".*/\1/p' "$BATS_TEST_DIRNAME/../../cli/commands/pool_options.cpp" | sort >verbs.txt
  [ "$(wc -l <verbs.txt)" -ge 7 ]
  sed -n '/^# VERBS/,/^# OPTIONS/p' "$man/flame-pool.1.scd" | sed -n 's/^\*\([a-z]*\)\*$/\1/p' | sort | diff verbs.txt -
  for verb in $(cat verbs.txt); do flame pool --help | grep -q "^  $verb "; done
}

@test "misspelt commands, options and verbs: the nearest is named" {
  refused unknown-command 125 flame runn
  refused unknown-option 125 flame run --timeuot 3s x.so f
  refused unknown-letter 125 flame run -nz x.so f
  refused unknown-verb 125 flame pool stauts
  refused unknown-pool-option 125 flame pool status --jsno
  refused option-without-value 125 flame run --timeout
  refused flag-with-value 125 flame run --raw=yes x.so f
  refused no-plugin 125 flame run
  refused bad-duration 125 flame run --timeout soon x.so f
  refused bad-cause-fd 125 flame run --cause-fd 77 x.so f
  refused option-of-another-verb 125 flame pool warm --json
}

@test "bundled short options, --long=value, and -- before the plugin" {
  expect 0 flame run -nq --timeout=30s -- "$samples/math.so" add 1 2; same "$out" 3
  expect 0 flame run -nqh; holds "$out" "Usage: flame run"
}

@test "completions know every command, option and verb that help shows; they are installed where shells look" {
  same "$(flame __complete "" | cut -f1)" "$commands"$'\nhelp\nversion'
  for command in $commands; do
    options_of "$command" '--[a-z-]+' >help.txt
    [ -s help.txt ]
    flame __complete "$command" -- | cut -f1 | sort | diff help.txt -
  done
  same "$(flame __complete pool "" | cut -f1 | paste -sd' ')" "$(flame pool --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | paste -sd' ')"
  cmp <(flame completion bash) "$FLAME_PREFIX/share/bash-completion/completions/flame"
  cmp <(flame completion zsh) "$FLAME_PREFIX/share/zsh/site-functions/_flame"
  cmp <(flame completion fish) "$FLAME_PREFIX/share/fish/vendor_completions.d/flame.fish"
}
