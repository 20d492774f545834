#!/bin/bash
# What the kernel runs in: QEMU, and a guest of stock Debian tools.
#
#   guest.sh qemu          QEMU >= 11, the machine's own or in a root of its own
#   guest.sh root          the guest's userspace, as initramfs
#   guest.sh initrd NAME   the above with the modules of kernel NAME, the agent
#                          and the scenarios; not compressed, since the guest's
#                          processors are slow, and each boot would have to undo it
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

QEMU_ROOT=$CACHE/qemu
GUEST_ROOT=$CACHE/guest

# Stock tools that have to work with us, and what a scenario needs. memkind left
# Debian after bookworm.
PACKAGES=kmod,udev,procps,numactl,ndctl,daxctl,cxl,jq,util-linux-extra,kexec-tools,keyutils,uuid-runtime,libmemkind0,libinih1
MEMKIND='Package: *\nPin: release n=bookworm\nPin-Priority: 1\n\nPackage: libmemkind0 memkind\nPin: release n=bookworm\nPin-Priority: 990\n'
# What comes with these and is not used. Each boot unpacks the guest, 20 MB in a second.
UNUSED="usr/lib/udev/hwdb.bin usr/lib/udev/hwdb.d usr/lib/x86_64-linux-gnu/gconv usr/lib/x86_64-linux-gnu/perl-base
	usr/lib/apt usr/lib/x86_64-linux-gnu/libapt-* usr/bin/perl* usr/bin/sqv usr/lib/x86_64-linux-gnu/systemd/libsystemd-core-*
	usr/lib/x86_64-linux-gnu/libdb-* usr/lib/x86_64-linux-gnu/libsqlite3* usr/lib/systemd/systemd-[a-tv-z]* usr/sbin/ldconfig
	usr/share/zoneinfo usr/share/perl5 usr/share/info usr/share/bash-completion usr/share/common-licenses
	usr/share/doc usr/share/locale usr/share/man var/cache var/lib/apt var/lib/dpkg/info"
# Other versions of cxl that people have, a part by itself; that of the guest is 81
VERSIONS="76:bookworm:ndctl 85:forky:cxl"
BACKPORT='Package: src:qemu src:seabios src:ipxe\nPin: release n=trixie-backports\nPin-Priority: 990\n'

qemu_is_new() {
	local version
	version=$("$@" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
	[ "${version:-0}" -ge 11 ]
}

qemu_of_root() {
	echo "$QEMU_ROOT/lib64/ld-linux-x86-64.so.2 --library-path $QEMU_ROOT/usr/lib/x86_64-linux-gnu" \
		"$QEMU_ROOT/usr/bin/qemu-system-x86_64 -L $QEMU_ROOT/usr/share/qemu -L $QEMU_ROOT/usr/share/seabios"
}

install_qemu() {
	root_of "$QEMU_ROOT" trixie qemu-system-x86 "$BACKPORT" "$(deb_line trixie)" "$(deb_line trixie-backports)"
	touch "$QEMU_ROOT/.complete"
}

# A QEMU of the user's is looked for where the user would find it
qemu() {
	local own
	own=$(PATH=$LAB_USER_PATH type -P "${QEMU:-qemu-system-x86_64}" || true)
	if [ -n "$own" ] && { [ -n "${QEMU:-}" ] || qemu_is_new "$own"; }; then
		QEMU=$own
	fi
	if [ -z "${QEMU:-}" ]; then
		if [ ! -e "$QEMU_ROOT/.complete" ]; then
			need_keyring
			need mmdebstrap
			step "installing QEMU 11 into the cache" qemu install_qemu
		fi
		QEMU=$(qemu_of_root)
	fi
	# shellcheck disable=SC2086
	qemu_is_new $QEMU || die "QEMU 11 or newer is needed, this is not: $QEMU"
	echo "$QEMU" >"$CACHE/qemu.command"
}

# cxl_version NUMBER SUITE PACKAGE: into /opt/cxlNUMBER of the guest, with all that
# it needs, and a cxl-cli with the same libraries
cxl_version() {
	local root=$CACHE/cxl-$1 to=$CACHE/versions/opt/cxl$1 name loader libs
	VARIANT=extract root_of "$root" "$2" "$3,daxctl,libnuma1,libjson-c5,libuuid1,libcxl1,libinih1" "" "$(deb_line "$2")"
	mkdir -p "$to/bin" "$to/lib" "$to/libexec"
	loader=$(readlink -f "$root/usr/lib64/ld-linux-x86-64.so.2" || readlink -f "$root/lib64/ld-linux-x86-64.so.2")
	cp "$loader" "$to/lib/loader"
	libs=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
	for name in cxl daxctl; do
		cp "$root/usr/bin/$name" "$to/libexec/"
		"$loader" --library-path "$libs" --list "$root/usr/bin/$name" | awk '$2 == "=>" {print $3}'
	done >"$root.libs"
	for name in numa json-c uuid cxl daxctl; do ls "$root"/lib/x86_64-linux-gnu/lib$name.so.? "$root"/usr/lib/x86_64-linux-gnu/lib$name.so.? 2>/dev/null || true; done >>"$root.libs"
	sort -u "$root.libs" | xargs cp -Lt "$to/lib/"
	cp -L "$root"/lib/x86_64-linux-gnu/lib{c,m}.so.6 "$to/lib/" 2>/dev/null || cp -L "$root"/usr/lib/x86_64-linux-gnu/lib{c,m}.so.6 "$to/lib/"
	for name in cxl daxctl cxl-cli; do
		printf '#!/bin/sh\nexec /opt/cxl%s/lib/loader --library-path /opt/cxl%s/lib %s "$@"\n' "$1" "$1" \
			"$([ $name = cxl-cli ] && echo /usr/bin/cxl-cli || echo "/opt/cxl$1/libexec/$name")" >"$to/bin/$name"
		chmod 755 "$to/bin/$name"
	done
	rm -rf "$root"
}

install_versions() {
	local version
	rm -rf "$CACHE/versions"
	for version in $VERSIONS; do
		# shellcheck disable=SC2086
		cxl_version ${version//:/ }
	done
	(cd "$CACHE/versions" && find . | cpio -o -H newc -R 0:0 --quiet >"$CACHE/versions.cpio.new")
	mv "$CACHE/versions.cpio.new" "$CACHE/versions.cpio"
	echo "$VERSIONS" >"$CACHE/versions.list"
}

install_guest() {
	root_of "$GUEST_ROOT" trixie "$PACKAGES" "$MEMKIND" "$(deb_line trixie)" "$(deb_line bookworm)"
	# shellcheck disable=SC2086
	(cd "$GUEST_ROOT" && rm -rf $UNUSED && find . -xdev | cpio -o -H newc -R 0:0 --quiet >"$CACHE/guest.cpio.new")
	echo "$PACKAGES $MEMKIND $UNUSED" >"$CACHE/guest.packages"
	mv "$CACHE/guest.cpio.new" "$CACHE/guest.cpio"
}

root() {
	guest_root
	[ -e "$CACHE/versions.cpio" ] && [ "$(cat "$CACHE/versions.list" 2>/dev/null)" = "$VERSIONS" ] && return
	need_keyring
	need mmdebstrap cpio
	step "installing other versions of cxl into the cache" versions install_versions
}

guest_root() {
	[ -e "$CACHE/guest.cpio" ] && [ "$(cat "$CACHE/guest.packages" 2>/dev/null)" = "$PACKAGES $MEMKIND $UNUSED" ] && return
	need_keyring
	need mmdebstrap cpio
	step "installing the guest into the cache" guest install_guest
}

# Small helpers in C, static, so that they run in any guest, but for those that
# load a library of the guest
helpers() {
	local source static
	for source in "$ROOT"/lab/guest/*.c; do
		static=-static
		! grep -q dlfcn.h "$source" || static=
		${CC:-gcc} $static -O2 -Wall -Wextra -Werror -o "$1/$(basename "${source%.c}")" "$source"
	done
}

# The modules of cxl_test stay out of the way of modprobe, see /lab/mock
modules() {
	local module
	mkdir -p "$2"
	find "$1" -name '*.ko' | while read -r module; do
		strip --strip-debug -o "$2/$(basename "$module")" "$module"
	done
}

initrd() {
	local name=$1 over=$CACHE/overlay-$1
	rm -rf "$over"
	mkdir -p "$over/lab/scenarios" "$over/lab/bin"
	need gcc libc6-dev binutils kmod cpio flex bison
	make -s -C "$TREE" O="$(out_of "$name")" INSTALL_MOD_PATH="$over/usr" INSTALL_MOD_STRIP=1 modules_install >/dev/null
	modules "$(out_of "$name")-cxl_test/tools/testing/cxl" "$over/lab/cxl_test"
	modules "$(out_of "$name")-lab" "$over/lab/modules"
	cp -r "$ROOT"/lab/guest/{init,agent,coverage,guide,lib,extents,failslab,mock,pair,figures,tags,hold,welcome,rules} "$over/lab"
	install -m 755 "$ROOT/lab/guest/init" "$over/init"
	chmod 755 "$over/lab/agent"
	[ ! -e "$ROOT/lab/stock.shape" ] || cp "$ROOT/lab/stock.shape" "$over/lab/"
	cp "$TREE/tools/testing/selftests/kselftest/ktap_helpers.sh" "$over/lab/"
	mkdir "$over/lab/selftests"
	cp -rL "$TREE"/tools/testing/selftests/{dax,kselftest,memory-hotplug} "$over/lab/selftests/"
	cp "$ROOT"/lab/scenarios/* "$over/lab/scenarios/"
	cp -r "$ROOT/tools/cxl/examples" "$over/lab/"
	cp "$ROOT/tools/cxl/guide.rst" "$ROOT/Documentation/admin-guide/mm/cxl-memory.rst" "$over/lab/"
	helpers "$over/lab/bin"
	"$ROOT/lab/cli.sh" build "$over/usr/bin"
	(cd "$over" && find . | cpio -o -H newc -R 0:0 --quiet) >"$over.cpio"
	# another guest may be about to read the one that is there
	cat "$CACHE/guest.cpio" "$over.cpio" >"$CACHE/initrd-$name.new"
	mv "$CACHE/initrd-$name.new" "$CACHE/initrd-$name"
}

case ${1:-} in
qemu) qemu ;;
root) root ;;
initrd) initrd "$2" ;;
*) die "usage: $0 qemu|root|initrd NAME" ;;
esac
