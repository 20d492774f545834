#!/bin/bash
# Configure and build a kernel from the assembled tree.
#
#   kernel.sh config NAME   its configuration, from fragments in lab/config
#   kernel.sh build NAME    that, and bzImage and modules, also those of cxl_test and
#                           lab/modules
#
# kernel     what is tested: with checks of locks, pages and lists
# plain      the same without these checks, for figures
# debug      with KASAN, kmemleak and UBSAN on top
# coverage   plain, and it counts which of our lines have run
# stock      plain, from the unpatched tree
# cut        as kernel, from the tree of a part of the series, see cuts.sh
# package    plain, and what a machine with systemd needs
#
# The output is out_of NAME. A symbol that a fragment asks for, no later one asks
# otherwise for, and that does not survive is an error, whatever the reason.
. "$(dirname "$0")/lib.sh"

fragments() {
	case $1 in
	kernel|cut) echo base cxl locks ;;
	plain|stock) echo base cxl ;;
	debug) echo base cxl locks debug ;;
	coverage) echo base cxl coverage ;;
	package) echo base cxl package ;;
	*) die "no kernel is named $1" ;;
	esac
}

config() {
	local name=$1 out files=() fragment lost
	out=$(out_of "$name")
	for fragment in $(fragments "$name"); do files+=("$ROOT/lab/config/$fragment.config"); done
	mkdir -p "$out"
	cat "${files[@]}" >"$out/.config.asked"
	make -s -C "$TREE" O="$out" KCONFIG_ALLCONFIG="$out/.config.asked" KCONFIG_CONFIG="$out/.config.new" allnoconfig >/dev/null
	# keep the time of a configuration that has not changed
	cmp -s "$out/.config.new" "$out/.config" || cp "$out/.config.new" "$out/.config"
	# these trees do not have all of our symbols
	case $name in
	stock|cut)
		awk 'NR == FNR {known["CONFIG_" $NF]; next} {s = $0; sub(/^# /, "", s); sub(/[= ].*/, "", s)} s in known' \
			<(find "$TREE" -name 'Kconfig*' -not -path '*/out-*' -exec grep -hE '^[[:space:]]*(menu)?config ' {} +) "$out/.config.asked" >"$out/.config.known"
		mv "$out/.config.known" "$out/.config.asked"
		;;
	esac
	lost=$(grep -hE '^(CONFIG_|# CONFIG_.* is not set)' "$out/.config.asked" |
		awk '{name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name); last[name] = $0} END {for (name in last) print last[name]}' |
		sort | while read -r line; do
		case $line in
		'#'*) ! grep -q "^$(cut -d' ' -f2 <<<"$line")=" "$out/.config" ;;
		*) grep -qx "$line" "$out/.config" ;;
		esac || echo "    $line"
	done)
	[ -z "$lost" ] || die "these symbols did not survive, for kernel $name:"$'\n'"$lost"
}

kmake() {
	local out=$1
	shift
	make -C "$TREE" O="$out" -j"$JOBS" CC="ccache gcc" HOSTCC="ccache gcc" KBUILD_BUILD_TIMESTAMP=@0 \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_VERSION=1 "$@"
}

# A build takes minutes when cold: say where it is. cxl_test has a cxl_core and
# others of its own, written to ../../../drivers relative to its output.
build() {
	local out counted=()
	out=$(out_of "$1")
	[ "$1" != coverage ] || mapfile -t counted < <(counted)
	kmake "$out" "${counted[@]}" bzImage modules &&
		kmake "$out" "${counted[@]}" M=tools/testing/cxl MO="$out-cxl_test/tools/testing/cxl" modules &&
		kmake "$out" M="$ROOT/lab/modules" MO="$out-lab" modules
}

# objects DIR...: how Kbuild is told of the C files there, by their bare names
objects() { find "$@" -name '*.c' | sed -E 's,.*/(.*)\.c,GCOV_PROFILE_\1.o=y,' | sort -u; }

# The lines of which objects are counted: those of the directories that we are at home
# in, and the files of mm that know us; but for names that are also in what runs before,
# or beside, the kernel, where nothing can count
counted() {
	cd "$TREE" || exit
	comm -23 <(objects drivers/cxl drivers/dax mm/memory_guard.c mm/memory_hotplug*.c mm/memory-tiers.c) \
		<(objects arch/x86/{boot,purgatory,realmode,entry} drivers/firmware/efi/libstub)
}

need gcc libc6-dev binutils flex bison bc libelf-dev
case ${1:-} in
config) config "$2" ;;
build)
	need ccache cpio xz-utils kmod python3
	config "$2"
	step "building kernel $2 (cold: some minutes)" "kernel-$2" build "$2"
	;;
*) die "usage: $0 config|build NAME" ;;
esac
