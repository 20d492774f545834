#!/bin/bash
# All tests, in stages; each stage says how long it took. The last line is
# "N passed, N failed".
#
#   check.sh          what .ci/run runs
#   check.sh all      and what takes too long for that
#   check.sh static   the static checks alone
. "$(dirname "$0")/lib.sh"

RESULTS=$CACHE/results
PASSED=0 FAILED=0 TIMES=()
: >"$RESULTS"

# stage NAME COMMAND...: a command that has to succeed for others to make sense
stage() {
	local name=$1 began=$SECONDS rc=0
	shift
	say "== $name"
	"$@" || rc=$?
	TIMES+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
	return $rc
}

# count NAME COMMAND...: a stage whose "ok ..." and "not ok ..." lines are tests
count() {
	local name=$1 out=$LOGS/count.out rc=0 ok bad
	shift
	stage "$name" "$@" > >(tee "$out") || rc=$?
	wait $! 2>/dev/null || true
	ok=$(grep -c '^ok ' "$out" || true) bad=$(grep -c '^not ok ' "$out" || true)
	[ $((ok + bad)) -gt 0 ] || { say "not ok $name: ran no test"; bad=1; }
	if [ $rc -ne 0 ] && [ "$bad" -eq 0 ]; then
		say "not ok $name: status $rc"
		bad=1
	fi
	PASSED=$((PASSED + ok)) FAILED=$((FAILED + bad))
}

# guests NAME KERNEL WHICH: the scenarios; a boot without a line of results has
# failed. WHICH is a pattern for the second column of lab/boots.
guests() {
	local name=$1 kernel=$2 which=$3 wanted passed failed kind
	: >"$RESULTS"
	stage "$name" "$ROOT/lab/run.sh" all "$kernel" "$RESULTS" "$which" || true
	wanted=0
	while read -r _ kind _; do
		# shellcheck disable=SC2053
		[[ $kind != $which ]] || wanted=$((wanted + 1))
	done < <(grep -v '^#' "$ROOT/lab/boots")
	read -r passed failed < <(awk -v w="$wanted" '{p += $1; f += $2} END {print p + 0, f + (w > NR ? w - NR : 0)}' "$RESULTS")
	say "  $name: $passed passed, $failed failed"
	PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
}

finish() {
	say "== time"
	printf '%s\n' "${TIMES[@]}"
	say "   logs are in $LOGS"
	say "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
	exit
}

give_up() {
	say "not ok $1 failed, nothing behind it can be judged"
	FAILED=$((FAILED + 1))
	finish
}

build() { "$ROOT/lab/kernel.sh" config "$@" && "$ROOT/lab/kernel.sh" build "$1"; }
guest() { "$ROOT/lab/guest.sh" qemu && "$ROOT/lab/guest.sh" root; }

packages() { "$ROOT/lab/packages.sh" deb && "$ROOT/lab/packages.sh" test; }

mode=${1:-}
if [ "$mode" != static ]; then
	stage "QEMU and guest" guest || give_up "QEMU and guest"
fi
stage "kernel tree" "$ROOT/lab/tree.sh" assemble || give_up "kernel tree"
count "patches" "$ROOT/lab/tree.sh" check
if [ "$mode" != static ]; then
	stage "kernel" build kernel base cxl || give_up kernel
fi
count "static checks" "$ROOT/lab/static.sh"
count "cxl-cli" "$ROOT/lab/cli.sh" test
[ "$mode" != static ] || finish
guests "unit tests and scenarios" kernel '[ab]*'
stage "debug kernel" build debug base cxl debug || give_up "debug kernel"
if [ "$mode" = all ]; then
	guests "all scenarios on the debug kernel" debug '[abl]*'
	count "packages" packages
	count "the unpatched kernel" "$ROOT/lab/stock.sh" check
	count "each commit builds by itself" "$ROOT/lab/static.sh" commits
else
	guests "unit tests and scenarios on the debug kernel" debug '[bd]*'
fi
finish
