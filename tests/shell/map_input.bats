#!/usr/bin/env bats
# flame map: what an item is, where it goes, how results look. xargs's and GNU parallel's promises about input.
load common
setup() { common_setup; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
echo_string() { fmap "$plugins/faults.so" echo_string "$@"; }

@test "lines: empty ones, spaces, quotes, backslashes, leading dashes, CR, tabs: as they are" {
  printf '%s\n' '' ' two  spaces ' "it's" '"quoted"' 'back\slash' '-n' '--timeout' '$(id) `id` *' $'tab\there' $'cr\r' '#' >in
  expect 0 fmap --raw "$plugins/faults.so" echo_string <in
  cmp in "$out_file"
}

@test "the last line needs no newline; NUL in a line; invalid UTF-8 fails its item and no other" {
  same "$(printf 'a\nb' | echo_string)" $'"a"\n"b"'
  printf 'a\0b\nc\n' >in
  fmap "$plugins/faults.so" echo_string <in >got
  printf '"a\\u0000b"\n"c"\n' | cmp - got
  printf 'a\n\xff\xfe\nc\n' >in
  expect 123 echo_string <in; same "$out" $'"a"\n"c"'; holds "$err" "item 2 '\\xff\\xfe'"; holds "$err" UTF-8
}

@test "a line of 2 MiB, and one of 20 MiB" {
  for mib in 2 20; do
    head -c $((mib * 1024 * 1024)) /dev/zero | tr '\0' x >in; echo >>in; echo after >>in
    fmap --raw "$plugins/faults.so" echo_string <in >got
    cmp in got
  done
}

@test "-0: items end with NUL, and so do results" {
  printf 'a\nb\0\0-c' | fmap -0 --raw "$plugins/faults.so" echo_string >got
  printf 'a\nb\0\0-c\0' | cmp - got
  head -c 100000 /dev/urandom | tr -d '\0' >bytes
  fmap -0 "$plugins/faults.so" echo_bytes <bytes | tr -d '\0' | cmp - bytes
}

@test "--from json: a value a line; an array is the argument list; blank lines are none" {
  printf '[1,2]\n\n  [3, 4.5]\n' | fmap --from json "$samples/math.so" add >got; same "$(cat got)" $'3\n7.5'
  printf '1\n[2]\n' | fmap --from json "$samples/math.so" add 10 >got; same "$(cat got)" $'11\n12'
  printf '[[1,2,6]]\n' | fmap --from json "$samples/math.so" mean >got; same "$(cat got)" 3
  printf '[1,2]\n[1,2\n{"a":1}\n[1,x]\n[3,4]\n' >in
  expect 123 fmap --from json "$samples/math.so" add <in; same "$out" $'3\n7'
  same "$(grep -c '^flame: item' "$err_file")" 3
}

@test "--from csv: columns by name, quotes, records of several lines; a missing column is wrong usage" {
  printf 'b,x,a\r\n2,"no, matter",10\r\n3,"two\nlines",20' >in
  expect 0 fmap --from csv "$samples/math.so" add <in; same "$out" $'12\n23'
  printf 'b\n1\n2\n' | fmap --from csv "$samples/math.so" add 10 >got; same "$(cat got)" $'11\n12'
  printf 'a,bb\n1,2\n' >in
  expect 2 fmap --from csv "$samples/math.so" add <in; holds "$err" "no column 'b'"; same "$out" ""
  printf 'a,b\n1\n1,2,3\n"1,2\n' >in
  expect 123 fmap --from csv "$samples/math.so" add <in; holds "$err" "1 fields, the header has 2"
}

@test "--from files: streamed bytes, to a parameter or to a streaming function's input" {
  mkdir d; head -c 3000000 /dev/urandom >d/big; : >d/empty; printf 'a few words' >"d/a b"
  printf '%s\n' d/big d/empty "d/a b" >names
  fmap --from files --results out "$plugins/faults.so" echo_bytes <names
  cmp d/big out/1; cmp d/empty out/2; cmp "d/a b" out/3
  fmap --from files "$samples/text.so" word_count <names | tail -n 1 >got; same "$(cat got)" 3
  fmap --from files --results up "$samples/text.so" upper <names
  same "$(cat up/3)" "A FEW WORDS"; same "$(wc -c <up/1)" 3000000
  printf '%s\n' d/none d d/empty >names
  expect 123 fmap --from files "$samples/text.so" word_count <names; same "$out" 0
  holds "$err" "item 1 'd/none'"; holds "$err" "'d' is not a file"
  expect 2 fmap --from files "$samples/math.so" is_prime <names; holds "$err" "needs a bytes parameter"
}

@test "-I: in place of a word, inside words, several times" {
  same "$(seq 3 | fmap -I {} "$samples/math.so" add {} 10 | tr '\n' ' ')" "11 12 13 "
  same "$(printf 'b\n' | fmap --raw -I % "$plugins/faults.so" echo_string 'a%c%')" abcb
  same "$(seq 2 | fmap -I X "$samples/math.so" add X X | tr '\n' ' ')" "2 4 "
  same "$(printf '[1,2]\n' | fmap --from json -I X "$samples/math.so" add X)" 3
}

@test "-a reads a file and leaves stdin alone" {
  seq 3 >items
  same "$(echo untouched | { fmap -a items "$samples/math.so" add 1 | tr '\n' ' '; cat; })" "2 3 4 untouched"
  expect 125 fmap -a missing "$samples/math.so" add 1 </dev/null; holds "$err" missing
}

@test "fixed arguments: @file for a bytes parameter, @@ for a word that begins with @" {
  printf 'one two' >f
  same "$(echo x | fmap -I none "$plugins/faults.so" echo_string @@none)" '"@x"'
  same "$(echo @f | fmap "$samples/text.so" word_count)" 1   # an item is data, not a command-line word
}

@test "--tag, --to json, void functions" {
  same "$(seq 2 | fmap --tag "$samples/math.so" add 1)" $'1\t2\n2\t3'
  printf '4\nx\n' >in
  expect 123 fmap --to json "$samples/math.so" is_prime <in
  same "$(jq -c '[.seq,.item,.result,.error.kind,(.ms|type),.runner]' "$out_file")" \
    $'[1,"4",false,null,"number","flame-default-0"]\n[2,"x",null,"bad_arguments","number","flame-default-0"]'
  printf '\xff\n' | fmap --to json "$samples/text.so" word_count >got
  same "$(jq -r '.item_encoding + " " + .item' got)" "base64 /w=="
  same "$(printf '[]\n[]\n' | fmap --from json "$plugins/faults.so" nothing)" ""
}

@test "bytes that may hold newlines are refused before it begins" {
  printf 'x\n' >in
  expect 2 fmap "$plugins/faults.so" echo_bytes <in; holds "$err" "use -0"
  expect 2 fmap "$samples/text.so" upper <in; holds "$err" "--results DIR"
  same "$(ours)" ""
  fmap -0 "$samples/text.so" upper <in | cmp - <(printf 'X\n\0')
}

@test "--unordered prints as it comes: a slow item in front holds nobody up" {
  mkfifo gate gate2 results
  printf '%s\n' "$work/gate" "$work/gate2" >in
  fmap --unordered --tag "$plugins/faults.so" hold <in >results & pid=$!
  exec 7<results
  : >gate2; read -r first <&7; same "$first" "$work/gate2"$'\ttrue'
  : >gate; read -r second <&7; same "$second" "$work/gate"$'\ttrue'
  wait "$pid"
}
