#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 64 processes at once take and give back VFs of one pool, with a scripted kernel that all of them share: no VF and no
# MAC is with two of them, and the ledger agrees with the kernel.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
fake=${VFPOOL_FAKE:-$PWD/build/tests/fake}
. tests/cli/host.sh
ops=5000
[ -z "${VFPOOL_LONG:-}" ] || ops=50000
exec 3>&1

pool_of() { # PFS VFS
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

# proves in check-long: one-holder
# proves: one-holder
test_many_allocs_at_once_in_a_large_pool() {
	export PEER_STATE=$work/peer PEER_VFS=64
	t 'apply of a pool of 4096 VFs, 64 PFs with 64 each' pool_of 64 64
	t "64 processes, $ops allocs and releases: no VF and no MAC is with two of them" allocs 64 $ops
	t '64 processes in a large pool: the ledger agrees with the kernel' agrees 64 64
}

gc() { # as long as storming is there
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

# proves: one-holder
test_many_allocs_at_once_in_a_small_pool() {
	export PEER_STATE=$work/peer PEER_VFS=4
	t 'apply of a pool of 8 VFs, 2 PFs with 4 each' pool_of 2 4
	t '64 processes want 8 VFs, and gc is at work: no VF and no MAC is with two of them' with_gc allocs 64 200
	t '64 processes in a small pool: the ledger agrees with the kernel' agrees 2 4
}

run_tests
