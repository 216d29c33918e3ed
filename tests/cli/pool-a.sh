# A host with two cards of four VFs each, all of them in pool a, and what the tests of leases look at there. Read
# after host.sh and tests/lab/suite/lib.sh.
# shellcheck shell=bash

# pool_a: that host, in the test's folder, with the pool applied. Its VFs outlive a process, as the kernel's do.
pool_a() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" "<pf dev='pf1' numvfs='4'/>" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}
hold() { # PF VF 0|1: as if a guest had it open through vfio
	echo "$3" >"sys/bus/pci/devices/000$1:01:01.$2/enable"
}
hold_all() { # 0|1
	local vf
	for vf in 0 1 2 3; do hold 0 "$vf" "$1"; hold 1 "$vf" "$1"; done
}
place() { # ARGUMENT… of alloc: "PF VF"
	v alloc "$@" --json >got && echo "$(field pf <got | cut -c4) $(field vf <got)"
}
mac() { # ARGUMENT… of alloc
	v alloc "$@" --json | field mac
}
links() { # the kernel's VFs, as `ip link show` has them
	"$fake/links" kernel 2 4
}
kernel_mac() { # PF VF
	links | awk -v pf="pf$1:" -v vf="$2" '$2 == pf { on = 1; next } /^[0-9]/ { on = 0 } on && $2 == vf { print $4 }'
}
agrees() { # the whole ledger with itself and with the kernel
	"$top/tests/check-ledger" state/ledger.db <(links) <(printf '0000:01:00.0 pf0\n0001:01:00.0 pf1\n')
}
