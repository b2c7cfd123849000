#!/usr/bin/env bats
# Golden round trips: every type, empty, at its limits, binary, unicode; errors of every kind; large ones.
load common
setup() { common_setup; types=$plugins/types.so; }
teardown() { common_teardown; }

# back FUNCTION WORD WANTED: as a word.    json FUNCTION VALUE WANTED: as JSON.
back() { expect 0 flame run "$types" "$1" "$2"; same "$out" "$3"; }
json() { expect 0 flame run --json-args "$types" "$1" "$2"; same "$out" "$3"; }
refused() { expect 125 flame run "$types" "$1" "$2"; same "$out" ""; holds "$err" "$1: parameter 'value"; holds "$err" "$3"; }

@test "integers to their limits, and not one further" {
  back bool true true; back bool false false
  for bits in 8 16 32 64; do
    most=$(((1 << (bits - 1)) - 1)); least=$((-most - 1))
    back i$bits $most $most; back i$bits $least $least; json i$bits $least $least
  done
  back u8 255 255; back u16 65535 65535; back u32 4294967295 4294967295; back u64 18446744073709551615 18446744073709551615
  refused i8 128 "out of range"; refused i8 -129 "out of range"; refused u8 256 "out of range"; refused u8 -1 "out of range"
  refused i16 32768 "out of range"; refused u16 65536 "out of range"; refused i32 2147483648 "out of range"
  refused u32 4294967296 "out of range"; refused i64 9223372036854775808 "out of range"; refused u64 18446744073709551616 "out of range"
  json i32 1.0 1; json u64 1e3 1000; json i64 -0 0
  refused i64 1.5 "wants i64, got '1.5'"; refused i64 NaN "wants i64, got 'NaN'"; refused bool 1 "wants bool, got '1'"
}

@test "floating point: shortest digits, NaN and infinities as words and strings, nothing infinite by size" {
  back f64 0.1 0.1; back f32 0.1 0.1; back f64 -0 0; back f64 5e-324 5e-324; back f64 1.7976931348623157e308 1.7976931348623157e+308
  back f32 3.4028234663852886e38 3.4028235e+38
  back f64 NaN '"NaN"'; back f64 -inf '"-Infinity"'; json f64 '"Infinity"' '"Infinity"'
  json f64s '[0.1,"NaN",1e21,-1e-7]' '[0.1,"NaN",1e+21,-1e-7]'
  refused f64 1e400 "out of range"; refused f32 1e39 "out of range"; refused f64 1,5 "wants f64, got '1,5'"
  expect 125 flame run --json-args "$types" f64 NaN; holds "$err" "not JSON"
}

@test "strings: empty, unicode, escapes, NUL by JSON; bytes: empty, every value" {
  back string "" '""'; back string 'é€🔥' '"é€🔥"'; back string $'a"\\\n\t\x01' '"a\"\\\n\t\u0001"'
  json string '"\ud83d\ude00\u0000x"' '"😀\u0000x"'; json string '"\/"' '"/"'
  expect 125 flame run --json-args "$types" string '"\ud800"'; holds "$err" "surrogate"
  refused string $'a\xff' "not valid UTF-8 at byte 1"
  python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)' >all
  expect 0 flame run "$types" bytes @all; cmp all "$out_file"
  expect 0 flame run "$types" bytes ""; [ ! -s "$out_file" ]
  json bytess '["","AP8=","Zm9v"]' '["","AP8=","Zm9v"]'
  expect 125 flame run --json-args "$types" bytess '["AP8"]'; holds "$err" "'value[0]' wants bytes, got 'AP8', which is not base64"
}

@test "json comes back as it was written; arrays, optionals, nesting" {
  json json '{"a": 12345678901234567890123, "b":[1.10,null]}' '{"a": 12345678901234567890123, "b":[1.10,null]}'
  back json null null
  refused json '{"a":}' "not JSON"; refused json "[1] 2" "not JSON"
  json json "$(printf '%0.s[' {1..256})$(printf '%0.s]' {1..256})" "$(printf '%0.s[' {1..256})$(printf '%0.s]' {1..256})"
  expect 125 flame run --json-args "$types" json "$(printf '%0.s[' {1..257})$(printf '%0.s]' {1..257})"; holds "$err" depth
  # The same by --raw, which unquotes a string alone, by map, and by POST.
  deep="$(printf '%0.s[' {1..256})$(printf '%0.s]' {1..256})"
  same "$(flame run --raw --json-args "$types" json "$deep")" "$deep"
  same "$(flame map --from json --raw "$types" json <<<"[$deep]")" "$deep"
  sock=$(flame pool status --json | jq -r '.[0].address.unix')
  post() { printf '{"path":"%s","function":"json","args":[%s]}' "$types" "$1" | curl -s --unix-socket "$sock" http://flame/v1/run -d @-; }
  same "$(post "$deep")" "{\"result\":$deep}"
  holds "$(post "[$deep]")" "nests deeper than the 256"
  for name in bools i8s u64s f64s strings bytess nested; do back $name '[]' '[]'; done
  json bools '[true, false]' '[true,false]'; json i8s '[1.0,-128]' '[1,-128]'; json u64s '[18446744073709551615]' '[18446744073709551615]'
  json strings '["a","","é"]' '["a","","é"]'; json nested '[[1,null],[],[-2]]' '[[1,null],[],[-2]]'
  expect 125 flame run --json-args "$types" nested '[[1],[2.5]]'; holds "$err" "'value[1][0]' wants i32?, got '2.5'"
  json maybe null null; back maybe null null; expect 0 flame run "$types" maybe; same "$out" null
  json maybe_string null null; back maybe_string null '"null"'
}

@test "records: any order in, their own out; what is missing, unknown or twice is named" {
  json point '{"y":2,"x":1}' '{"x":1,"y":2}'; json point '{"x":1}' '{"x":1,"y":null}'
  all='{"flag":true,"i8":-1,"u64":18446744073709551615,"f32":0.1,"text":"é","data":"AP8=","any":{"k":[]},"points":[{"x":1,"y":null}],"names":["a"]}'
  json everything "$all" "$all"; back everything "$all" "$all"
  refused point '{"y":1}' "a record without 'x'"; refused point '{"x":1,"z":2}' "unknown field 'z'"
  refused point '{"x":1,"x":2}' "'x' twice"; refused point '{"x":"1"}' "'value.x' wants f64"
  expect 125 flame run --json-args "$types" everything "${all/-1/-129}"; holds "$err" "'value.i8' wants i8, got '-129', which is out of range"
}

@test "exceptions: type, message and code" {
  expect 7 flame run --json-errors "$types" throw_code 7; same "$out" ""
  same "$(jq -r '[.kind, .type, .message, .code] | map(tostring) | join("|")' <<<"$err")" "failed|EXAMPLE|with a code|7"
  expect 8 flame run --json-errors "$types" throw_derived 8; holds "$(jq -r .type <<<"$err")" precise_error
  expect 1 flame run --json-errors "$types" throw_standard 'why é'; same "$(jq -r '.type + "|" + .message' <<<"$err")" "std::invalid_argument|why é"
  expect 1 flame run --json-errors "$types" throw_number 42; same "$(jq -r .type <<<"$err")" int
}

@test "what a call may ask and tell" {
  expect 0 flame run "$types" tell; same "$out" ""
  for level in info warning error; do holds "$err" "at $level"; done
  expect 0 flame run "$types" remaining; same "$out" null
  expect 0 flame run --timeout 1h "$types" remaining; [ "$out" -gt 3500000 ]; [ "$out" -le 3600000 ]
  expect 0 flame run "$types" sum '[1,2.5]'; same "$out" 3.5
}

# peak PID: the most memory that it ever held, in KiB.
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }

@test "1 GiB through a stream: unchanged, and nobody holds it" {
  make() { head -c 1G /dev/zero | tr '\0' 'a'; }
  flame pool warm
  flame run "$samples/text.so" upper < <(printf abc) >/dev/null  # the worker is there
  runner=$(flame pool status --json | jq '.[0].pid')
  before=$(peak "$runner")
  make | flame run "$samples/text.so" upper | sha256sum >got &
  wait $!
  after=$(peak "$runner")
  same "$(cat got)" "$(make | tr a A | sha256sum)"
  echo "runner: $before KiB before, $after KiB after"
  [ $((after - before)) -lt 16384 ]
  for pid in $(pgrep -P "$runner"); do [ "$(peak "$pid")" -lt 32768 ]; done
}

# within KIB COMMAND…: runs it, and fails if it ever held more.
within() {
  python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(peak > int(sys.argv[1]) and f"{peak} KiB")' "$@"
}

@test "1 GiB of bytes in and 1 GiB of bytes out, of which flame holds little" {
  truncate -s 1G zeros
  expect 0 within 32768 flame run "$types" size_of @zeros; same "$out" 1073741824
  same "$(within 32768 flame run "$types" make_bytes 1073741824 | sha256sum)" \
    "$(python3 -c 'import sys; b = bytes(range(256)) * 4096
for _ in range(1024): sys.stdout.buffer.write(b)' | sha256sum)"
}
