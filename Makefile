# The front door. Every target says what it does; "make help" lists them.
#
# CACHE=DIR        downloads, compiler cache and builds (default .cache)
# SHARED=DIR       downloads and compiler cache alone, for several checkouts (default CACHE)
# KERNEL_SRC=DIR   a Linux 7.3 tree of your own instead of Debian's
# CONFIG=FILE      for "make deb", e.g. /boot/config-$(uname -r)
# DEBIAN_MIRROR=URL, QEMU=COMMAND, LAB_ACCEL=tcg,thread=multi|kvm, JOBS=N
export CONFIG CACHE SHARED KERNEL_SRC DEBIAN_MIRROR QEMU LAB_ACCEL JOBS

.PHONY: help demo check check-all shell scenario tree tree-reset refresh export kernel plain-kernel debug-kernel stock-shape guest qemu static kunit bench bench-quick bench-extents deb packages fresh peers configs cuts coverage compare clean
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

demo: kernel guest ## set everything up, boot, plug CXL memory under policy and show it
	@lab/run.sh demo

check: ## all tests (.ci/run calls this): static checks, unit tests, scenarios, debug kernel
	@lab/check.sh

check-all: ## the above, and all below that is named a test, every scenario with KASAN, each commit of the series built
	@lab/check.sh all

compare: ## results by name of two runs: make compare A=FILE B=FILE (in $$CACHE/results.d)
	@lab/results.sh compare "$(A)" "$(B)"

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

kernel: tree ## configure and build the kernel that is tested
	@lab/kernel.sh build kernel

plain-kernel: tree ## the same without checks of locks and pages, for figures
	@lab/kernel.sh build plain

debug-kernel: tree ## the same with KASAN, kmemleak, UBSAN and more
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
	@lab/run.sh scenario basics

bench: tree guest ## figures against the unpatched kernel, and plots: an hour and more (no verdict on time)
	@lab/bench.sh

bench-quick: tree guest ## the same, few of them, against the ratios of lab/bench.baseline
	@lab/bench.sh quick

bench-extents: plain-kernel guest ## figures: 2048 extents against one range of the same size, and 8192 that are found
	@lab/run.sh with plain bench-extents 900 --topology,scale
	@lab/run.sh with plain bench-held 600 --topology,hidden,--append,mem=6G,--append,cxl.modules=off

fresh: ## test: both commands in a fresh Debian 12 that has make and git alone
	@lab/fresh.sh

peers: tree guest ## test: the cxl suite of ndctl and the kernel's selftests, on our kernel and the unpatched one
	@lab/peers.sh

cuts: tree guest ## test: the kernel up to each part of the series, built and booted
	@lab/cuts.sh

configs: tree ## test: other configurations, processors and compilers
	@lab/configs.sh

coverage: tree guest ## which lines the tests run, by file: $$CACHE/coverage/index.html
	@lab/coverage.sh

deb: tree ## Debian packages: kernel (CONFIG=FILE: with that configuration), headers, cxl-cli
	@lab/packages.sh deb

packages: deb qemu ## install them with apt on a machine with systemd, start it, run the main job
	@lab/packages.sh test

clean: ## remove everything that was built; downloads stay
	rm -rf $(addprefix $(or $(CACHE),.cache)/,out tree tree.source tree-stock* series logs deb image* overlay-* initrd-* bin fresh coverage)
