#!/bin/bash
# Boot the guest.
#
#   run.sh demo               the main job, shown
#   run.sh shell              a prompt
#   run.sh scenario NAME      one boot of lab/boots
#   run.sh with KERNEL SCENARIO SECONDS OPTIONS [OPTION...]
#                             one scenario on a kernel of your choice
#   run.sh all KERNEL FILE [WHICH]
#                             the boots of lab/boots on the plain ("kernel") or the
#                             debug kernel ("debug"), a line of results for each
#                             is appended to FILE; WHICH is a pattern for the
#                             second column, default all
. "$(dirname "$0")/lib.sh"

KERNEL=kernel
SLOW=1

vm() {
	python3 "$ROOT/lab/vm.py" --qemu "$(cat "$CACHE/qemu.command")" --logs "$LOGS" \
		--kernel "$CACHE/out/$KERNEL/arch/x86/boot/bzImage" --initrd "$CACHE/initrd-$KERNEL" \
		--accel "$ACCEL" "$@"
}

# The device node of KVM proves nothing, a boot in time does
accelerator() {
	[ -z "${LAB_ACCEL:-}" ] || { echo "$LAB_ACCEL"; return; }
	ACCEL="" vm --probe
}

boots() { grep -v '^#' "$ROOT/lab/boots"; }

# boot LINE OPTION...: LINE is one of lab/boots
boot() {
	local name seconds options scenarios
	read -r name _ seconds options scenarios <<<"$1"
	shift
	[ "$options" != - ] || options=
	# shellcheck disable=SC2086
	vm --name "$name-$KERNEL" --timeout $((seconds * SLOW)) --boot-timeout $((60 * SLOW)) \
		${options//,/ } "$@" $scenarios
}

prepare() {
	need python3=python3
	"$ROOT/lab/guest.sh" initrd "$KERNEL"
	ACCEL=$(accelerator)
}

case ${1:-} in
demo)
	prepare
	vm --name demo --timeout 120 demo
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
	[ "$KERNEL" = kernel ] || SLOW=5
	prepare
	rc=0
	while read -r line; do
		# shellcheck disable=SC2053
		[[ $(awk '{print $2}' <<<"$line") == ${4:-*} ]] || continue
		boot "$line" --quiet --results "$3" || rc=1
	done < <(boots)
	exit $rc
	;;
*)
	die "usage: $0 demo|shell|scenario NAME|with KERNEL SCENARIO SECONDS OPTIONS|all KERNEL FILE"
	;;
esac
