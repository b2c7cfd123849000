# Shared by the benches: a runtime directory of their own, the staged install, and an end that leaves nothing.
set -euo pipefail
bench_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=$FLAME_BUILD/stage/usr/local/bin:$PATH
samples=$FLAME_BUILD/stage/usr/local/share/flame/samples
plugins=$FLAME_BUILD/tests/plugins
programs=$FLAME_BUILD/tests/bench
work=$(mktemp -d /tmp/flame-bench-XXXXXX)
export XDG_RUNTIME_DIR=$work/run XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
mkdir -m 0700 "$XDG_RUNTIME_DIR"
peers=()
finish() {
  flame pool destroy --yes >/dev/null 2>&1 || true
  [ ${#peers[@]} -eq 0 ] || { kill "${peers[@]}" 2>/dev/null; wait "${peers[@]}" 2>/dev/null; } || true
  cd /
  rm -rf "$work"
}
trap finish EXIT
cd "$work"
# until_true COMMAND…: for a peer that needs a moment to listen
until_true() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.02; done; echo "bench: never came true: $*" >&2; return 1; }
pss_kib() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
