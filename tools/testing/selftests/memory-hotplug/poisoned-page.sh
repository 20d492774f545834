#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A poisoned page that nobody uses goes offline with its memory block, and is still
# poisoned, and not used, when the block is online again.
#
# The block is the last one that is online and removable, or $BLOCK ("memory42"). The
# page stays poisoned until the next boot.

DIR="$(dirname "$(readlink -f "$0")")"
. "$DIR"/../kselftest/ktap_helpers.sh

MEMORY=/sys/devices/system/memory
HWPOISON=19 # the bit in /proc/kpageflags

removable()
{
	local block

	for block in $(ls -d $MEMORY/memory[0-9]* | sort -rV); do
		[ "$(cat $block/state)" = online ] || continue
		[ "$(cat $block/valid_zones)" = Movable ] || continue
		basename $block
		return
	done
}

is_poisoned()
{
	local flags

	flags=$(od -An -t u8 -j $(($1 * 8)) -N 8 /proc/kpageflags)
	[ $((flags >> HWPOISON & 1)) = 1 ]
}

corrupted_kb()
{
	awk '/HardwareCorrupted/ {print $2}' /proc/meminfo
}

# The page may be in use, and migrated first
poison()
{
	printf 0x%x $(($1 * PAGE_SIZE)) >$MEMORY/soft_offline_page
}

ktap_print_header
[ $UID = 0 ] || { ktap_skip_all "must be run as root"; exit $KSFT_SKIP; }
[ -w $MEMORY/soft_offline_page ] || { ktap_skip_all "no soft_offline_page"; exit $KSFT_SKIP; }
BLOCK=${BLOCK:-$(removable)}
[ -n "$BLOCK" ] || { ktap_skip_all "no memory block in ZONE_MOVABLE"; exit $KSFT_SKIP; }

PAGE_SIZE=$(getconf PAGESIZE)
SIZE=$((0x$(cat $MEMORY/block_size_bytes)))
PFN=$((0x$(cat $MEMORY/$BLOCK/phys_index) * SIZE / PAGE_SIZE + SIZE / PAGE_SIZE - 1))
BEFORE=$(corrupted_kb)

ktap_set_plan 7
ktap_print_msg "$BLOCK, pfn $PFN"
ktap_test_result "a page is poisoned" poison $PFN
ktap_test_result "it is marked" is_poisoned $PFN
for i in 1 2; do
	echo offline >$MEMORY/$BLOCK/state
	ktap_test_result "offline ($i)" [ "$(cat $MEMORY/$BLOCK/state)" = offline ]
	echo online_movable >$MEMORY/$BLOCK/state
	ktap_test_result "online, and marked ($i)" eval \
		'[ "$(cat $MEMORY/$BLOCK/state)" = online ] && is_poisoned $PFN'
done
ktap_test_result "it is counted once" [ "$(corrupted_kb)" = $((BEFORE + PAGE_SIZE / 1024)) ]
ktap_finished
