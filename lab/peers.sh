#!/bin/bash
# Other people's tests, in the guest, on our kernel and on the unpatched one: the cxl
# suite of ndctl, from Debian's source of it, and selftests of the kernel. What the
# unpatched kernel passes, ours must, in the same configuration. Nothing of that source
# is kept here.
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

# cxl-topology.sh of version 81 fails on both kernels, in any configuration: a port of 7.3
# has no dports before the first memdev behind it comes, and "cxl enable-port -m" looks
# for memdevs by the dports of the port that it has just bound.
# Version, suite of Debian, and where the guest has that version of cxl
SUITES=("81 trixie /usr" "85 forky /opt/cxl85")
# Selftests of mm that say something of what we touch, and run in the guest in
# reasonable time (hugetlb_fault_after_madv does not)
MM=(compaction_test hugetlb-madvise hugetlb-mmap hugetlb-mremap hugetlb-read-hwpoison hugetlb-shm hugetlb-soft-offline
	hugetlb_madv_vs_map memory-failure migration pagemap_ioctl soft-dirty)
OVER=$CACHE/overlay-peers

# The source alone, without Debian's patches, kept
fetch() {
	local dir=$SHARED/ndctl.$$ kept=$SHARED/ndctl-$1.tar
	[ ! -e "$kept" ] || return 0
	mkdir -p "$dir"
	(cd "$dir" && SOURCES="trixie forky" papt update && SOURCES="trixie forky" papt source --tar-only "ndctl/$2") &&
		mv "$dir"/ndctl_"$1"*.orig.tar.* "$kept" || true
	rm -rf "$dir"
	[ -e "$kept" ]
}

suite() {
	local dir=$OVER/peers/cxl-$1
	mkdir -p "$dir"
	tar -xf "$SHARED/ndctl-$1.tar" -C "$dir" --strip-components=1 --wildcards '*/test/common' '*/test/security.sh' '*/test/cxl-*'
	printf 'export CXL=%s/bin/cxl DAXCTL=%s/bin/daxctl NDCTL=/usr/bin/ndctl TEST_PATH=.\n' "$3" "$3" >"$dir/test/environment"
}

selftests() {
	local headers=$CACHE/out/headers dir=$OVER/peers/mm
	mkdir -p "$headers" "$dir" "$OVER/peers/kernel"
	make -s -C "$TREE" O="$headers" headers
	make -s -C "$TREE/tools/testing/selftests/mm" O="$headers" OUTPUT="$dir" LDFLAGS=-static \
		KHDR_INCLUDES="-isystem $headers/usr/include" "${MM[@]/#/$dir/}"
	strip "${MM[@]/#/$dir/}"
	cp -r "$TREE"/tools/testing/selftests/kselftest "$OVER/peers/kernel/"
	mkdir "$OVER/peers/kernel/memory-hotplug"
	cp "$TREE/tools/testing/selftests/memory-hotplug/mem-on-off-test.sh" "$OVER/peers/kernel/memory-hotplug/"
}

# run KERNEL: its results by name, a line for each
run() {
	[ "$1" != stock ] || export LAB_TREE=$CACHE/tree-stock
	rm -f "$CACHE/peers.$1"
	"$ROOT/lab/guest.sh" initrd "$1"
	"$ROOT/lab/run.sh" with "$1" peers 1200 --topology,peers,--append,cxl.modules=off,--append,lab.udev \
		--initrd versions.cpio --initrd "$OVER.cpio" --keep "$CACHE/peers.$1" --quiet
}

# What others who plug memory see, on the unpatched kernel; ours is in lab/boots
others() {
	export LAB_TREE=$CACHE/tree-stock
	"$ROOT/lab/run.sh" with stock others 200 --topology,others,--append,memhp_default_state=online_movable
}

# verdicts: ours against that of the unpatched kernel
verdicts() {
	local name stock ours
	printf '  %-8s %-8s %s\n' stock ours name
	while read -r name stock ours; do
		printf '  %-8s %-8s %s\n' "$stock" "$ours" "$name"
		case "$stock $ours" in
		pass\ pass|fail\ *) say "ok $name" ;;
		skip\ skip) if grep -qx "peers/$name" "$ROOT/lab/skips"; then say "ok $name # SKIP"; else say "not ok $name # skipped, and not on the list"; FAILED=1; fi ;;
		skip\ pass) say "ok $name" ;;
		*) say "not ok $name # $ours, and $stock on the unpatched kernel"; FAILED=1 ;;
		esac
	done < <(join -a 1 -a 2 -e nothing -o 0,1.2,2.2 <(sort "$CACHE/peers.stock") <(sort "$CACHE/peers.plain"))
}

need_keyring
need gcc libc6-dev libnuma-dev binutils cpio rsync xz-utils python3
rm -rf "$OVER" "$OVER.cpio"
for line in "${SUITES[@]}"; do
	read -r version suite _ <<<"$line"
	if fetch "$version" "$suite" >"$LOGS/peers-fetch.log" 2>&1; then
		# shellcheck disable=SC2086
		suite $line
	else
		say "  the mirror does not give the source of ndctl $version ($suite): its suite is not run"
		if grep -qx "peers/cxl-$version" "$ROOT/lab/skips"; then
			say "ok cxl-$version # SKIP no source"
		else
			say "not ok cxl-$version # no source"
			FAILED=1
		fi
	fi
done
step "building the kernel's selftests" peers-build selftests
(cd "$OVER" && find . | cpio -o -H newc -R 0:0 --quiet) >"$OVER.cpio"
"$ROOT/lab/kernel.sh" build plain
"$ROOT/lab/stock.sh" build
for kernel in stock plain; do
	step "running them, kernel \"$kernel\"" "peers-$kernel" run $kernel || FAILED=1
done
verdicts
verdict "virtio-mem, a DIMM and memoryX/state, on the unpatched kernel" peers-others others
exit $FAILED
