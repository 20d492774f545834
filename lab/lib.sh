# shellcheck shell=bash
# Sourced by every script of the lab: where things are, how to speak, and how to
# run a long step so that it shows progress and says which log to read.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$(realpath -m "${CACHE:-$ROOT/.cache}")
TREE=${LAB_TREE:-$CACHE/tree}
LOGS=$CACHE/logs
JOBS=${JOBS:-$(nproc)}
BASE=$(cat "$ROOT/BASE")
export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-3G} LC_ALL=C
# a build must not depend on how make was called: "make -s check" would hide the
# lines by which the static checks see that something was checked
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$LOGS" "$CCACHE_DIR"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

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

# need COMMAND=PACKAGE...: install what the machine lacks
need() {
	local pair missing=()
	for pair; do
		command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] ||
			missing+=("${pair#*=}")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" = 0 ] || die "please install: ${missing[*]}"
	step "installing ${missing[*]}" apt-install apt_install "${missing[@]}"
}

apt_install() {
	apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}
