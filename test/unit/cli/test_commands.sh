#!/bin/sh
# SPDX-License-Identifier: ISC
# test/unit/cli/test_commands.sh HERALD - exit codes and words of the commands, as a script sees them.
herald=$1
passed=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# expect CODE PATTERN WHERE ARGUMENT... - the exit code, and a pattern that standard output (out) or error (err) has;
# the pattern - means that both are empty.
expect() {
	code=$1 pattern=$2 where=$3
	shift 3
	"$herald" "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ "$pattern" = - ]; then
		[ ! -s "$work/out" ] && [ ! -s "$work/err" ]
	else
		grep -q -- "$pattern" "$work/$where"
	fi
	found=$?
	if [ $got -eq "$code" ] && [ $found -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'herald %s: exit %s, want %s and "%s" on %s\n' "$*" $got "$code" "$pattern" "$where"
		cat "$work/out" "$work/err"
	fi
}

: >"$work/empty.conf"
printf 'limits { recipients = 1; sesions = 2 }\n' >"$work/bad.conf"

expect 64 'which command' err
expect 0 'Commands:' out --help
expect 0 '^herald [0-9]' out --version
expect 64 "did you mean 'config'" err confg
expect 64 "no option '--nonsense'" err --nonsense
expect 0 'herald config check' out help config
expect 0 'herald config check' out config --help
expect 0 'herald config check' out config check --help
expect 64 "did you mean 'config'" err help cofnig
expect 64 'check, show, defaults or explain' err config
expect 64 'needs one FILE' err config check
expect 64 "^herald: unrecognized option '--nonsense'" err judge --nonsense
expect 64 "^herald: option '--helo' requires" err judge --helo
expect 64 'FOO is not EHLO or HELO' err judge --client 192.0.2.1 --helo a --verb FOO
expect 64 'FOO is not a policy' err judge --client 192.0.2.1 --helo a --policy FOO
expect 64 'unexpected argument: b' err judge --client 192.0.2.1 --helo a b
expect 64 'not an IP address' err judge --client x --helo a
expect 64 'are needed' err judge --client 192.0.2.1
expect 74 'No such file' err judge --scenario "$work/missing"
expect 74 'Is a directory' err judge --scenario "$work"
expect 64 'not with --client' err judge --self --client 192.0.2.1
expect 0 - out config check "$work/empty.conf"
expect 78 'bad.conf:1:23: error: limits.recipients: out of range' err config check "$work/bad.conf"
expect 78 'did you mean limits.sessions' err config check "$work/bad.conf"
expect 78 '"nearest":"limits.sessions"' out config check --json "$work/bad.conf"
expect 78 'No such file' err config check "$work/missing.conf"
expect 78 'bad.conf' err config show "$work/bad.conf"
expect 0 'unknown_user = accept  # built in' out config show
expect 0 'unknown_user = refuse  # default' out config show "$work/empty.conf"
expect 0 '"key":"limits.recipients"' out config show --json
expect 0 '    recipients = 1000' out config defaults
expect 0 '"key":"queue.lifetime"' out config defaults --json
expect 0 'from 100 to 5000' out config explain limits.recipients
expect 0 'from 100 to 5000' out config explain recipients
expect 64 'nearest: limits.recipients' err config explain limits.recipient
if [ -w /dev/full ]; then
	"$herald" --help >/dev/full 2>"$work/err"
	[ $? -eq 74 ] && passed=$((passed + 1)) || failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
