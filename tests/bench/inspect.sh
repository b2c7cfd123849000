#!/usr/bin/env bash
# P16: flame inspect of a plugin of 200 MB, against readelf -V: the first time, once it is known, and with its hash the first time. With
# data alone, and with 100,000 exported symbols.
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
# What was written just now is not remembered, so: until it is.
for plugin in data symbols; do until flame inspect "$plugin.so" | grep -q '^sha256 *[0-9a-f]\{64\}'; do flame inspect --hash "$plugin.so" >/dev/null; done; done
python3 - <<'P'
import glob, os, statistics, subprocess, time
def ms(words, runs=21, first=False):
    took = []
    for _ in range(runs):
        for known in glob.glob(os.environ["XDG_CACHE_HOME"] + "/flame/plugins/*") if first else []:
            os.unlink(known)
        start = time.perf_counter()
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        took.append((time.perf_counter() - start) * 1e3)
    return statistics.median(took)
print("| P16, median ms | known | first time | first time, --hash | readelf -V |\n|---|---|---|---|---|")
for name in ("data", "symbols"):
    inspect = ["flame", "inspect", name + ".so"]
    print(f"| 200 MB, {name} | {ms(inspect):.1f} | {ms(inspect, first=True):.1f} | {ms(inspect + ['--hash'], first=True):.1f} "
          f"| {ms(['readelf', '-V', name + '.so']):.1f} |")
P
