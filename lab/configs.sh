#!/bin/bash
# Other configurations: each of our options off, as module and built in, kernels
# without what we build on, other processors, another compiler. Kernel and modules are
# linked, with W=1 in our directories.
#
#   configs.sh          all of them
#   configs.sh NAME...  these
#   configs.sh check    two, of which only drivers/cxl, drivers/dax and mm are compiled
. "$(dirname "$0")/lib.sh"

# One configuration is mostly like another: known by what the preprocessor leaves of it
export CCACHE_DEPEND=
unset CCACHE_DEPEND
OURS=(drivers/cxl/ drivers/dax/ mm/)

# What a kernel of a configuration needs in common; then a line for each: name,
# architecture, compiler, symbols
SMALL=(EXPERT SMP PCI PCI_MSI MODULES MODULE_UNLOAD SYSFS PROC_FS DEBUG_FS PRINTK BUG BLOCK TTY ACPI
	MIGRATION COMPACTION TRANSPARENT_HUGEPAGE CXL_BUS DAX)
WIDE=(NUMA ACPI_HMAT MEMORY_FAILURE "${SMALL[@]}")
X86=(64BIT X86_64_ACPI_NUMA X86_MCE EFI EFI_STUB EFI_SOFT_RESERVE ACPI_APEI ACPI_APEI_GHES "${WIDE[@]}")
I386=(X86_32 HIGHMEM4G SPARSEMEM_MANUAL "${SMALL[@]}")
HOTPLUG=(MEMORY_HOTPLUG MEMORY_HOTREMOVE MHP_MEMMAP_ON_MEMORY ZONE_DEVICE FS_DAX)
CXL=(CXL_PCI CXL_ACPI CXL_MEM)
DEVDAX=(DEV_DAX DEV_DAX_HMEM DEV_DAX_CXL DEV_DAX_KMEM)
TESTS=(KUNIT CXL_SYSRAM_KUNIT_TEST CXL_DCD_KUNIT_TEST MEMORY_GUARD_KUNIT_TEST MEMORY_HOTPLUG_KUNIT_TEST)

# all VALUE SYMBOL...
all() { printf "CONFIG_%s=$1\n" "${@:2}"; }

symbols() {
	case $1 in
	modules) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_DCD; all m CXL_BUS "${CXL[@]}" "${DEVDAX[@]}" CXL_SYSRAM "${TESTS[@]}" ;;
	built-in) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_DCD "${CXL[@]}" "${DEVDAX[@]}" CXL_SYSRAM "${TESTS[@]}" ;;
	built-in-core) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_DCD "${CXL[@]}"; all m "${DEVDAX[@]}" CXL_SYSRAM ;;
	without-sysram) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION "${CXL[@]}" "${DEVDAX[@]}"; all n CXL_SYSRAM ;;
	without-dcd) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_SYSRAM "${CXL[@]}" "${DEVDAX[@]}"; all n CXL_DCD ;;
	without-dax) all y "${X86[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_DCD CXL_SYSRAM "${CXL[@]}"; all n DEV_DAX ;;
	without-regions) all y "${X86[@]}" "${HOTPLUG[@]}" "${CXL[@]}" DEV_DAX DEV_DAX_HMEM DEV_DAX_KMEM; all n CXL_REGION ;;
	without-hotremove) all y "${X86[@]}" MEMORY_HOTPLUG CXL_REGION "${CXL[@]}"; all n MEMORY_HOTREMOVE CXL_SYSRAM ;;
	without-hotplug) all y "${X86[@]}" CXL_REGION; all m CXL_BUS "${CXL[@]}"; all n MEMORY_HOTPLUG ;;
	without-hotplug-built-in) all y "${X86[@]}" CXL_REGION "${CXL[@]}"; all n MEMORY_HOTPLUG ;;
	i386) all y "${I386[@]}" CXL_REGION; all m CXL_BUS CXL_PCI CXL_MEM; all n 64BIT ;;
	i386-built-in) all y "${I386[@]}" CXL_REGION CXL_PCI CXL_MEM; all n 64BIT ;;
	arm64) all y EFI EFI_SOFT_RESERVE "${WIDE[@]}" "${HOTPLUG[@]}" CXL_REGION CXL_DCD "${CXL[@]}" "${DEVDAX[@]}" CXL_SYSRAM ;;
	clang) symbols modules ;;
	esac
}
ALL=(modules built-in built-in-core without-sysram without-dcd without-dax without-regions without-hotremove
	without-hotplug without-hotplug-built-in i386 i386-built-in arm64 clang)

# kmake NAME ARGUMENTS
kmake() {
	local out arguments=(CC="ccache gcc" HOSTCC="ccache gcc") name=$1
	shift
	out=$(out_of "config-$name")
	case $name in
	i386*) arguments+=(ARCH=i386) ;;
	arm64) arguments=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC="ccache aarch64-linux-gnu-gcc" HOSTCC="ccache gcc") ;;
	clang) arguments=(LLVM=-19 CC="ccache clang-19") ;;
	esac
	make -C "$TREE" O="$out" -j"$JOBS" "${arguments[@]}" "$@"
}

configure() {
	local out lost
	out=$(out_of "config-$1")
	mkdir -p "$out"
	# the last word on a symbol counts
	symbols "$1" | awk -F= '{last[$1] = $0} END {for (s in last) print last[s]}' | sort >"$out/.config.asked"
	kmake "$1" -s KCONFIG_ALLCONFIG="$out/.config.asked" allnoconfig >/dev/null
	# a configuration that is not what its name says proves nothing
	lost=$(while IFS='=' read -r symbol value; do
		case $value in
		n) ! grep -q "^$symbol=" "$out/.config" ;;
		*) grep -qx "$symbol=$value" "$out/.config" ;;
		esac || echo "$symbol=$value"
	done <"$out/.config.asked")
	[ -z "$lost" ] || { echo "did not survive: $lost"; return 1; }
}

compile() { configure "$1" && kmake "$1" W=1e "${OURS[@]}"; }
link() { compile "$1" && kmake "$1" vmlinux modules && rm -rf "$(out_of "config-$1")"; }

need gcc libc6-dev binutils flex bison bc libelf-dev ccache kmod python3
if [ "${1:-}" = check ]; then
	for name in without-hotplug i386; do
		verdict "configuration $name compiles" "config-$name" compile "$name"
	done
	exit $FAILED
fi
need gcc-aarch64-linux-gnu libc6-dev-arm64-cross clang-19 lld-19 llvm-19
[ $# -gt 0 ] || set -- "${ALL[@]}"
for name; do
	verdict "configuration $name" "config-$name" link "$name"
done
exit $FAILED
