#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an alloc costs: the same in a small pool and in a large one, little more than its durable
# commits, and as a process beside `ip`. Only counts and ratios within one run are judged.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
fake=$PWD/build/tests/fake bench=$PWD/build/tests/bench
. tests/cli/host.sh
export PEER_VFS=64
exec 3>&1

host() { # NAME PFS: a host whose VFs, 64 a PF, are all in one pool
	mkdir "$1"
	"$fake/tree" "$1/sys" "$2" 64 --netdev
	whole_pool all "$2" 64 >"$1/all.xml"
	v "$1" -- define all.xml >/dev/null && v "$1" -- apply >/dev/null 2>&1
}
v() { # NAME WRAPPER… -- ARGUMENT…
	local host=$1 wrapper=()
	shift
	while [ "$1" != -- ]; do wrapper+=("$1"); shift; done
	shift
	(cd "$host" && PEER_STATE=kernel "${wrapper[@]}" "$fake/vfpool-shared" "${at[@]}" "$@")
}
calls() { # NAME OWNER: system calls of an alloc
	v "$1" strace -f -qq -o "$work/trace" -- alloc all --owner "$2" >/dev/null
	wc -l <"$work/trace"
}
# Now and then pages of the database are split or joined, so: the fewest of nine.
fewest() { # NAME
	for i in {1..9}; do calls "$1" "vm$i"; done | sort -n | head -1
}
same_calls() {
	local small large
	small=$(fewest small) large=$(fewest large)
	echo "# an alloc in a pool of 64 VFs: $small system calls; of 4096: $large" >&3
	# Some of them write pages, whose number may differ by one or two.
	[ "$small" -gt 100 ] && [ $((large * 100)) -lt $((small * 103)) ] && [ $((small * 100)) -lt $((large * 103)) ]
}
commits() { # NAME
	local costs alloc release
	costs=$(cd "$1" && PEER_STATE=kernel "$bench/alloc" . all 300) || return
	echo "# $1 pool, through the library: $costs" >&3
	read -r _ alloc _ release _ <<<"$costs"
	# Two commits each; the rest is the definition, the look at the VF and its programming: processor
	# time, which a fast disk and a busy machine make much of.
	awk -v a="$alloc" -v r="$release" 'BEGIN { exit !(a >= 1 && a < 20 && r >= 1 && r < 20) }'
}
cpu() { # COMMAND…: user and system time of 40 runs, in ms
	local TIMEFORMAT='%U %S'
	{ time for i in {1..40}; do "$@" >/dev/null 2>&3; done; } 2>&1 | awk '{ print ($1 + $2) * 1000 }'
}
again() {
	cd "$work/large" && PEER_STATE=kernel "$fake/vfpool-shared" "${at[@]}" "$@"
}
fresh() {
	again alloc all --owner "fresh$i"
}
beside_ip() {
	local ip asked new
	ip=$(cpu ip link show lo) asked=$(cpu again alloc all --owner vm1) new=$(cpu fresh)
	echo "# user and system time of 40 processes: ip link show lo $ip ms, a new alloc $new ms, one asked for again $asked ms" >&3
	[ "$ip" -gt 0 ] && [ "$new" -lt $((ip * 30)) ]
}

test_an_alloc_costs_the_same_in_a_large_pool() {
	new_folder cost disk_folder
	host small 1
	host large 64
	t 'alloc makes the same system calls in a pool of 64 VFs and of 4096' same_calls
	t 'alloc through the library costs a few durable commits, in a pool of 64 VFs' commits small
	t 'alloc through the library costs a few durable commits, in a pool of 4096 VFs' commits large
	t 'alloc as a whole process costs no more than 30 of ip link show lo' beside_ip
}

opened() { # ARGUMENT…: files, and those of libvirt
	(cd small && PEER_STATE=kernel strace -f -qq -e trace=openat -e status=successful -o "$work/trace" \
		"$fake/vfpool-shared" "${at[@]}" "$@" >/dev/null 2>&1)
	echo "$(wc -l <"$work/trace") $(grep -c 'libvirt\.so' "$work/trace")"
}
with_libvirt() {
	LD_PRELOAD=libvirt.so.0 "$fake/vfpool-shared" --version
}
not_loaded() {
	local without with plain loaded
	echo '<node/>' >small/node.xml
	without=$(opened list) with=$(opened --connect "test://$work/small/node.xml" gc)
	plain=$(cpu "$fake/vfpool-shared" --version) loaded=$(cpu with_libvirt)
	echo "# files opened: list $without, gc, which asks libvirt, $with; 40 starts: $plain ms, with libvirt loaded $loaded ms" >&3
	[ "${without#* }" = 0 ] && [ "${with#* }" -gt 0 ] && [ "$plain" -lt "$loaded" ]
}

test_libvirt_is_loaded_when_it_is_asked() {
	host small 1
	t 'vfpool starts without libvirt where it needs none' not_loaded
}

explained() { # FILE: instructions
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$fake/vfpool-shared" doctor --explain - --json <"$1" 2>&1 |
		sed -n 's/.*Collected : //p'
}
# One line, full of the beginnings of what is looked for.
explains_in_line() {
	local small large
	yes 'sriov vf 1 iommu_group DMAR: BAR 7: ::: /dev/vfio/1' | head -c 65536 | tr '\n' ' ' >64k
	head -c 16384 64k >16k
	small=$(explained 16k) large=$(explained 64k)
	echo "# doctor --explain of 16 KiB: $small instructions; of 64 KiB: $large" >&3
	[ "$small" -gt 1000000 ] && [ "$large" -le $((6 * small)) ]
}

test_explain_costs_by_length() {
	t 'doctor --explain of 64 KiB in one line costs at most 6 times what 16 KiB do' explains_in_line
}

run_tests
