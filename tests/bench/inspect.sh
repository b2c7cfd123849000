#!/usr/bin/env bash
# P16: flame inspect of a plugin of 200 MB, against readelf -V. With data alone, and with 100,000 exported symbols.
. "$(dirname "$0")/common.bash"
include=$FLAME_BUILD/stage/usr/local/include
head -c 200000000 /dev/urandom >blob
cat >big.c <<'C'
#include <flame/plugin.h>
__asm__(".section .rodata\n.globl blob\nblob: .incbin \"blob\"\n.text");
static int one(flame_call *call) { return call->host->result_i64(call, 1); }
#define FUNCTIONS(F) F(one, "() -> i64", "One.", "idempotent", "")
FLAME_PLUGIN_C("big", "1.0", FUNCTIONS)
C
seq 100000 | sed 's/.*/int exported_function_number_&(void){return 1;}/' >many.c
gcc -O1 -shared -fPIC -I"$include" big.c -o data.so
gcc -O0 -shared -fPIC -I"$include" big.c many.c -lstdc++ -o symbols.so
# A file is hashed once; what was written just now is not remembered, so: until it is.
for plugin in data symbols; do
  until [ "$(ls "$XDG_CACHE_HOME/flame/plugins" 2>/dev/null | grep -c "$(stat -c %i "$plugin.so")")" = 1 ]; do flame inspect "$plugin.so" >/dev/null; done
done
python3 - <<'P'
import statistics, subprocess, time
def ms(words, runs=21):
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        took.append((time.perf_counter() - start) * 1e3)
    return statistics.median(took)
print("| P16, median ms | flame inspect | readelf -V | ratio |\n|---|---|---|---|")
for name in ("data", "symbols"):
    ours, theirs = ms(["flame", "inspect", name + ".so"]), ms(["readelf", "-V", name + ".so"])
    print(f"| 200 MB, {name} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")
P
