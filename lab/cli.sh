#!/bin/bash
# The command line, tools/cxl. Built here, against this machine's libcxl; the guest
# has another, and others have others.
#
#   cli.sh build DIR     build, and copy cxl-cli to DIR
#   cli.sh test          unit tests, inputs at random, help and manual pages: each
#                        prints "ok ..." or "not ok ..."
. "$(dirname "$0")/lib.sh"

OUT=$CACHE/out/cli

sources() {
	need pkg-config=pkg-config /usr/include/cxl/libcxl.h=libcxl-dev /usr/include/json-c/json.h=libjson-c-dev \
		/usr/include/uuid/uuid.h=uuid-dev /usr/include/numa.h=libnuma-dev
	mkdir -p "$1/tests"
	cp -u "$ROOT"/tools/cxl/{Makefile,*.c,*.h} "$1/"
	cp -u "$ROOT"/tools/cxl/tests/{*.c,*.h,help} "$1/tests/"
}

build() {
	sources "$OUT"
	make -s -C "$OUT" CC="ccache gcc" CFLAGS="-O2 -g -Werror" cxl-cli
	install -D -m 755 "$OUT/cxl-cli" "$1/cxl-cli"
}

FAILED=0
FLAGS="-O1 -g -Werror"

# target NAME TARGET: a target of the Makefile
target() {
	local log=$LOGS/cli-$2.log began=$SECONDS
	if make -C "$OUT-test" CC="ccache gcc" CFLAGS="$FLAGS" "$2" >"$log" 2>&1; then
		say "ok cxl-cli: $1 ($((SECONDS - began)) s)"
	else
		say "not ok cxl-cli: $1, see $log"
		tail -n 15 "$log" | sed 's/^/    /'
		FAILED=1
	fi
}

tests() {
	need ccache=ccache valgrind=valgrind help2man=help2man
	sources "$OUT-test"
	target "unit tests with sanitizers" test-asan
	target "unit tests with valgrind" test-valgrind
	target "inputs at random" test-fuzz
	target "help, options and manual pages agree" test-help
	exit $FAILED
}

case ${1:-} in
build) build "$2" ;;
test) tests ;;
*) die "usage: $0 build DIR|test" ;;
esac
