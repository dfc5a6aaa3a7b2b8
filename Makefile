# SPDX-License-Identifier: ISC
#
# A thin front for Meson: `make run` starts herald, `make test` tests it. HACKING.md says more.

BUILD   = build
HERALD  = $(BUILD)/herald
SECONDS = 60
ROUNDS  = 20
ARGS    =

.PHONY: build setup setup-test run test check asan fuzz bench coverage crash install clean help \
	rooms size format tidy cppcheck manlint shellcheck selftest

build: setup
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

help:
	@sed -n 's/^## //p' Makefile

## make              build into build/ (installs what building needs)
## make setup        install what building and running need; nothing when all is there
setup:
	@tools/setup run

setup-test: setup
	@tools/setup test

## make run          build and start the server on loopback (ARGS='-c FILE' for a configuration)
run: build
	@exec $(HERALD) serve $(ARGS)

## make test         build and run every test; ends with 'N passed, N failed'
test: setup-test
	@tools/test-all --build $(BUILD)

## make check        every checker of form: rooms size format tidy cppcheck manlint shellcheck selftest
check: rooms size format manlint shellcheck selftest cppcheck tidy

rooms: setup-test
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD) --quiet
	@tools/check-rooms --build $(BUILD)

size:
	@tools/check-size

format: setup-test
	@tools/check-format

tidy: setup-test
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD) --quiet
	@tools/check-tidy $(BUILD)

cppcheck: setup-test
	@tools/check-cppcheck

manlint: setup-test
	@tools/check-man

shellcheck: setup-test
	@tools/check-scripts

selftest:
	@tools/check-self

## make asan         the whole suite under AddressSanitizer and UBSan, in build-asan/
asan: setup-test
	@tools/test-all --build build-asan --option=-Db_sanitize=address,undefined --option=-Db_lundef=false

## make fuzz         every fuzz target for SECONDS=60 each, in build-fuzz/
fuzz: setup-test
	@tools/fuzz $(SECONDS)

## make bench        herald, Postfix and Exim side by side; prints ratios
bench: build setup-test
	@bench/all

## make coverage     which lines the tests run; fails when a parser (tools/parsers.txt) is under its share
coverage: setup-test
	@tools/coverage

## make crash        kill processes under load, ROUNDS=20 times; no acknowledged message may be missing
crash: build setup-test
	@test/crash/run --rounds $(ROUNDS)

install: build
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) build-asan build-fuzz build-coverage
