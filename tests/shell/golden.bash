# Error texts as they shall be, in tests/shell/golden. FLAME_ACCEPT=1 rewrites them, and then the test fails: a rewrite is no pass.

# What differs from run to run.
normalised() {
  sed -e "s|$work|WORK|g" -e "s|$FLAME_PREFIX|PREFIX|g" -e "s|$FLAME_BUILD|BUILD|g" -e 's/[0-9a-f]\{8\}\.sock/GENERATION.sock/g' \
    -e 's/local-[0-9a-f]\{8\}/local-BUILD/g'
}

# golden NAME: $err is that of golden/NAME.err
golden() {
  local file=$BATS_TEST_DIRNAME/golden/$1.err
  if [ "${FLAME_ACCEPT:-}" = 1 ]; then normalised <"$err_file" >"$file"; rewritten=1; return; fi
  diff -u "$file" <(normalised <"$err_file")
}

# Everything of ours that a command could leave behind; what is known of plugins is meant to stay, once they are old enough, and where
# the time of calls went.
everything() {
  find "$work" \( -path "$work/.*" -o -path "$work/cache" -o -path "$work/state" \) -prune -o -print | sort
  ours | sort
}

# nothing_new BEFORE: of what `everything` told then, nothing has come since.
nothing_new() { same "$(comm -13 <(LC_ALL=C sort <<<"$1") <(everything | LC_ALL=C sort))" ""; }

# refused NAME STATUS COMMAND…: fails so, with an empty stdout, the golden stderr, and nothing left behind.
refused() {
  local name=$1 status=$2 before
  shift 2
  before=$(everything)
  expect "$status" "$@"
  same "$out" ""
  same "$(everything)" "$before"
  golden "$name"
}

# For teardown.
nothing_rewritten() { [ -z "${rewritten:-}" ] || { echo "golden files were rewritten: look at the diff, then run again"; return 1; }; }
