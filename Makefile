# The front door. Every target says what it does; "make help" lists them.
#
# CACHE=DIR        downloads, compiler cache and builds (default .cache)
# KERNEL_SRC=DIR   a Linux 7.3 tree of your own instead of Debian's
# CONFIG=FILE      for "make deb", e.g. /boot/config-$(uname -r)
# DEBIAN_MIRROR=URL, QEMU=COMMAND, LAB_ACCEL=tcg,thread=multi|kvm, JOBS=N
export CONFIG CACHE KERNEL_SRC DEBIAN_MIRROR QEMU LAB_ACCEL JOBS

.PHONY: help demo check check-all shell scenario tree tree-reset refresh export kernel debug-kernel stock-shape guest qemu static kunit bench deb packages clean
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

demo: kernel guest ## set everything up, boot, plug CXL memory under policy and show it
	@lab/run.sh demo

check: ## all tests (.ci/run calls this): static checks, unit tests, scenarios, debug kernel
	@lab/check.sh

check-all: ## the above, every scenario on the debug kernel, and each commit of the series built by itself
	@lab/check.sh all

shell: kernel guest ## a prompt in the guest, with CXL devices to play with
	@lab/run.sh shell

scenario: kernel guest ## one scenario: make scenario NAME=transitions
	@lab/run.sh scenario "$(NAME)"

tree: ## assemble the kernel tree: Debian's source, patches/, new files linked in
	@lab/tree.sh assemble

tree-reset: ## throw away edits in the tree that are not in patches/
	@lab/tree.sh reset

refresh: ## write the commits of an edited tree back to patches/
	@lab/tree.sh refresh

export: tree ## the whole as a series for git am, in $$CACHE/export
	@lab/tree.sh export "$${CACHE:-.cache}/export"

kernel: tree ## configure and build the kernel
	@lab/kernel.sh config kernel base cxl
	@lab/kernel.sh build kernel

debug-kernel: tree ## the same with lockdep, KASAN, UBSAN and more
	@lab/kernel.sh config debug base cxl debug
	@lab/kernel.sh build debug

stock-shape: tree guest ## record what the unpatched kernel shows to userspace (lab/stock.shape)
	@lab/stock.sh record

qemu: ## QEMU 11, the machine's own or one in the cache
	@lab/guest.sh qemu

guest: qemu ## the guest's userspace: stock cxl, daxctl, numactl, lsmem, memkind
	@lab/guest.sh root

static: tree ## static checks only
	@lab/check.sh static

kunit: kernel guest ## unit tests only
	@lab/run.sh scenario kunit

bench: kernel guest ## figures: 512 extents against one range of the same size (no verdict on time)
	@lab/run.sh with kernel bench-extents 900 --topology,many

deb: tree ## Debian packages: kernel (CONFIG=FILE: with that configuration), headers, cxl-cli
	@lab/packages.sh deb

packages: deb qemu ## install them with apt on a machine with systemd, start it, run the main job
	@lab/packages.sh test

clean: ## remove everything that was built; downloads stay
	rm -rf $(or $(CACHE),.cache)/out $(or $(CACHE),.cache)/tree $(or $(CACHE),.cache)/tree.source $(or $(CACHE),.cache)/tree-stock* $(or $(CACHE),.cache)/logs $(or $(CACHE),.cache)/deb $(or $(CACHE),.cache)/image* $(or $(CACHE),.cache)/overlay-* $(or $(CACHE),.cache)/initrd-*
