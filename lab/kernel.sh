#!/bin/bash
# Configure and build a kernel from the assembled tree.
#
#   kernel.sh config NAME FRAGMENT...   configuration from lab/config/FRAGMENT.config
#   kernel.sh build NAME                bzImage and modules, and those of cxl_test
#
# The output is $CACHE/out/NAME. A symbol that a fragment asks for, no later one asks
# otherwise for, and that does not survive is an error, whatever the reason.
. "$(dirname "$0")/lib.sh"

config() {
	local name=$1 out=$CACHE/out/$1 files=() fragment lost
	shift
	for fragment; do files+=("$ROOT/lab/config/$fragment.config"); done
	mkdir -p "$out"
	cat "${files[@]}" >"$out/.config.asked"
	make -s -C "$TREE" O="$out" KCONFIG_ALLCONFIG="$out/.config.asked" KCONFIG_CONFIG="$out/.config.new" allnoconfig >/dev/null
	# keep the time of a configuration that has not changed
	cmp -s "$out/.config.new" "$out/.config" || cp "$out/.config.new" "$out/.config"
	# the unpatched kernel has none of our symbols
	[ "$name" != stock ] || sed -i -e /CXL_SYSRAM/d -e /MEMORY_GUARD/d "$out/.config.asked"
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
	make -C "$TREE" O="$out" -j"$JOBS" CC="ccache ${KCC:-gcc}" KBUILD_BUILD_TIMESTAMP=@0 \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_VERSION=1 "$@"
}

# A build takes minutes when cold: say where it is. cxl_test has a cxl_core and
# others of its own, written to ../../../drivers relative to its output.
build() {
	local out=$CACHE/out/$1
	kmake "$out" bzImage modules &&
		{ [ ! -e "$TREE/tools/testing/cxl/test/dcd.c" ] ||
			kmake "$out" M=tools/testing/cxl MO="$out-cxl_test/tools/testing/cxl" modules; }
}

case ${1:-} in
config) shift; config "$@" ;;
build)
	need flex=flex bison=bison bc=bc ccache=ccache gcc=gcc /usr/include/libelf.h=libelf-dev cpio=cpio xz=xz-utils depmod=kmod python3=python3
	step "building kernel $2 (cold: some minutes)" "kernel-$2" build "$2"
	;;
*) die "usage: $0 config NAME FRAGMENT...|build NAME" ;;
esac
