#!/bin/bash
# Debian packages of the kernel and of cxl-cli, and the proof that they are what an
# administrator installs.
#
#   packages.sh deb    build them into $CACHE/deb; CONFIG=FILE: with the configuration
#                      of a distribution's kernel in place of the lab's
#   packages.sh test   install them with apt on a machine with systemd that runs
#                      Debian's own kernel, start ours from there, run the main job
. "$(dirname "$0")/lib.sh"
. "$ROOT/lab/apt.sh"

OUT=$(out_of package${CONFIG:+-config})
DEB=$CACHE/deb
IMAGE=$CACHE/image
# What an administrator has
PACKAGES=systemd-sysv,dbus,udev,kmod,initramfs-tools,linux-image-cloud-amd64,kexec-tools,cxl,daxctl,numactl,jq,procps,util-linux-extra,libinih1

kernel_config() {
	mkdir -p "$OUT"
	if [ -z "${CONFIG:-}" ]; then
		"$ROOT/lab/kernel.sh" config package
		return
	fi
	need openssl libssl-dev
	cp "$CONFIG" "$OUT/.config"
	# what is ours; no keys of the distribution, which nobody else has; no debugging
	# information, which takes most of the time and space
	"$TREE/scripts/config" --file "$OUT/.config" --set-str LOCALVERSION -sysram \
		--enable CXL_REGION --enable MEMORY_HOTPLUG --enable MEMORY_HOTREMOVE --module DEV_DAX_CXL --module DEV_DAX_KMEM \
		--set-str SYSTEM_TRUSTED_KEYS "" --disable DEBUG_INFO_BTF \
		--disable DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT --enable DEBUG_INFO_NONE
	make -s -C "$TREE" O="$OUT" olddefconfig
	grep -q '^CONFIG_CXL_SYSRAM=[ym]' "$OUT/.config" || die "with this configuration there is no CONFIG_CXL_SYSRAM"
}

kernel_deb() {
	rm -f "$TREE"/linux-*
	make -C "$TREE" O="$OUT" -j"$JOBS" CC="ccache gcc" KBUILD_BUILD_TIMESTAMP=@0 LOCALVERSION= \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KDEB_PKGVERSION="$(kernel_version)-$(revision)" DPKG_FLAGS=-d bindeb-pkg
	mv "$TREE"/linux-{image,headers}-*.deb "$DEB/"
	rm -f "$TREE"/linux-*
}

# What apt compares
revision() { git -C "$ROOT" rev-list --count HEAD 2>/dev/null || date +%Y%m%d; }
kernel_version() { make -s -C "$TREE" O="$OUT" LOCALVERSION= kernelrelease; }

# What debian/control asks for
build_depends() {
	dpkg-checkbuilddeps || {
		as_packaged apt-get -q update &&
			as_packaged DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends build-dep .
	}
}

cli_deb() {
	local dir=$CACHE/out/cli-deb
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r "$ROOT/tools/cxl" "$dir/cxl-sysram"
	make -s -C "$dir/cxl-sysram" clean
	sed -i "1s/(\(.*\))/(\1+$(revision))/" "$dir/cxl-sysram/debian/changelog"
	(cd "$dir/cxl-sysram" && build_depends && dpkg-buildpackage -us -uc -b)
	mv "$dir"/cxl-sysram_*.deb "$DEB/"
}

# The same under the name that the package had first, for the way from there
old_deb() {
	local dir=$CACHE/out/cli-old
	rm -rf "$dir"
	dpkg-deb -R "$(compgen -G "$DEB/cxl-sysram_*.deb")" "$dir"
	sed -i -E '/^(Breaks|Replaces):/d; s/^Package: .*/Package: cxl-cli/; s/^Version: .*/Version: 0.1/' "$dir/DEBIAN/control"
	mv "$dir/usr/share/doc/cxl-sysram" "$dir/usr/share/doc/cxl-cli"
	(cd "$dir" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
	dpkg-deb --root-owner-group -b "$dir" "$IMAGE/root/deb/cxl-cli_0.1.deb"
}

deb() {
	need gcc libc6-dev binutils flex bison bc libelf-dev ccache cpio xz-utils kmod python3 dpkg-dev debhelper rsync
	need help2man pkg-config libcxl-dev libinih-dev libjson-c-dev uuid-dev
	rm -rf "$DEB"
	mkdir -p "$DEB"
	kernel_config
	step "package of the kernel (cold: some minutes)" package-kernel kernel_deb
	step "package of cxl-cli" package-cli cli_deb
	say "  they are in $DEB:"
	(cd "$DEB" && ls -- *.deb | sed 's/^/    /')
}

# A Debian with systemd and a kernel of its own, and the lab's agent as a service
image_root() {
	rm -f "$IMAGE.packages"
	VARIANT=apt root_of "$IMAGE" trixie "$PACKAGES" "" "$(deb_line trixie)"
	echo "$PACKAGES" >"$IMAGE.packages"
}

image_fill() {
	local lab=$IMAGE/lab
	rm -rf "$lab" "$IMAGE/root/deb"
	mkdir -p "$lab/scenarios" "$IMAGE/root/deb"
	cp "$ROOT"/lab/guest/{agent,coverage,lib,packaged} "$TREE/tools/testing/selftests/kselftest/ktap_helpers.sh" "$lab/"
	cp "$ROOT"/lab/scenarios/{package,example}-* "$lab/scenarios/"
	chmod 755 "$lab/agent"
	cp "$DEB"/linux-image-*.deb "$DEB"/cxl-sysram_*.deb "$IMAGE/root/deb/"
	old_deb
	cp "$ROOT/lab/guest/lab.service" "$IMAGE/etc/systemd/system/"
	ln -sf ../lab.service "$IMAGE/etc/systemd/system/multi-user.target.wants/lab.service"
	# the initramfs needs the disk, and nothing else of the machine
	printf 'MODULES=list\nCOMPRESS=zstd\nBUSYBOX=auto\nRESUME=none\n' >"$IMAGE/etc/initramfs-tools/initramfs.conf"
	printf 'virtio_pci\nvirtio_blk\next4\n' >"$IMAGE/etc/initramfs-tools/modules"
	as_packaged chroot "$IMAGE" update-initramfs -u
}

image_disk() {
	rm -f "$IMAGE.ext4"
	mke2fs -q -t ext4 -L root -d "$IMAGE" "$IMAGE.ext4" 3G
}

test_packages() {
	need_keyring
	need mmdebstrap e2fsprogs python3
	[ -n "$(compgen -G "$DEB/*.deb")" ] || deb
	[ "$(cat "$IMAGE.packages" 2>/dev/null)" = "$PACKAGES" ] ||
		step "installing a Debian with systemd" image image_root
	step "a disk with that" image-disk eval 'image_fill && image_disk'
	if python3 "$ROOT/lab/vm.py" --qemu "$(cat "$CACHE/qemu.command")" --logs "$LOGS" --accel "${LAB_ACCEL:-tcg,thread=multi}" \
		--kernel "$(compgen -G "$IMAGE/boot/vmlinuz-*")" --initrd "$(compgen -G "$IMAGE/boot/initrd.img-*")" \
		--disk "$IMAGE.ext4" --append "root=/dev/vda rw" --reboots --topology packages --name packages --timeout 2400 --boot-timeout 400 \
		package-install package-run example-serial example-dax example-ram example-never; then
		say "ok the packages, on a machine with systemd"
	else
		say "not ok the packages, on a machine with systemd"
		exit 1
	fi
}

case ${1:-} in
deb) deb ;;
test) test_packages ;;
*) die "usage: $0 deb|test" ;;
esac
