# make run    the box on this computer, with a folder standing in for a disk
# make demo   a throw-away box: a real backup, the box killed on the way, a restore, every checksum compared
# make check  format, lint, directions between rooms, cycles, types, unused code
# make test   everything that is tested: a seeded sample of each fault suite, boxes in networks of their own, every page in a
#             browser
# make screenshots  pictures of every page, by phone and desktop, day and night, in dist/screenshots
# make soak   the fault suites with their full counts (hours); results are kept in test/faults/RESULTS.md
# make bench  figures against other servers on this machine; results are kept in test/bench/RESULTS.md
.DEFAULT_GOAL := run
.PHONY: run demo check test screenshots soak bench client web tools test-tools
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
	  mount.exfat-fuse:exfat-fuse nsenter:util-linux partx:util-linux

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

screenshots: test-tools web
	NIGHTJAR_SHOTS=dist/screenshots vitest run --config test/web/vitest.config.ts

soak: test-tools client web
	NIGHTJAR_SOAK=1 vitest run src/library/downloads.test.ts test/api/brute-force.test.ts test/api/nextcloud-lines.test.ts \
	  test/api/webdav-clients.test.ts
	NIGHTJAR_SOAK=1 vitest run --config test/network/vitest.config.ts
	NIGHTJAR_SOAK=1 vitest run --config test/faults/vitest.config.ts

bench: client web
	@system/debian-packages rclone:rclone rsync:rsync nginx:nginx-light vipsthumbnail:libvips-tools heif-convert:libheif-examples
	node test/bench/main.ts
	for part in thumbnails memory timeline nothing-new sign-in web-pages web-timeline webdav disks; do node test/bench/main.ts $$part || exit 1; done
