#!/usr/bin/env bash
# Formatting, the coroutine rule, that every header compiles alone, and that chaos' planted bugs still fit the code.
set -uo pipefail
cd "$(dirname "$0")/.."
bad=0
mapfile -t sources < <(git ls-files '*.cpp' '*.hpp')
mapfile -t headers < <(git ls-files '*.hpp' '*.h')

clang-format-14 --dry-run --Werror "${sources[@]}" || { echo "lint: formatting; run: clang-format-14 -i FILE"; bad=1; }

# g++ 12 miscompiles many coroutine expressions: there are none here; whoever adds one adds the clang-query rule.
if grep -nE '\bco_(await|yield|return)\b' "${sources[@]}"; then
  echo "lint: coroutines are not used in this code base: g++ 12 miscompiles them"; bad=1
fi

compiles_alone() {
  local compiler
  case "$1" in *.h) compiler=(gcc -std=c11 -x c) ;; plugin-sdk/*) compiler=(g++ -std=c++17 -x c++) ;; *) compiler=(g++ -std=c++20 -x c++) ;; esac
  echo "#include \"$1\"" | "${compiler[@]}" -fsyntax-only -Wall -Wextra -I. -Iplugin-sdk/include -DFMT_HEADER_ONLY - ||
    { echo "lint: $1 does not compile alone"; return 1; }
}
export -f compiles_alone
printf '%s\0' "${headers[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'compiles_alone {}' || bad=1

for bug in tests/chaos/bugs/*.patch; do
  git apply --check "$bug" || { echo "lint: $bug does not apply: plant it anew, see that chaos finds it, and note the seed in its README"; bad=1; }
done
exit $bad
