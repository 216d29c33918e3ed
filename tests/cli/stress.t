#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 64 processes at once take and give back VFs of one pool: 64 PFs with 64 VFs each, as files, and a
# scripted kernel that all of them share.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
fake=${VFPOOL_FAKE:-$PWD/build/tests/fake}
. tests/cli/host.sh
new_folder stress
ops=5000
[ -z "${VFPOOL_LONG:-}" ] || ops=50000

host() { # PFS VFS
	rm -rf sys etc state run peer
	"$fake/tree" sys "$1" "$2" --netdev
	whole_pool a "$@" '<vlan><tag id="42"/></vlan>' >a.xml
	v define a.xml && v apply
}
allocs() { # PROCESSES OPS
	"$fake/allocs" a "$@" >said || { cat said; return 1; }
	sed 's/^/# /' said >&3
}
agrees() { # PFS VFS: all are free and parked
	"$fake/links" peer "$@" >links
	says "^$(($1 * $2)) VFs, 0 leases" "$top/tests/check-ledger" state/ledger.db links
}
exec 3>&1
export PEER_STATE=$work/peer PEER_VFS=64
t 'a pool of 4096 VFs' host 64 64
t "64 processes, $ops allocs and releases: no VF and no MAC is with two of them" allocs 64 $ops
t 'the ledger agrees with the kernel' agrees 64 64
PEER_VFS=4
t 'a pool of 8 VFs' host 2 4
gc() { # as long as $work/storming is there
	while [ -e storming ]; do v gc >gc-said 2>&1 || { cat gc-said; return 1; }; done
}
with_gc() { # COMMAND…
	: >storming
	gc >gc-failed &
	"$@"
	local code=$?
	rm storming
	wait $! || { cat gc-failed; return 1; }
	return "$code"
}
t '64 processes want 8 VFs, and gc is at work: likewise' with_gc allocs 64 200
t 'the ledger agrees with the kernel after that too' agrees 2 4
tap_end
