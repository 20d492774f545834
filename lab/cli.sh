#!/bin/bash
# The command line, tools/cxl. Built here, against this machine's libcxl; the guest
# has another, and others have others.
#
#   cli.sh build DIR     build, and copy cxl-cli to DIR
#   cli.sh test          unit tests, inputs at random, help and manual pages: each
#                        prints "ok ..." or "not ok ..."
#   cli.sh coverage DIR  unit tests, built in DIR, with lines counted
. "$(dirname "$0")/lib.sh"

OUT=$CACHE/out/cli

sources() {
	need gcc libc6-dev ccache pkg-config libcxl-dev libinih-dev libjson-c-dev uuid-dev
	mkdir -p "$1/tests" "$1/man.in"
	cp -u "$ROOT"/tools/cxl/{Makefile,*.c,*.h} "$1/"
	cp -u "$ROOT"/tools/cxl/tests/{*.c,*.h,help} "$1/tests/"
	cp -u "$ROOT"/tools/cxl/man.in/* "$1/man.in/"
}

build() {
	sources "$OUT"
	make -s -C "$OUT" CC="ccache gcc" CFLAGS="-O2 -g -Werror" cxl-cli
	install -D -m 755 "$OUT/cxl-cli" "$1/cxl-cli"
}

# target NAME TARGET: a target of the Makefile
target() { verdict "$1" "cli-$2" make -C "$OUT-test" CC="ccache gcc" CFLAGS="-O1 -g -Werror" "$2"; }

tests() {
	need valgrind help2man
	sources "$OUT-test"
	target "unit tests with sanitizers" test-asan
	target "unit tests with valgrind" test-valgrind
	target "inputs at random" test-fuzz
	target "help, options and manual pages agree" test-help
	exit $FAILED
}

coverage() {
	sources "$1"
	make -s -C "$1" CC=gcc CFLAGS="-O1 -g --coverage" test-unit >/dev/null
}

case ${1:-} in
build) build "$2" ;;
coverage) coverage "$2" ;;
test) tests ;;
*) die "usage: $0 build DIR|test|coverage DIR" ;;
esac
