# Two pools, p and q, of four VFs each. Read after host.sh and tests/lab/suite/lib.sh.
# shellcheck shell=bash

# two_pools: p and q, of four VFs each, applied.
two_pools() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='4'" >p.xml
	pool q "dev='pf1' numvfs='4'" >q.xml
	v define p.xml q.xml >/dev/null && v apply >/dev/null 2>&1
}
mac() { # ARGUMENT… of alloc
	v alloc "$@" --json | field mac
}
leases() {
	sql 'SELECT owner FROM held ORDER BY owner' | paste -sd ' '
}

all_busy() { # 0|1: as if guests had all VFs of p open through vfio
	local vf
	for vf in sys/bus/pci/devices/0000:01:01.*; do echo "$1" >"$vf/enable"; done
}
