# Read by "backend" and "fit-slot": one sector of a file at the top of a FAT, read and overwritten where it lies, around the
# filesystem. $part: which of the partitions that "find-slots" found.
links=/run/nightjar-slots
sector=512

fail() {
  echo "boot-slots: $1" >&2
  exit 1
}
other_of() { [ "$1" = A ] && echo B || echo A; }
current() { sed -n 's/^\(.* \)\{0,1\}rauc\.slot=\([AB]\)\( .*\)\{0,1\}$/\2/p' /proc/cmdline; }

# number BYTE...: an unsigned integer of its bytes, the least first.
number() {
  sum=0 factor=1
  for byte; do
    sum=$((sum + byte * factor)) factor=$((factor * 256))
  done
  echo $sum
}
# bytes_at OFFSET COUNT: of the partition, as numbers.
bytes_at() { od -An -v -tu1 -w"$2" -j "$1" -N "$2" "$links/$part"; }

# where NAME: the byte at which the first cluster of a file at the top of the FAT begins, and the file's length. NAME: as
# directories have it, 11 bytes (Microsoft FAT specification 1.03, sections 3 to 6).
where() {
  [ -e "$links/$part" ] || fail "there is no partition $part"
  name=$1
  # Of the boot sector what follows the first 11 bytes.
  # shellcheck disable=SC2046
  set -- $(bytes_at 11 37)
  bytes=$(($1 + $2 * 256)) cluster_bytes=$(($3 * ($1 + $2 * 256))) fats=$6 entries=$(($7 + $8 * 256))
  fat=$((($4 + $5 * 256) * bytes)) fat_sectors=$((${12} + ${13} * 256))
  [ "$bytes" = $sector ] && [ $cluster_bytes -gt 0 ] && [ "$fats" -gt 0 ] || fail "$part holds no FAT"
  if [ "$fat_sectors" -gt 0 ]; then
    cluster=0 root_bytes=$((entries * 32))
    data=$((fat + fats * fat_sectors * bytes + root_bytes))
    at=$((data - root_bytes))
  else
    shift 25
    fat_sectors=$(($1 + $2 * 256 + $3 * 65536 + $4 * 16777216)) root_bytes=$cluster_bytes
    cluster=$(($9 + ${10} * 256 + ${11} * 65536 + ${12} * 16777216))
    data=$((fat + fats * fat_sectors * bytes))
    at=$((data + (cluster - 2) * cluster_bytes))
  fi
  wanted=$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n')
  # A folder of more clusters than this is no boot partition.
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32; do
    # Of an entry: name, attributes (no folder, no label), first cluster (high, low), size.
    found=$(od -An -v -tx1 -w32 -j "$at" -N "$root_bytes" "$links/$part" | tr -d ' ' |
      sed -n "s/^$wanted\([02][0-7]\).\{16\}\(..\)\(..\).\{8\}\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\$/\3\2\5\4 \9\8\7\6/p")
    if [ -n "$found" ]; then
      # shellcheck disable=SC2086
      set -- $found
      echo $((data + (0x$1 - 2) * cluster_bytes)) $((0x$2))
      return
    fi
    [ "$cluster" -gt 0 ] || break
    # shellcheck disable=SC2046
    cluster=$(($(number $(bytes_at $((fat + cluster * 4)) 4)) & 0x0fffffff))
    [ $cluster -ge 2 ] && [ $cluster -lt $((0x0ffffff8)) ] || break
    at=$((data + (cluster - 2) * cluster_bytes))
  done
  fail "$part has no $name"
}

read_file() { dd if="$links/$part" bs=1 skip="$1" count="$2" status=none; }

# write_sector NEW SECTOR: past the page cache where it is a partition: exactly this sector is written, and is there when it
# returns.
write_sector() {
  direct=
  [ ! -b "$links/$part" ] || direct=oflag=direct
  # shellcheck disable=SC2086
  dd if="$1" of="$links/$part" bs=$sector count=1 seek="$2" conv=notrunc,fsync $direct status=none
}
