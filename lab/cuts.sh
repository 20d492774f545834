#!/bin/bash
# The kernel up to the end of each part of the series, built and booted: what can be
# merged by itself has to work by itself.
#
#   cuts.sh [PART...]     those that patches/series marks with @PART
. "$(dirname "$0")/lib.sh"

# Boots of lab/boots that a part is the first to pass. Before there is a sysram_region,
# the kernel is built only, and all of it is what the other tests are for.
boots_of() {
	case $1 in
	static) echo handover transitions unplug teardown resize operations neighbours vetoes failures regions others blocks memkind ;;
	policies) echo explicit guard boot knobs daxctl ;;
	dcd) echo guard handover ;;
	dynamic) echo untagged dcd-device mock-again churn ;;
	tags) echo dcd tags mock-offers mock-forced fabric ;;
	fixes|mm|dax) ;;
	*) die "which boots a part \"$1\" can pass is not said in lab/cuts.sh" ;;
	esac
}

build() {
	env -u LAB_TREE "$ROOT/lab/tree.sh" cut "$1" "$LAB_TREE" &&
		"$ROOT/lab/kernel.sh" build cut
}

# boot PART NAME...
boot() {
	export RESULTS=$LOGS/cut-$1.results
	rm -f "$RESULTS"
	"$ROOT/lab/run.sh" some cut "$@"
}

need python3
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(sed -n 's/.* @//p' "$ROOT/patches/series")
whole=$(sed -n 's/.* @//p' "$ROOT/patches/series" | tail -n 1)
for part; do
	[ "$part" != "$whole" ] || continue
	export LAB_TREE=$CACHE/tree-cut LAB_KERNEL="cut"
	verdict "$part: builds" "cut-$part" build "$part"
	names=$(boots_of "$part")
	# shellcheck disable=SC2086
	[ -z "$names" ] || verdict "$part: $names" "cut-$part-boots" boot "$part" $names
	git -C "$CACHE/tree" worktree remove --force "$LAB_TREE"
done
exit $FAILED
