#!/bin/bash
# All tests, in stages; results as they come, and at the end what each stage took and
# what has failed. The last line is "N passed, N failed".
#
#   check.sh          what .ci/run runs
#   check.sh all      and what takes too long for that
#   check.sh static   the static checks alone
#   check.sh first    each stage of the first up to its first result: do all tools exist?
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/results.sh"

MODE=${1:-check}
[ "$MODE" != first ] || export LAB_FIRST=1
TIMES=() CPU=0
export RESULTS=$CACHE/results.new
: >"$RESULTS"

# What everything that has ended has used, in seconds: of one processor, as machines
# differ less in that
cpu() {
	times >"$CACHE/times"
	CPU=$(awk 'NR == 2 {gsub(/[ms]/, " "); print int($1 * 60 + $2 + $3 * 60 + $4)}' "$CACHE/times")
}

# stage NAME COMMAND...: a command that has to succeed for others to make sense
stage() {
	local name=$1 began=$SECONDS used=$CPU rc=0
	shift
	say "== $name"
	"$@" || rc=$?
	cpu
	TIMES+=("$(printf '%6d %6d  %s' $((SECONDS - began)) $((CPU - used)) "$name")")
	return $rc
}

# count NAME COMMAND...: a stage whose "ok ..." and "not ok ..." lines are tests
count() {
	local name=$1 out=$LOGS/count.out rc=0 bad
	shift
	: >"$out"
	stage "$name" "$@" > >(tee "$out") || rc=$?
	wait $! 2>/dev/null || true
	bad=$(grep -c '^not ok ' "$out" || true)
	grep -qE '^(not )?ok ' "$out" || { say "not ok ran no test" | tee -a "$out"; bad=1; }
	[ $rc -eq 0 ] || [ "$bad" -gt 0 ] || say "not ok status $rc" | tee -a "$out"
	sed -nE "s,^((not )?ok ),\\1$name/,p" "$out" >>"$RESULTS"
}

# guests NAME KERNEL [WHICH]: the scenarios of lab/boots; one that has not ended has
# failed
guests() {
	local name=$1 kernel=$2 which=${3:-*} boot
	[ -z "${LAB_FIRST:-}" ] || which=first
	stage "$name" "$ROOT/lab/run.sh" all "$kernel" "$name" "$which" || true
	while read -r boot; do
		grep -qx "# booted $name/$boot" "$RESULTS" || echo "not ok $name/$boot/no end" >>"$RESULTS"
	done < <("$ROOT/lab/run.sh" list "$which")
}

finish() {
	cpu
	say "== time, in seconds"
	say "  wall    CPU"
	printf '%s\n' "${TIMES[@]}" "$(printf '%6d %6d  all' $SECONDS "$CPU")"
	results_end "$MODE"
	exit
}

give_up() {
	echo "not ok $1/nothing behind it can be judged" >>"$RESULTS"
	finish
}

build() { "$ROOT/lab/kernel.sh" build "$1"; }
guest() { "$ROOT/lab/guest.sh" qemu && "$ROOT/lab/guest.sh" root; }
packages() { "$ROOT/lab/packages.sh" deb && "$ROOT/lab/packages.sh" test; }

if [ "$MODE" != static ]; then
	stage "QEMU and guest" guest || give_up "QEMU and guest"
fi
stage "kernel tree" "$ROOT/lab/tree.sh" assemble || give_up "kernel tree"
count "patches" "$ROOT/lab/tree.sh" check
stage "kernel" build kernel || give_up kernel
count "static checks" "$ROOT/lab/static.sh"
count "cxl-cli" "$ROOT/lab/cli.sh" test
[ "$MODE" = static ] || count "configurations" "$ROOT/lab/configs.sh" check
[ "$MODE" != static ] || finish
guests "scenarios" kernel '@(first|all)'
[ "$MODE" = all ] || finish

stage "debug kernel" build debug || give_up "debug kernel"
guests "debug" debug
count "packages" packages
count "the unpatched kernel" "$ROOT/lab/stock.sh" check
count "parts of the series" "$ROOT/lab/cuts.sh"
count "each commit builds by itself" "$ROOT/lab/static.sh" commits
count "all configurations" "$ROOT/lab/configs.sh"
count "peers" "$ROOT/lab/peers.sh"
count "fresh" "$ROOT/lab/fresh.sh"
finish
