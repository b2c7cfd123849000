#!/usr/bin/env bats
# Plugins that the runner lacks: sent once, checked, shared, kept by content; files that travel along.
load common
setup() {
  common_setup
  mkdir "$work/private" "$work/hidden"
  flame pool warm
  sock=$(flame pool status --json | jq -r '.[0].address.unix')
  store=$(echo "$XDG_RUNTIME_DIR"/flame/local-*)/flame-default-0.store
}
teardown() { common_teardown; }

# apart COMMAND…: in a mount namespace of its own, where $work/private holds what $work/hidden does. The runner sees an empty
# folder there, as one in another machine does.
apart() {
  local flags=-rm
  [ "$(id -u)" -eq 0 ] && flags=-m
  unshare $flags --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$work/hidden" "$work/private" "$@"
}
blobs() { find "$store/blobs" -type f 2>/dev/null | wc -l; }
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
# A plugin of many bytes: what stands behind the tables is read by nobody.
large() { { cat "$samples/math.so"; head -c "$2" /dev/urandom; } >"$1"; }

@test "a plugin that the runner lacks is sent once and kept by its hash" {
  cp "$samples/math.so" hidden/math.so
  expect 0 apart flame run private/math.so add 1 2; same "$out" 3; same "$err" ""
  same "$(blobs)" 1
  cmp "$store/blobs/$(hash_of hidden/math.so).so" hidden/math.so
  before=$(stat -c '%i %Z' "$store"/blobs/*)
  expect 0 apart flame run private/math.so add 1 3; same "$out" 4
  same "$(stat -c '%i %Z' "$store"/blobs/*)" "$before"
  same "$(curl -s -o /dev/null -w '%{http_code}' -I --unix-socket "$sock" "http://flame/v1/plugins/$(hash_of hidden/math.so)")" 200
}

@test "a plugin that the runner has at that path is not sent" {
  expect 0 flame run "$samples/math.so" add 1 2
  same "$(blobs)" 0
}

@test "--no-ship, and image: which never sends: 127, and nothing is kept" {
  cp "$samples/math.so" hidden/math.so
  expect 127 apart flame run --no-ship private/math.so add 1 2; holds "$err" "$work/private/math.so"
  expect 127 apart flame run "image:$work/private/math.so" add 1 2
  same "$(blobs)" 0
}

@test "stdin and @file go to the function although the plugin was sent first" {
  cp "$samples/text.so" hidden/text.so; cp "$plugins/faults.so" hidden/faults.so
  seq 200000 >in.txt
  apart flame run private/text.so upper <in.txt | cmp - in.txt
  cat in.txt | apart flame run private/faults.so echo_bytes - | cmp - in.txt
}

@test "ten callers at once share one transfer" {
  large hidden/large.so 20000000
  for i in $(seq 10); do apart flame run private/large.so add "$i" 1 >"out.$i" 2>"err.$i" & done
  wait
  for i in $(seq 10); do same "$(cat "out.$i" "err.$i")" $((i + 1)); done
  same "$(ls "$store/blobs")" "$(hash_of hidden/large.so).so"
}

@test "two plugins under one name never mix; a replaced one is another" {
  for _ in 1 2 3; do
    cp "$samples/math.so" hidden/new.so; mv hidden/new.so hidden/it.so
    expect 0 apart flame run private/it.so add 1 2; same "$out" 3
    cp "$samples/text.so" hidden/new.so; mv hidden/new.so hidden/it.so
    expect 0 apart flame run private/it.so word_count @/dev/null; same "$out" 0
    expect 127 apart flame run private/it.so add 1 2
  done
  same "$(blobs)" 2
}

@test "libraries beside the plugin and files of --with travel along; the layout stays" {
  mkdir hidden/lib; cp "$plugins/travels.so" "$plugins/libshipped.so" hidden; echo hello >hidden/data.txt; echo there >elsewhere.txt
  expect 0 apart flame run private/travels.so from_library; same "$out" 4711
  expect 0 apart flame run private/travels.so from_file data.txt; same "$out" null
  expect 0 apart flame run --with private/data.txt --with elsewhere.txt private/travels.so from_file data.txt; same "$out" '"hello\n"'
  expect 0 apart flame run --with private/data.txt --with elsewhere.txt private/travels.so from_file elsewhere.txt; same "$out" '"there\n"'
  expect 0 apart flame run --with private/data.txt --with elsewhere.txt private/travels.so from_library; same "$out" 4711
  # Another content of a file is another set; the library is not sent again.
  echo new >hidden/data.txt
  expect 0 apart flame run --with private/data.txt private/travels.so from_file data.txt; same "$out" '"new\n"'
  same "$(blobs)" 5
  expect 125 apart flame run --with elsewhere.txt --with hidden/../elsewhere.txt private/travels.so from_library; holds "$err" elsewhere.txt
  expect 127 apart flame run --with nothing.txt private/travels.so from_library; holds "$err" nothing.txt
}

@test "a library named by --with is found although the plugin names no folder" {
  mkdir hidden/lib; cp "$plugins/travels.so" hidden; cp "$plugins/libshipped.so" hidden/lib
  expect 126 apart flame run private/travels.so from_library; holds "$err" libshipped.so
  expect 0 apart flame run --with private/lib/libshipped.so private/travels.so from_library; same "$out" 4711
}

@test "on the link: resumed where it stopped, shared, taken over from a sender of wrong bytes; nonsense refused" {
  large big.so 1000000
  same "$(python3 "$BATS_TEST_DIRNAME/ship.py" "$sock" big.so resume)" 'wanted {"from":0}
wanted {"from":0}
wanted {"from":300000}
stored
stored'
  large big2.so 1000000
  same "$(python3 "$BATS_TEST_DIRNAME/ship.py" "$sock" big2.so shared)" 'wanted {"from":0}
wanted {"wait":true}
stored stored'
  large big3.so 1000000
  same "$(python3 "$BATS_TEST_DIRNAME/ship.py" "$sock" big3.so takes_over)" 'wanted {"from":0}
wanted {"wait":true}
not stored: protocol
wanted {"from":0}
stored'
  large big4.so 1000000
  same "$(python3 "$BATS_TEST_DIRNAME/ship.py" "$sock" big4.so wrong)" 'link ended: protocol
link ended: protocol
link ended: protocol
link ended: protocol
link ended: protocol
link ended: protocol
not stored: limit
not stored: protocol
wanted {"from":0} stored'
  for file in big.so big2.so big3.so; do cmp "$file" "$store/blobs/$(hash_of $file).so"; done
}

@test "by curl: stored, was there, not those bytes, no such name; a store has its limit" {
  own=$work/own
  FLAME_SECRET=0123456789abcdef0123456789abcdef "$FLAME_PREFIX/bin/flame-runner" --listen 127.0.0.1:0 --name small --store "$own" --store-max-bytes 100000 2>runner.log &
  runner=$!
  for _ in $(seq 200); do port=$(grep -o '127\.0\.0\.1:[0-9]*' runner.log | head -n 1) && [ -n "$port" ] && break; sleep 0.02; done
  put() { curl -s -o answer -w '%{http_code}' -H 'Authorization: Bearer 0123456789abcdef0123456789abcdef' "$@" "http://$port/v1/plugins/$name"; }
  for i in 1 2 3; do
    head -c 40000 /dev/urandom >blob.$i; name=$(hash_of blob.$i)
    same "$(put -T blob.$i)" 201; same "$(put -T blob.$i)" 200; same "$(put -I)" 200
  done
  name=$(hash_of blob.1); same "$(put)" 404
  name=$(hash_of blob.2); same "$(put)" 200
  same "$(put -T blob.1)" 200
  name=$(hash_of answer); same "$(put -T blob.1)" 422; same "$(jq .status answer)" 422
  name=../x; same "$(put -T blob.1)" 404; name=xyz; same "$(put -T blob.1)" 400
  head -c 200000 /dev/urandom >blob.4; name=$(hash_of blob.4); same "$(put -T blob.4)" 413
  same "$(curl -s -o /dev/null -w '%{http_code}' "http://$port/v1/plugins/$name")" 401
  same "$(ls "$own/blobs" | sort)" "$(for i in 2 3; do echo "$(hash_of blob.$i).so"; done | sort)"
  kill "$runner"; wait "$runner"
}

@test "replaced while a call runs: it keeps the bytes that it began with, and that is said" {
  cp "$plugins/faults.so" it.so; mkfifo held
  flame run ./it.so hold "$work/held" >out 2>err &
  exec 7>held
  cp "$samples/math.so" new.so; mv new.so it.so
  expect 0 flame run ./it.so add 1 2; same "$out" 3
  exec 7>&-
  wait $!
  same "$(cat out)" true
  holds "$(cat err)" "it.so' was replaced while the call ran"
}
