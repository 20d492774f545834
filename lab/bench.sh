#!/bin/bash
# Figures against the unpatched kernel of the same configuration: both run the scenario
# "bench" in turn, so that what else the machine does hits both. What counts are the
# ratios of the medians.
#
#   bench.sh          five times, 1 to 64 GiB, one and two processors: $CACHE/bench/
#                     table, json, svg
#   bench.sh quick    three times, 4 and 16 GiB, held against lab/bench.baseline
#   bench.sh record   the same, and write lab/bench.baseline
. "$(dirname "$0")/lib.sh"

DIR=$CACHE/bench
case ${1:-} in
"") ROUNDS=5 SIZES=1:4:16:64 CPUS="2 1" ;;
quick|record) ROUNDS=3 SIZES=4:16 CPUS=2 ;;
*) die "usage: $0 [quick|record]" ;;
esac

# once KERNEL CPUS: a line for each figure, "KERNEL CPUS WAY WORK GIB MICROSECONDS"
once() {
	local kept=$DIR/kept
	rm -f "$kept"
	[ "$1" != stock ] || local LAB_TREE=$CACHE/tree-stock
	export LAB_TREE
	"$ROOT/lab/run.sh" with "$1" bench 900 \
		"--topology,many,--append,memhp_default_state=online_movable,--append,lab.sizes=$SIZES,--append,lab.used=10:50:90,--append,maxcpus=$2" \
		--keep "$kept" --quiet && sed "s/^/$1 $2 /" "$kept" >>"$DIR/figures"
}

need python3
[ -n "${1:-}" ] || need gnuplot-nox
rm -rf "$DIR"
mkdir -p "$DIR"
"$ROOT/lab/kernel.sh" build plain
"$ROOT/lab/stock.sh" build
for ((round = 1; round <= ROUNDS; round++)); do
	for cpus in $CPUS; do
		for kernel in stock plain; do
			step "round $round of $ROUNDS, kernel \"$kernel\", $cpus processors" "bench-$kernel" once "$kernel" "$cpus"
		done
	done
done
python3 "$ROOT/lab/bench.py" "$DIR" "$ROOT/lab/bench.baseline" "${1:-full}"
[ -n "${1:-}" ] || (cd "$DIR" && gnuplot plot.gp)
