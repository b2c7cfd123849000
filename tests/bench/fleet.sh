#!/usr/bin/env bash
# fleet.sh [--large]: the policy of pools in virtual time; nothing runs for real. --large: 10 million calls too. The curves go
# to build/fleet/.
set -euo pipefail
mkdir -p "$FLAME_BUILD/fleet"
"$FLAME_BUILD/tests/fleet-sim/fleet-sim" "$@" "$FLAME_BUILD/fleet"
echo "curves: $FLAME_BUILD/fleet/*.svg" >&2
