#!/bin/bash
# Static checks. Each prints "ok ..." or "not ok ..."; what a tool has to say is
# in the log that is named.
#
#   static.sh             all but the next
#   static.sh commits     each commit of the exported series builds by itself
. "$(dirname "$0")/lib.sh"

OUT=$(out_of static)
KERNEL=$(out_of kernel)
# What our patches touch
TARGETS=(drivers/cxl/ drivers/dax/ mm/memory_hotplug.o mm/memory-tiers.o mm/vmscan.o mm/compaction.o mm/sparse.o mm/sparse-vmemmap.o)
# and our own files in mm, and who uses them
MM=(mm/memory_hotplug_op.o mm/memory_hotplug_empty.o mm/memory_hotplug_ranges.o mm/memory_hotplug_lost.o mm/memory_guard.o mm/memory-failure.o drivers/virtio/virtio_mem.o)
# check NAME COMMAND...
check() { verdict "$1" "static-$(tr -c 'a-zA-Z0-9\n' - <<<"$1")" "${@:2}"; }

kmake() { make -C "$TREE" O="$OUT" -j"$JOBS" CC="ccache gcc" HOSTCC="ccache gcc" "$@"; }
new() { git -C "$ROOT" ls-files --cached --others --exclude-standard -- "$@"; }
new_c() { new 'drivers/**.[ch]' 'mm/**.[ch]' 'include/**.h' 'tools/**.[ch]'; }

# The kernel as it was built, in an output of its own: W=1 and C=2 would make the
# next build compile everything again
prepare() {
	[ -e "$KERNEL/vmlinux" ] || "$ROOT/lab/kernel.sh" build kernel
	rm -rf "$OUT"
	cp -a "$KERNEL" "$OUT"
	kmake -s olddefconfig modules_prepare
}

warnings() { kmake W=1e "${TARGETS[@]}" "${MM[@]}"; }

# sparse 0.6.4 fails the kernel's own test for it, and then silently nothing is
# checked: define what is missing, and count what was checked
sparse_run() {
	local log=$LOGS/sparse.out
	kmake C=2 CHECK="sparse -D__typeof_unqual__=typeof" CF=-D__CHECK_ENDIAN__ drivers/cxl/ drivers/dax/ "${MM[@]:0:5}" >"$log" 2>&1 ||
		{ cat "$log"; return 1; }
	[ "$(grep -c '  CHECK ' "$log")" -ge 30 ] || { echo "sparse has checked next to nothing"; return 1; }
	# of our files everything counts, but for module_param() and friends
	! grep -E "($(new_c | sed 's,.*/,,' | paste -sd'|')):[0-9]+" "$log" | grep -v 'bad constant expression'
}

checkpatch_one() {
	local ignore=FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID,ASSIGN_IN_IF,COMMIT_LOG_LONG_LINE,MACRO_ARG_UNUSED
	# TRACE_EVENT() and names of its values are written like that everywhere
	! grep -q '^+TRACE_EVENT(' "$1" ||
		ignore+=,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,COMPLEX_MACRO,TRAILING_SEMICOLON
	# ASSIGN_IN_IF and MACRO_ARG_UNUSED: the style of drivers/cxl for ACQUIRE()
	# and for the types in core.h. MAINTAINERS covers all our paths. The tree has no
	# history to look commits up in.
	"$TREE/scripts/checkpatch.pl" --strict --no-tree --root="$TREE" --no-signoff --no-summary \
		--ignore "$ignore" "$1"
}

checkpatch() {
	"$ROOT/lab/tree.sh" export "$CACHE/export"
	export TREE
	export -f checkpatch_one
	printf '%s\0' "$CACHE"/export/*.patch | xargs -0 -n 1 -P "$JOBS" bash -c 'checkpatch_one "$1"' -
}

# checkpatch --codespell would look for each of 50,000 words in each line: nine tenths of
# its time. What is checked is what the patches say and add.
spelling() {
	awk 'FNR == 1 {code = 0} /^diff --git/ {code = 1} !code || /^\+/ {name = FILENAME; sub(/.*\//, "", name); print name ": " $0}' \
		"$CACHE"/export/*.patch >"$CACHE/export.txt"
	codespell - <"$CACHE/export.txt"
}

kernel_doc() {
	local files
	mapfile -t files < <(new_c | grep -v /tests/ | sed "s,^,$ROOT/,")
	python3 "$TREE/tools/docs/kernel-doc" -Wall -Werror -none "${files[@]}"
}

shells() {
	local files
	mapfile -t files < <(new 'lab/*.sh' 'lab/guest/*' 'lab/scenarios/*' .ci/run tools/cxl/tests/help | grep -vE '\.([ch]|rules|service)$')
	# SC1091: /lab/lib exists in the guest; SC2154: what the libraries set
	(cd "$ROOT" && shellcheck -x -S warning -e SC1091,SC2154,SC2034 "${files[@]}")
}

# What PATH holds of a machine: gcc is here (this script needs it), and a script that
# has not asked for it does not find it; awk is the required one
undeclared() {
	command -v gcc && (NEEDED= && use_tools && ! command -v gcc && [ "$(readlink -f "$(command -v awk)")" = /usr/bin/mawk ])
}

python() {
	local tmp
	tmp=$(mktemp -d)
	PYTHONPYCACHEPREFIX=$tmp python3 -m py_compile "$ROOT"/lab/*.py
	rm -rf "$tmp"
}

spdx() {
	local file bad=0
	while read -r file; do
		head -n 2 "$ROOT/$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || { echo "$file"; bad=1; }
	done < <(new_c; new 'lab/**.[ch]' 'lab/*.py')
	return $bad
}

# tools/testing/cxl builds cxl_core from the same sources, listed a second time: the
# kernel's build has done it
cxl_test() { [ -f "$KERNEL-cxl_test/tools/testing/cxl/cxl_core.ko" ]; }

# The rules of extents against a model, on a seed of the day
extent_test() {
	local out=$CACHE/out/extent_test
	mkdir -p "$out"
	make -s -C "$TREE/tools/testing/cxl/extent" OUTPUT="$out" CC="ccache gcc" &&
		"$out/extent_test" "$(date +%Y%m%d)"
}

# The new modules against an assembled tree, from this repository's Kbuild
external() {
	kmake M="$ROOT" MO="$CACHE/out/external" KBUILD_MODPOST_WARN=1 &&
		[ -f "$CACHE/out/external/drivers/cxl/cxl_sysram.ko" ]
}

abi() { python3 "$TREE/tools/docs/get_abi.py" --dir "$ROOT/Documentation/ABI" validate; }

commits() {
	local dir=$CACHE/commits out=$CACHE/commits/out commit file ours
	"$ROOT/lab/tree.sh" export "$CACHE/export"
	rm -rf "$dir"
	git -C "$TREE" worktree prune
	git -C "$TREE" worktree add -q --detach "$dir" refs/lab/base
	mkdir -p "$out"
	cp "$KERNEL/.config" "$out/.config"
	for commit in $(git -C "$TREE" rev-list --reverse refs/lab/base..refs/lab/series); do
		git -C "$dir" checkout -q "$commit"
		mapfile -t ours < <(for file in "${MM[@]}"; do [ ! -e "$dir/${file%.o}.c" ] || echo "$file"; done)
		check "commit $(git -C "$dir" log -1 --format=%f)" \
			make -C "$dir" O="$out" -j"$JOBS" CC="ccache gcc" HOSTCC="ccache gcc" W=1e olddefconfig "${TARGETS[@]}" "${ours[@]}"
	done
	git -C "$TREE" worktree remove --force "$dir"
}

need gcc libc6-dev binutils flex bison bc libelf-dev ccache python3
if [ "${1:-}" = commits ]; then
	commits
	exit $FAILED
fi
need sparse shellcheck codespell kmod
check "scripts: shellcheck" shells
check "scripts: python" python
check "scripts: a tool that nobody has declared is not found" undeclared
check "SPDX" spdx
check "kernel-doc of new files" kernel_doc
check "checkpatch --strict of the series" checkpatch
check "spelling of the series" spelling
check "ABI documents" abi
check "configuration" prepare
check "gcc W=1e" warnings
check "sparse" sparse_run
check "external module build" external
check "cxl_test builds" cxl_test
check "rules of extents in user space, with sanitizers" extent_test
exit $FAILED
