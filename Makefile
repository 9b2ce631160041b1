# make run    the box on this computer, with a folder standing in for a disk
# make demo   a throw-away box: a real backup, the box killed on the way, a restore, every checksum compared
# make check  format, lint, directions between rooms, cycles, types, unused code
# make test   everything that is tested: a seeded sample of each fault suite, boxes in networks of their own, every page in a
#             browser
# make screenshots  pictures of every page, by phone and desktop, day and night, in dist/screenshots
# make image  BOARD=pi or pc: the operating system for a Raspberry Pi 4 or 5, or a small computer, in dist (image/README.md)
# make container  the same system for Docker or Podman, in dist; loaded where one of them is here
# make keys   the key that signs your images and updates, outside the repository; images make one where there is none
# make flash  DEV=/dev/sdX: the image onto a card or disk, read back and compared, with a name and setup code of its own
# make test-container  the last part of make test: the same system in a container, set up, paired, backed up, made anew, restored
# make test-image  the image booted on an emulated Raspberry Pi: set up, updated, its plug pulled; half an hour and more
# make soak   the fault suites with their full counts (hours); results are kept in test/faults/RESULTS.md
# make bench  figures against other servers on this machine; results are kept in test/bench/RESULTS.md
.DEFAULT_GOAL := run
.PHONY: run demo check test test-container test-image screenshots image container keys flash soak bench client web tools test-tools
SHELL := /bin/sh
# The pinned Node comes with the packages and goes before whatever Node the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
PHOTOS ?=

node_modules/.package-lock.json: package.json package-lock.json .npmrc
	npm ci --no-progress
	@touch $@

web: dist/web/index.html

dist/web/index.html: $(shell find web -type f -not -path 'web/screenshots/*') node_modules/.package-lock.json
	@vite build web --logLevel warn

client: node_modules/.package-lock.json
	@node src/client/bundle.ts

# Without them the box runs, and says that videos must wait; most pictures of iPhones get a reason instead of a thumbnail.
tools:
	@system/debian-packages ffprobe:ffmpeg heif-convert:libheif-examples || \
	  echo "Going on without: videos will wait until ffprobe is there." >&2

test-tools: tools
	@system/debian-packages xfs_io:xfsprogs strace:strace mkfs.ext4:e2fsprogs losetup:mount \
	  heif-enc:libheif-examples vipsthumbnail:libvips-tools compare:imagemagick unzip:unzip ip:iproute2 \
	  avahi-daemon:avahi-daemon avahi-browse:avahi-utils dbus-daemon:dbus-daemon tcpdump:tcpdump faketime:faketime \
	  curl:curl openssl:openssl oathtool:oathtool chromium:chromium certutil:libnss3-tools rclone:rclone litmus:litmus \
	  sfdisk:fdisk mkfs.exfat:exfatprogs mkfs.btrfs:btrfs-progs mkfs.vfat:dosfstools smartctl:smartmontools \
	  systemd-socket-activate:systemd restic:restic smbd:samba smbclient:smbclient \
	  libnss_wrapper.so:libnss-wrapper sshd:openssh-server ssh:openssh-client \
	  mount.exfat-fuse:exfat-fuse nsenter:util-linux partx:util-linux lsblk:util-linux script:bsdutils \
	  nft:nftables rauc:rauc mksquashfs:squashfs-tools mcopy:mtools zstd:zstd

run: tools client web
	@mkdir -p .run/disk
	@NIGHTJAR_STATE_DIR="$${NIGHTJAR_STATE_DIR:-.run/state}" NIGHTJAR_DISK_DIR="$${NIGHTJAR_DISK_DIR:-.run/disk}" \
	  npm run -s start -- --announce

demo: tools client web
	@node test/demo/main.ts $(PHOTOS)

check: node_modules/.package-lock.json
	biome check --error-on-warnings .
	tsc -p .
	tsc -p web
	knip

test: test-tools check client web
	vitest run
	# Two that wait more than they work, beside each other; twice.
	vitest run --config test/network/vitest.config.ts & networks=$$!; \
	  vitest run --config test/web/vitest.config.ts; web=$$?; wait $$networks && exit $$web
	vitest run --config test/browser/vitest.config.ts & browsers=$$!; \
	  vitest run --config test/faults/vitest.config.ts; faults=$$?; wait $$browsers && exit $$faults
	@if [ -n "$$CI" ] || [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then $(MAKE) --no-print-directory test-container; \
	else echo "The container is not tested: its image is made as root (sudo make test-container)." >&2; fi

screenshots: test-tools web
	NIGHTJAR_SHOTS=dist/screenshots vitest run --config test/web/vitest.config.ts

# Debian's packages set their files' owners. Keys and caches are root's then.
as-root := $(if $(filter 0,$(shell id -u)),,sudo )env NIGHTJAR_KEYS="$$NIGHTJAR_KEYS" NIGHTJAR_BASE="$$NIGHTJAR_BASE"
# The image is made where there is none of what is in this tree now.
pi-image := dist/nightjar-$(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)-pi.img.zst
$(pi-image): $(shell find image system src -type f -not -name '*.test.ts') dist/web/index.html package-lock.json | client
	@$(as-root) image/build pi

container-image := $(patsubst %-pi.img.zst,%-container.tar.zst,$(pi-image))
$(container-image): $(shell find image system src -type f -not -name '*.test.ts') dist/web/index.html package-lock.json | client
	@$(as-root) image/build container

test-container: test-tools $(container-image)
	@system/debian-packages docker:docker.io
	vitest run --config test/container/vitest.config.ts

test-image: test-tools $(pi-image)
	@system/debian-packages qemu-system-aarch64:qemu-system-arm mcopy:mtools zstd:zstd unsquashfs:squashfs-tools \
	  dnsmasq:dnsmasq-base sfdisk:fdisk fsck.fat:dosfstools blkid:util-linux
	vitest run --config test/image/vitest.config.ts $(IMAGE_TESTS)

# BOARD: pi, pc
image: client web
	@$(as-root) image/build "$(or $(BOARD),pi)"

container: client web
	@$(as-root) image/build container
	@file=dist/nightjar-$$(node -p 'require("./package.json").version')-container.tar.zst; \
	  image/load-container $$file || echo "Not loaded into an engine. Where there is one: image/load-container $$file" >&2

keys:
	@$(as-root) image/keys

flash: node_modules/.package-lock.json
	@system/debian-packages mcopy:mtools lsblk:util-linux partx:util-linux
	@$(as-root) "$(CURDIR)/node_modules/.bin/node" image/flash.ts --device="$(DEV)" --image="$(IMAGE)" $(FLASH_OPTIONS)

soak: test-tools client web
	NIGHTJAR_SOAK=1 vitest run src/library/downloads.test.ts test/api/brute-force.test.ts test/api/nextcloud-lines.test.ts \
	  test/api/webdav-clients.test.ts src/media/collection.test.ts
	NIGHTJAR_SOAK=1 vitest run --config test/network/vitest.config.ts
	NIGHTJAR_SOAK=1 vitest run --config test/faults/vitest.config.ts
	NIGHTJAR_SOAK=1 $(MAKE) test-image

bench: client web
	@system/debian-packages rclone:rclone rsync:rsync nginx:nginx-light vipsthumbnail:libvips-tools heif-convert:libheif-examples
	node test/bench/main.ts
	for part in thumbnails memory timeline nothing-new sign-in web-pages web-timeline webdav disks; do node test/bench/main.ts $$part || exit 1; done
	@[ ! -e $(pi-image) ] || $(as-root) $(CURDIR)/node_modules/.bin/node test/bench/main.ts boot
