#!/bin/sh
# SPDX-License-Identifier: ISC
#
# test_command.sh HERALD DATA - herald explain as it is called: forms of input and output, exit codes.
herald=$1 data=$2 passed=0 failed=0

# expect NAME PATTERN CODE: the output on standard input holds the pattern, and the code is this one
expect() {
    if [ "$code" -eq "$3" ] && printf '%s\n' "$out" | grep -qE -- "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: code %s, printed: %s\n' "$1" "$code" "$out"
    fi
}
run() { out=$("$herald" explain "$@" 2>&1 </dev/null); code=$?; }

run '550 5.1.1 User unknown'
expect 'a text' '^cause +.*rcpt\.unknown' 0
run 550 5.1.1 User unknown
expect 'a text of several words' 'rcpt\.unknown' 0
run "$data/stories/exim-helo.txt"
expect 'a file' 'helo\.forged_local' 0
run --json "$data/stories/nodemailer.json"
expect 'JSON' '^\{"cause":"helo\.unspecified",.*"software":"nodemailer","line":"createTransport' 0
run --software exim --json 'Bad HELO'
expect 'software' '"fixes":\[\{"software":"exim"' 0
run --software nonsense 'Bad HELO'
expect 'unknown software' "no fix lines for 'nonsense'" 64
run --nonsense
expect 'an unknown option' 'nonsense' 64
run
expect 'empty input' 'empty' 65
out=$(printf '550 5.1.1 User unknown\n\n550-5.7.25 no\\n550 5.7.25 PTR record\n' | "$herald" explain --lines -); code=$?
expect 'lines: one object each' '"cause":"ambiguous"' 0
expect 'lines: breaks' '"cause":"ptr\.none' 0
out=$(printf '%s\n' "$out" | wc -l); code=$?
expect 'lines: as many out as in' '^3$' 0
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
