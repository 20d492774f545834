# shellcheck shell=bash
# Sourced by every script of the lab: where things are, how to speak, and how to
# run a long step so that it shows progress and says which log to read.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$(realpath -m "${CACHE:-$ROOT/.cache}")
# Downloads and the compiler cache: nothing in it decides a result, so checkouts may
# share it. Each entry is known by its content.
SHARED=$(realpath -m "${SHARED:-$CACHE}")
TREE=${LAB_TREE:-$CACHE/tree}
LOGS=$CACHE/logs
JOBS=${JOBS:-$(nproc)}
BASE=$(cat "$ROOT/BASE")
export CACHE SHARED JOBS LC_ALL=C
# Paths below CACHE are no part of what a compilation is known by: see out_of()
export CCACHE_DIR=$SHARED/ccache CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G} CCACHE_BASEDIR=$CACHE CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
# a build must not depend on how make was called: "make -s check" would hide the
# lines by which the static checks see that something was checked
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$LOGS" "$CCACHE_DIR"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# out_of NAME: where kernel NAME is built. Directly below the tree: then Kbuild names
# all files relative to it, and the compiler cache knows them from other checkouts.
out_of() { echo "$TREE/out-$1"; }

# step TEXT LOGNAME COMMAND...: output goes to a log, a dot every few seconds
step() {
	local text=$1 log=$LOGS/$2.log began=$SECONDS pid rc=0
	shift 2
	printf '  %s ' "$text"
	"$@" >"$log" 2>&1 </dev/null & pid=$!
	(while sleep 5; do printf .; done) & local dots=$!
	wait $pid || rc=$?
	kill $dots 2>/dev/null || true
	wait $dots 2>/dev/null || true
	if [ $rc -ne 0 ]; then
		printf ' failed, see %s\n' "$log"
		tail -n 20 "$log" | sed 's/^/    /'
		return $rc
	fi
	printf ' %d s\n' $((SECONDS - began))
}

# verdict NAME LOGNAME COMMAND...: one test, by the command's status. A script that
# has verdicts ends with "exit $FAILED", after the first where only that is wanted.
FAILED=0
verdict() {
	local name=$1 log=$LOGS/$2.log began=$SECONDS
	shift 2
	if "$@" >"$log" 2>&1 </dev/null; then
		say "ok $name # $((SECONDS - began)) s"
	else
		say "not ok $name # see $log"
		tail -n 15 "$log" | sed 's/^/    /'
		FAILED=1
	fi
	[ -z "${LAB_FIRST:-}" ] || exit $FAILED
}

. "$ROOT/lab/tools.sh"
NEEDED=
use_tools
