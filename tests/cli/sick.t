#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One fault stops one PF, one VF or one definition, never the others.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh

pf() { # INDEX: its folder
	printf 'sys/bus/pci/devices/%04x:01:00.0' "$1"
}
# two_pools [PFS]: a host with PFs of 4 VFs and a pool on each: p0, p1, …, applied.
two_pools() {
	local i n=${1:-2}
	new_folder sick
	"$fake/tree" sys "$n" 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/peer
	for ((i = 0; i < n; i++)); do
		echo "<pool><name>p$i</name><pf dev='pf$i' numvfs='4'/></pool>" >"p$i.xml"
		v define "p$i.xml"
	done >/dev/null
	v apply >/dev/null 2>&1
}
both() { # COMMAND…: stdout and stderr, whatever it exits with
	anyhow "$@" 2>&1
}

odd_pf() { # what every verb says of pf0 beside a sound pf1, whose fault matches $1
	t "$2: list shows the other PF" says '^pf1 ' v list
	t "$2: list names it with what is wrong" says "^pf0 0000:01:00.0 can't be looked at: .*$1" v list
	t "$2: list --json has it" says '"why": ".*'"$1" v list --json
	t "$2: list doesn't say that it isn't there" same 0 "$(both v list | grep -c 'has no PF')"
	t "$2: apply does the rest and exits with 6" code_is 6 v apply
	t "$2: apply names it" says "p0.xml:.*pf0.*$1" both v apply
	t "$2: apply of its pool exits with 6" code_is 6 v apply p0
	t "$2: apply of its pool names it" says "pf0.*$1" both v apply p0
	t "$2: apply of the other pool says nothing of it" code_is 0 v apply p1
	t "$2: a VF of the other PF can be held" v hold pf1 --vf 3 --reason test
	t "$2: a VF of it can't, and why" fails_with 1 "pf0.*$1" v hold pf0 --vf 3 --reason test
	t "$2: the other pool's VFs are allocated" says 0001:01:01.0 v alloc p1 --owner web --json
	t "$2: its own pool's aren't, and why" fails_with 1 "$1" v alloc p0 --owner web
	t "$2: no lease is left behind" same 0 "$(sql "SELECT count(*) FROM held WHERE pool = 'p0'")"
	t "$2: the doctor names it" says "PF pf0.*$1" both v doctor
	t "$2: a definition of the other PF is taken" says defined v define p1.xml
}
# proves: says-so
test_an_odd_attribute_of_one_pf() {
	two_pools
	echo zz >"$(pf 0)/sriov_totalvfs"
	odd_pf 'sriov_totalvfs' "sriov_totalvfs 'zz'"
}
test_the_kernel_fails_for_one_pf() {
	two_pools
	export PEER_FAILS=7:16
	odd_pf 'busy' 'netlink: EBUSY'
}
test_the_kernel_knows_no_netdev_of_one_pf() {
	two_pools
	export PEER_FAILS=7:19
	odd_pf 'No such device' 'netlink: ENODEV'
}
test_a_reply_that_makes_no_sense() {
	two_pools
	export PEER_FAILS=7:74
	odd_pf 'message' 'netlink: EBADMSG'
}
test_two_sick_pfs_at_once() {
	two_pools 4
	echo zz >"$(pf 0)/sriov_totalvfs"
	export PEER_FAILS='9:16'
	t 'list of two sick PFs names both' same 2 "$(v list | grep -c "can't be looked at")"
	t 'list shows the two sound ones' same 'pf1 pf3' "$(v list | grep -o '^pf[13]' | sort -u | xargs)"
	t 'apply beside two sick PFs does the rest: 6' code_is 6 v apply
	t 'apply beside two sick PFs names both' same 2 "$(both v apply | grep -c "can't be looked at")"
	t 'alloc beside two sick PFs: a sound one gives its VFs' v alloc p3 --owner web
	unset PEER_FAILS
	echo 4 >"$(pf 0)/sriov_totalvfs"
	t 'apply when two sick PFs answer again does all' v apply
	t 'apply when two sick PFs answer again: nothing was lost' same 'nothing to do' "$(v apply | grep -o 'nothing to do')"
}
test_a_pool_on_two_pfs_one_of_which_is_sick() {
	two_pools
	v undefine p0 >/dev/null
	v undefine p1 >/dev/null
	whole_pool all 2 4 >all.xml
	v define all.xml >/dev/null
	v apply >/dev/null
	local before
	before=$(sql 'SELECT pf, idx, parking FROM vf ORDER BY 1, 2')
	echo zz >"$(pf 0)/sriov_totalvfs"
	t 'alloc takes a VF of the other PF' says 0001:01 v alloc all --owner web --json
	t 'apply does the other PF: 6' code_is 6 v apply all
	t 'apply forgets no VF of the sick one' same "$before" "$(sql 'SELECT pf, idx, parking FROM vf ORDER BY 1, 2')"
	t 'a definition by permanent MAC: the sick PF is named as one that may be it' code_is 6 \
		eval 'sed "s/dev=.pf0./mac=\"52:54:00:01:00:01\"/" all.xml >mac.xml; v define mac.xml >/dev/null 2>&1; v apply all'
}
test_a_lease_on_a_sick_pf_is_kept() {
	two_pools
	v alloc p0 --owner web >/dev/null
	echo zz >"$(pf 0)/sriov_totalvfs"
	t 'release can not scrub its VF: refused, with what is wrong' fails_with 1 sriov_totalvfs v release --owner web
	t 'the lease is still there' same web "$(sql 'SELECT owner FROM held')"
	t 'alloc of the same: not given anything else' fails_with 1 sriov_totalvfs v alloc p0 --owner web
}
test_an_odd_vf() {
	two_pools
	local vf=sys/bus/pci/devices/0000:01:01
	head -c 200 /dev/zero | tr '\0' x >"$vf".0/driver_override
	mkdir -p "sys/bus/pci/drivers/$(printf 'd%.0s' {1..140})"
	ln -sfn "../../drivers/$(printf 'd%.0s' {1..140})" "$vf".1/driver
	t 'a driver_override of 200 bytes: shown' says '"driver_override": "x{200}"' v list --json
	t 'a driver with a name of 140 bytes: the VF counts as busy' says "vf 1 .*busy: it can't be looked at" v list
	t 'the others are free' says 'vf 3 .*free' v list
	t 'alloc passes the odd one over' same '0000:01:01.0 0000:01:01.2' \
		"$(for i in a b; do v alloc p0 --owner "$i" --json | field address; done | xargs)"
	t 'the odd one can not be had by its number either' fails_with 3 "VF 1 .*can't be looked at" v alloc p0 --owner c --vf 1
}
test_a_group_with_an_odd_device() {
	two_pools
	mkdir sys/bus/pci/devices/0000:09:00.0
	ln -s "../../drivers/$(printf 'd%.0s' {1..140})" sys/bus/pci/devices/0000:09:00.0/driver
	ln -s ../../../../bus/pci/devices/0000:09:00.0 sys/kernel/iommu_groups/0/devices/
	t 'iommu shows the group, the odd device in the way' says '0000:09:00.0 .*looked at' v iommu 0000:01:01.0
	t 'list of a group with an odd device goes on' says '^pf1 ' v list
}

# ---- definitions ----
odd_definition() { # PATTERN WHAT
	t "$2: list shows the pools" timeout 20 bash -c "$(declare -f v both anyhow); fake=$fake; $(declare -p at); v list | grep -q '^p1 '"
	t "$2: list names it" says "odd.xml.*$1" both v list
	t "$2: apply does the others: 6" code_is 6 v apply
	t "$2: apply names it" says "odd.xml.*$1" both v apply
	t "$2: another pool's VFs are allocated" v alloc p1 --owner web
	t "$2: a VF can be held" v hold pf0 --vf 3 --reason test
	t "$2: the doctor names it" says "odd.xml.*$1" both v doctor
	t "$2: show of it says why it can't" fails_with 1 "odd.xml.*$1" v show odd
	t "$2: guests' network is looked at" anyhow v network --sync
}
# proves: outside
test_a_fifo_in_the_place_of_a_definition() {
	two_pools
	mkfifo etc/pools/odd.xml
	odd_definition 'a named pipe' FIFO
}
test_a_folder_in_the_place_of_a_definition() {
	two_pools
	mkdir etc/pools/odd.xml
	odd_definition 'a folder' folder
}
test_a_socket_in_the_place_of_a_definition() {
	two_pools
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("etc/pools/odd.xml")'
	odd_definition 'a socket' socket
}
test_a_device_file_in_the_place_of_a_definition() {
	two_pools
	ln -s /dev/zero etc/pools/odd.xml
	odd_definition 'a device file' 'device file'
}
test_a_link_that_leads_nowhere() {
	two_pools
	ln -s nowhere etc/pools/odd.xml
	odd_definition 'No such file' 'dangling link'
	t 'undefine of a definition that is a dangling link' v undefine odd
}
test_fifos_elsewhere() {
	two_pools
	mkdir -p rules root/etc/udev/rules.d networks
	mkfifo rules/90-vfpool-p0.rules root/etc/udev/rules.d/50-x.rules networks/p0.xml
	t "apply passes a FIFO in udev's folders over" timeout 20 "$fake/vfpool" "${at[@]}" apply
	t 'define takes a pipe that a person names' says defined v define /dev/stdin < <(cat p0.xml)
}
# proves: scrubbed
test_a_vf_that_can_not_leave_quarantine() {
	local i
	two_pools 1
	for i in 0 1 2; do
		v alloc p0 --owner "web$i" >/dev/null
		echo 1 >"sys/bus/pci/devices/0000:01:01.$i/enable"
		v release p0 --owner "web$i" --force >/dev/null 2>&1
		echo 0 >"sys/bus/pci/devices/0000:01:01.$i/enable"
	done
	export PEER_REFUSES='0 5'
	t "apply: exits with 6" code_is 6 eval 'v apply >out 2>&1'
	t "apply tells once of a VF that can't leave quarantine" same 1 "$(grep -c 'Input/output error' out)"
	t "the other VFs of its PF are free again" same 0 "$(sql 'SELECT group_concat(idx) FROM vf WHERE quarantine IS NOT NULL')"
	unset PEER_REFUSES
	t "apply frees a VF in quarantine when its card takes the settings" v apply
	t "apply when the card takes the settings: none is left in quarantine" same 0 "$(sql 'SELECT count(*) FROM vf WHERE quarantine IS NOT NULL')"
}

run_tests
