#!/bin/bash
# Boot the guest.
#
#   run.sh demo               the main job, shown
#   run.sh shell              a prompt
#   run.sh scenario NAME      one boot of lab/boots
#   run.sh with KERNEL SCENARIO SECONDS OPTIONS [OPTION...]
#                             one scenario on a kernel of your choice
#   run.sh all KERNEL STAGE [WHICH]
#                             the boots of lab/boots whose second column matches the
#                             pattern WHICH (default all but cut) on a kernel, as many at
#                             once as there are processors for. Results by name, as STAGE/...,
#                             are appended to the file $RESULTS
#   run.sh some KERNEL STAGE NAME...
#                             the same, of these boots
#   run.sh list WHICH         the names of those whose second column matches
. "$(dirname "$0")/lib.sh"

KERNEL=${LAB_KERNEL:-kernel}

# Deadlines are for guests that hang: they are those of lab/boots, for one guest with
# the plain kernel on an idle machine, times this
slow() {
	case $KERNEL in
	plain|stock|package) echo 2 ;;
	kernel|cut|coverage) echo 4 ;;
	*) echo 10 ;;
	esac
}

vm() {
	python3 "$ROOT/lab/vm.py" --qemu "$(cat "$CACHE/qemu.command")" --logs "$LOGS/$KERNEL" \
		--kernel "$(out_of "$KERNEL")/arch/x86/boot/bzImage" --initrd "$CACHE/initrd-$KERNEL" \
		--accel "$ACCEL" "$@"
}

# The device node of KVM proves nothing, a boot in time does
accelerator() {
	[ -z "${LAB_ACCEL:-}" ] || { echo "$LAB_ACCEL"; return; }
	ACCEL="" vm --probe
}

boots() { grep -v '^#' "$ROOT/lab/boots"; }

# matching COLUMN PATTERN: the lines of lab/boots where it does
matching() {
	local line
	while read -r line; do
		# shellcheck disable=SC2053
		[[ $(awk -v n="$1" '{print $n}' <<<"$line") != $2 ]] || echo "$line"
	done < <(boots)
}

# boot LINE OPTION...: LINE is one of lab/boots
boot() {
	local name seconds options scenarios
	read -r name _ seconds options scenarios <<<"$1"
	shift
	[ "$options" != - ] || options=
	# shellcheck disable=SC2086
	vm --name "$name" --timeout $((seconds * $(slow))) --boot-timeout $((60 * $(slow))) \
		${options//,/ } "$@" $scenarios
}

prepare() {
	need python3
	mkdir -p "$LOGS/$KERNEL"
	"$ROOT/lab/guest.sh" initrd "$KERNEL"
	ACCEL=$(accelerator)
}

# Two virtual processors and some 4 GiB each: a guest waits as often as it works, so
# there are three for two processors, where there is memory for them
at_once() {
	awk -v n=$((JOBS + JOBS / 2)) '/MemAvailable/ {if (n > $2 / 5e6) n = int($2 / 5e6); print n ? n : 1}' /proc/meminfo
}

# Those with the longest deadlines first, so that the last to end is a short one
# run STAGE COLUMN PATTERN
run() {
	local line slots rc=0
	slots=$(at_once)
	rm -rf "$CACHE/kept-$KERNEL"
	mkdir "$CACHE/kept-$KERNEL"
	say "  $slots guests at once"
	while read -r line; do
		while [ "$(jobs -rp | wc -l)" -ge "$slots" ]; do
			wait -n || rc=1
		done
		boot "$line" --quiet --results "$RESULTS" --stage "$1" --keep "$CACHE/kept-$KERNEL/${line%% *}" &
	done < <(matching "$2" "$3" | sort -s -k 3,3nr)
	while [ -n "$(jobs -p)" ]; do
		wait -n || rc=1
	done
	return $rc
}

case ${1:-} in
demo)
	prepare
	vm --name demo --timeout 300 demo
	;;
shell)
	prepare
	vm --shell --append lab.shell
	;;
scenario)
	line=$(boots | awk -v n="${2:-}" '$1 == n')
	[ -n "$line" ] || die "make scenario NAME=..., one of:$(boots | awk '{printf " %s", $1}')"
	prepare
	boot "$line"
	;;
with)
	KERNEL=$2
	prepare
	boot "$3 - $4 $5 $3" "${@:6}"
	;;
all)
	KERNEL=$2
	prepare
	run "$3" 2 "${4:-!(cut)}"
	;;
some)
	KERNEL=$2
	prepare
	run "$3" 1 "@($(IFS='|'; echo "${*:4}"))"
	;;
list)
	matching 2 "$2" | awk '{print $1}'
	;;
*)
	die "usage: $0 demo|shell|scenario NAME|with KERNEL SCENARIO SECONDS OPTIONS|all KERNEL STAGE [WHICH]|some KERNEL STAGE NAME...|list WHICH"
	;;
esac
