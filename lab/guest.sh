#!/bin/bash
# What the kernel runs in: QEMU, and a guest of stock Debian tools.
#
#   guest.sh qemu          QEMU >= 11, the machine's own or in a root of its own
#   guest.sh root          the guest's userspace, as initramfs
#   guest.sh initrd NAME   the above with the modules of kernel NAME, the agent
#                          and the scenarios
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

QEMU_ROOT=$CACHE/qemu
GUEST_ROOT=$CACHE/guest

# Stock tools that have to work with us, and what a scenario needs. memkind left
# Debian after bookworm.
PACKAGES=kmod,udev,procps,numactl,ndctl,daxctl,cxl,jq,util-linux-extra,kexec-tools,libmemkind0
MEMKIND='Package: *\nPin: release n=bookworm\nPin-Priority: 1\n\nPackage: libmemkind0 memkind\nPin: release n=bookworm\nPin-Priority: 990\n'
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

qemu() {
	if [ -z "${QEMU:-}" ] && qemu_is_new qemu-system-x86_64; then
		QEMU=qemu-system-x86_64
	fi
	if [ -z "${QEMU:-}" ]; then
		if [ ! -e "$QEMU_ROOT/.complete" ]; then
			need mmdebstrap=mmdebstrap "$KEYRING=debian-archive-keyring"
			step "installing QEMU 11 into the cache" qemu install_qemu
		fi
		QEMU=$(qemu_of_root)
	fi
	# shellcheck disable=SC2086
	qemu_is_new $QEMU || die "QEMU 11 or newer is needed, this is not: $QEMU"
	echo "$QEMU" >"$CACHE/qemu.command"
}

install_guest() {
	root_of "$GUEST_ROOT" trixie "$PACKAGES" "$MEMKIND" "$(deb_line trixie)" "$(deb_line bookworm)"
	(cd "$GUEST_ROOT" && rm -rf var/cache/apt/* var/lib/apt/lists/* usr/share/doc usr/share/locale usr/share/man &&
		find . -xdev | cpio -o -H newc -R 0:0 --quiet | gzip -1 >"$CACHE/guest.cpio.gz.new")
	echo "$PACKAGES $MEMKIND" >"$CACHE/guest.packages"
	mv "$CACHE/guest.cpio.gz.new" "$CACHE/guest.cpio.gz"
}

root() {
	[ -e "$CACHE/guest.cpio.gz" ] && [ "$(cat "$CACHE/guest.packages" 2>/dev/null)" = "$PACKAGES $MEMKIND" ] && return
	need mmdebstrap=mmdebstrap "$KEYRING=debian-archive-keyring" cpio=cpio
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

# Built here, against this machine's libcxl; the guest has another
cli() {
	need pkg-config=pkg-config /usr/include/cxl/libcxl.h=libcxl-dev /usr/include/json-c/json.h=libjson-c-dev \
		/usr/include/uuid/uuid.h=uuid-dev /usr/include/numa.h=libnuma-dev
	mkdir -p "$CACHE/out/cli"
	cp -u "$ROOT"/tools/cxl/{Makefile,*.c,*.h} "$CACHE/out/cli/"
	CFLAGS="-O2 -g -Werror" make -s -C "$CACHE/out/cli" cxl-cli
	install -D -m 755 "$CACHE/out/cli/cxl-cli" "$1/usr/bin/cxl-cli"
}

# The modules of cxl_test stay out of the way of modprobe, see /lab/mock
cxl_test() {
	local test=$CACHE/out/$1-cxl_test/tools/testing/cxl module
	[ -d "$test" ] || return 0
	mkdir -p "$2"
	for module in "$test"/*.ko "$test"/test/*.ko; do
		strip --strip-debug -o "$2/$(basename "$module")" "$module"
	done
}

initrd() {
	local name=$1 over=$CACHE/overlay-$1
	rm -rf "$over"
	mkdir -p "$over/lab/scenarios" "$over/lab/bin"
	make -s -C "$TREE" O="$CACHE/out/$name" INSTALL_MOD_PATH="$over/usr" INSTALL_MOD_STRIP=1 modules_install >/dev/null
	cxl_test "$name" "$over/lab/cxl_test"
	cp -r "$ROOT"/lab/guest/{init,agent,lib,extents,failslab,mock,pair,tags,welcome,rules} "$over/lab"
	install -m 755 "$ROOT/lab/guest/init" "$over/init"
	chmod 755 "$over/lab/agent"
	[ ! -e "$ROOT/lab/stock.shape" ] || cp "$ROOT/lab/stock.shape" "$over/lab/"
	cp "$TREE/tools/testing/selftests/kselftest/ktap_helpers.sh" "$over/lab/"
	mkdir "$over/lab/selftests"
	cp -r "$TREE"/tools/testing/selftests/{dax,kselftest} "$over/lab/selftests/"
	cp "$ROOT"/lab/scenarios/* "$over/lab/scenarios/"
	helpers "$over/lab/bin"
	cli "$over"
	(cd "$over" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$over.cpio.gz"
	cat "$CACHE/guest.cpio.gz" "$over.cpio.gz" >"$CACHE/initrd-$name"
}

case ${1:-} in
qemu) qemu ;;
root) root ;;
initrd) initrd "$2" ;;
*) die "usage: $0 qemu|root|initrd NAME" ;;
esac
