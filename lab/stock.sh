#!/bin/bash
# The unpatched kernel, built with the same configuration: what ours is compared
# with.
#
#   stock.sh build       assemble and build it, as kernel "stock"
#   stock.sh record      write lab/stock.shape, see lab/scenarios/shape
#   stock.sh check       does lab/stock.shape still say what it does?
. "$(dirname "$0")/lib.sh"

export LAB_TREE=$CACHE/tree-stock

build() {
	if [ "$(cat "$CACHE/tree-stock.source" 2>/dev/null)" != "$(git -C "$TREE" rev-parse refs/lab/base)" ]; then
		rm -rf "$LAB_TREE"
		git -C "$TREE" worktree prune
		step "unpacking the unpatched kernel" tree-stock git -C "$TREE" worktree add -f --detach "$LAB_TREE" refs/lab/base
		git -C "$TREE" rev-parse refs/lab/base >"$CACHE/tree-stock.source"
	fi
	"$ROOT/lab/kernel.sh" build stock
}

# shape FILE: what the unpatched kernel shows
shape() {
	rm -f "$1"
	"$ROOT/lab/run.sh" with stock shape 180 --append,lab.record --keep "$1" --quiet
}

case ${1:-} in
build) build ;;
record)
	build
	shape "$CACHE/stock.shape"
	cp "$CACHE/stock.shape" "$ROOT/lab/stock.shape"
	;;
check)
	build
	shape "$CACHE/stock.shape"
	if diff -u "$ROOT/lab/stock.shape" "$CACHE/stock.shape" >"$LOGS/stock.diff"; then
		say "ok lab/stock.shape is what the unpatched kernel shows"
	else
		head -n 20 "$LOGS/stock.diff"
		say "not ok lab/stock.shape is not what the unpatched kernel shows: make stock-shape"
	fi
	;;
*) die "usage: $0 build|record|check" ;;
esac
