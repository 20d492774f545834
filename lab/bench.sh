#!/bin/bash
# Figures against the unpatched kernel of the same configuration: both run the scenario
# "bench" in turn, so that what else the machine does hits both. What counts are the
# ratios of the medians.
#
#   bench.sh          five times, 1 to 64 GiB, on each shape: $CACHE/bench/ table, json,
#                     svg
#   bench.sh quick    three times, 4 and 16 GiB, held against lab/bench.baseline
#   bench.sh record   the same, and write lab/bench.baseline
#
# A shape is a number of processors, memory blocks of 128 MiB, and the memory map in
# DRAM; but for "blocks", where they are 2 GiB, and "map", where it is on the memory.
. "$(dirname "$0")/lib.sh"

DIR=$CACHE/bench
case ${1:-} in
"") ROUNDS=5 REPEAT=1 SIZES=1:4:16:64 SHAPES="2 1 2-blocks 2-map" ;;
quick|record) ROUNDS=3 REPEAT=3 SIZES=4:16 SHAPES=2 ;;
*) die "usage: $0 [quick|record]" ;;
esac

# options SHAPE: of lab/vm.py
options() {
	local cpus=${1%%-*}
	local common=--append,memhp_default_state=online_movable,--append,maxcpus=$cpus,--append,lab.repeat=$REPEAT
	case $1 in
	*-blocks) echo "--topology,blocks,$common,--append,lab.sizes=${SIZES#1:},--append,memmap=60G\$5G,--append,memmap=1792M\$66G" ;;
	*-map) echo "--topology,many,$common,--append,lab.sizes=$SIZES,--append,memory_hotplug.memmap_on_memory=1" ;;
	*) echo "--topology,many,$common,--append,lab.sizes=$SIZES,--append,lab.used=10:50:90" ;;
	esac
}

# once KERNEL SHAPE: a line for each figure, "KERNEL SHAPE WAY WORK GIB MICROSECONDS"
once() {
	local kept=$DIR/kept
	rm -f "$kept"
	[ "$1" != stock ] || local LAB_TREE=$CACHE/tree-stock
	export LAB_TREE
	"$ROOT/lab/run.sh" with "$1" bench 900 "$(options "$2")" --keep "$kept" --quiet &&
		sed "s/^/$1 $2 /" "$kept" >>"$DIR/figures"
}

need python3
[ -n "${1:-}" ] || need gnuplot-nox
rm -rf "$DIR"
mkdir -p "$DIR"
"$ROOT/lab/kernel.sh" build plain
"$ROOT/lab/stock.sh" build
for ((round = 1; round <= ROUNDS; round++)); do
	for shape in $SHAPES; do
		for kernel in stock plain; do
			step "round $round of $ROUNDS, kernel \"$kernel\", shape $shape" "bench-$kernel" once "$kernel" "$shape"
		done
	done
done
python3 "$ROOT/lab/bench.py" "$DIR" "$ROOT/lab/bench.baseline" "${1:-full}"
[ -n "${1:-}" ] || (cd "$DIR" && gnuplot plot.gp)
