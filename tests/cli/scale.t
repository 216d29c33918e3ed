#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 64 PFs with 64 VFs each, as files in the place of /sys and a scripted netlink peer: how the
# cost of list and apply grows.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
fake=$PWD/build/tests/fake
. tests/cli/host.sh
new_folder scale disk_folder

host() { # NAME PFS VFS: a host in that folder, all of its VFs in one pool
	mkdir "$1"
	"$fake/tree" "$1/sys" "$2" "$3" --netdev
	whole_pool all "$2" "$3" '<vlan><tag id="42"/></vlan>' >"$1/all.xml"
	v "$1" "$3" -- define all.xml
}
v() { # NAME VFS WRAPPER… -- ARGUMENT…
	local host=$1 vfs=$2 wrapper=()
	shift 2
	while [ "$1" != -- ]; do wrapper+=("$1"); shift; done
	shift
	(cd "$host" && PEER_VFS=$vfs "${wrapper[@]}" "$fake/vfpool" "${at[@]}" "$@")
}
host small 1 1 >/dev/null
host half 8 64 >/dev/null
host whole 16 64 >/dev/null
host full 64 64 >/dev/null

peak() { # NAME VFS ARGUMENT…: KiB
	v "$1" "$2" "$fake/peak" -- "${@:3}" 2>&1 >/dev/null | sed -n 's/^peak //p'
}
at_most() { # LIMIT ARGUMENT…: KiB a VF above the memory of a host with one VF
	local small full
	small=$(peak small 1 "${@:2}") full=$(peak full 64 "${@:2}")
	echo "# ${*:2}: $small KiB with 1 VF, $full KiB with 4096: $(((full - small) * 100 / 4096))/100 KiB a VF" >&3
	[ $((full - small)) -le $(($1 * 4096)) ]
}
calls() { # NAME ARGUMENT…: system calls
	v "$1" 64 strace -f -qq -o "$work/trace" -- "${@:2}" >/dev/null 2>&1
	wc -l <"$work/trace"
}
linear() { # ARGUMENT…: twice the VFs, at most twice the calls
	local half whole
	half=$(calls half "$@") whole=$(calls whole "$@")
	echo "# $*: $half system calls with 512 VFs, $whole with 1024" >&3
	[ "$half" -gt 512 ] && [ "$whole" -le $((half * 2 + half / 20)) ]
}
reads() { # ARGUMENT…: each attribute of the tree that is opened, with how often
	v half 64 strace -f -qq -y -e trace=openat,readlinkat -o "$work/trace" -- "$@" >/dev/null 2>&1
	sed -nE 's/^[0-9]+ +(openat|readlinkat)\([0-9]+<([^>]*\/sys[^>]*)>, "([^"]*)".*O_RDONLY.*/\2\/\3/p' "$work/trace" |
		grep -vE '/(\.|net)$|bus/pci/devices/[^/]*$' | sort | uniq -c
}
reads_once() { # ARGUMENT…
	! reads "$@" | grep -vE '^ +1 ' | head -5 | grep .
}
# It finds the PFs, and looks at each again when it has its lock.
reads_vfs_once() { # ARGUMENT…: and a PF's own attributes twice at most
	! reads "$@" | grep -vE '^ +1 |^ +2 .*/devices/[0-9a-f:]+:00\.0/' | head -5 | grep .
}
exec 3>&1
# The ledger knows the VFs then. strace is slow, so calls are counted on fewer PFs.
v half 64 -- apply >/dev/null 2>&1
v whole 64 -- apply >/dev/null 2>&1
v full 64 -- list --json >list
t 'all 4096 VFs are in the list' same 4096 "$(grep -c '"index"' list)"
t 'apply programs 4096 VFs' says 'pf63 vf 63: mac' v full 64 -- apply
t 'list takes at most 4 KiB a VF' at_most 4 list
t 'list --json at most 8' at_most 8 list --json
t 'apply at most 4' at_most 4 apply
t 'the system calls of list grow with the VFs, no faster' linear list
t 'those of apply too' linear apply
t 'list reads each attribute once' reads_once list
t "apply reads each attribute of a VF once, a PF's own twice at most" reads_vfs_once apply --dry-run
tap_end
