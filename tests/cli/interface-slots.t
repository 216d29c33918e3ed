#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# VFs in QEMU's and StratoVirt's words: functions of one slot, and ids that no two leases share.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

new_pool_host() { # VFS
	"$fake/tree" sys 1 "$1" --netdev
	export PEER_VFS=$1 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='$1'" >p.xml
	v define p.xml >/dev/null && v apply >/dev/null 2>&1
}
# The values of a property, of -device lines on stdin; "-" where one hasn't got it.
property() { # NAME
	sed "s/^/,/; s/.*,$1=\\([^,]*\\).*/\\1/; s/^,.*/-/" | tr '\n' ' '
}
are_ids() { # stdin: each is an id that QEMU takes and no longer than StratoVirt's
	! grep -vxE '[A-Za-z][A-Za-z0-9._-]{1,254}'
}

test_functions_of_one_slot() {
	new_pool_host 16
	v alloc p --owner web --count 3 >/dev/null
	v interface web --format qemu --bus pcie.0 --addr 0x03 >qemu
	t 'three VFs in one slot: its functions 0, 1 and 2' same '0x03.0x0 0x03.0x1 0x03.0x2 ' "$(property addr <qemu)"
	t 'the first one carries multifunction=on, the others not' same 'on - - ' "$(property multifunction <qemu)"
	v interface web --format qemu --addr 0x1f.0x5 >qemu
	t 'three VFs from function 5 of a slot on' same '0x1f.0x5 0x1f.0x6 0x1f.0x7 ' "$(property addr <qemu)"
	t "three VFs in a slot whose function 0 is another's: no multifunction=on" same '- - - ' "$(property multifunction <qemu)"
	t 'three VFs from function 6 of a slot on: there is no place' fails_with 1 'a slot has 8 functions: .* 3 VFs from 0x3.6' \
		v interface web --format stratovirt --bus pcie.0 --addr 0x3.6
	for addr in x 3.8 0x20 3.0.0 3. ''; do
		t "a slot '$addr' for several: refused" anyhow_fails v interface web --format qemu --addr "$addr"
	done
	v interface web --format qemu >qemu
	t 'three VFs without a place, which QEMU chooses: no multifunction=on' same '- - - - - - ' "$(property addr <qemu)$(property multifunction <qemu)"
	v interface web --format stratovirt >stratovirt
	t 'StratoVirt: a root port each, no multifunction=on' same 'pcie.1 pcie.2 pcie.3 - - - ' \
		"$(property bus <stratovirt)$(property multifunction <stratovirt)"
	v interface web --format stratovirt --bus pcie.0 >stratovirt
	t 'StratoVirt, on one bus: functions of slot 0' same '0x00.0x0 0x00.0x1 0x00.0x2 on - - ' \
		"$(property addr <stratovirt)$(property multifunction <stratovirt)"
	v interface web --nic 1 --format qemu --bus pcie.0 --addr 0x03.0x0 --multifunction >qemu
	t 'one VF beside functions of others, with --multifunction' same '0x03.0x0 on ' "$(property addr <qemu)$(property multifunction <qemu)"
	t 'alloc of 9 into one slot: refused' fails_with 1 'a slot has 8 functions' v alloc p --owner nine --count 9 --format qemu --addr 3
	t 'alloc of 9 into one slot: no lease was made' fails_with 5 'no such lease' v interface nine
	v interface web --format qmp --bus pcie.1 --addr 0x0 >qmp
	t 'hot plug: function 0 comes last, and says that there are others' same '0x00.0x2 - 0x00.0x1 - 0x00.0x0 1' \
		"$(perl -MJSON::PP -ne '$a = decode_json($_)->{arguments};
			push @all, $a->{addr}, $a->{multifunction} // "-" if $a->{addr}; END { print "@all" }' qmp)"
}
anyhow_fails() {
	! "$@" >/dev/null 2>&1
}

test_ids_that_no_two_leases_share() {
	local owner owners=(web 'web 1' web_1 web-1 web.1 'web_201' "it's" 'its' 'Web' 'wéb' 'web,romfile=x' 'w' '4' 'web__x-0'
		"$(printf 'x%.0s' {1..255})" "$(printf 'x%.0s' {1..254})y" "$(printf '_%.0s' {1..28})" "$(printf '_%.0s' {1..27})")
	new_pool_host 24
	for owner in "${owners[@]}"; do
		v alloc p --owner "$owner" --format qemu >>devices || t "alloc --owner $owner" false
		v release --owner "$owner" >/dev/null
	done
	v alloc p --owner web --count 3 --format qemu >>devices
	sort -u devices >/dev/null && sed 's/.*,id=\([^,]*\).*/\1/' devices >ids
	t 'each id is one that QEMU and StratoVirt take' are_ids <ids
	t 'owners that differ, and nics, have ids that differ' same $((${#owners[@]} + 2)) "$(sort -u ids | wc -l)"
	t 'the id of a plain name can be read' grep -qx 'vfpool-p__web-0' ids
	pool p "dev='pf0' numvfs='24' vfs='0-11'" >p.xml
	pool p-web "dev='pf0' numvfs='24' vfs='12-23'" >q.xml
	v release --owner web --all >/dev/null && v define p.xml q.xml >/dev/null && v apply >/dev/null 2>&1
	{ v alloc p --owner web-x --format qemu; v alloc p-web --owner x --format qemu; v alloc p-web --owner web --format qemu; v alloc p --owner web --format qemu; } |
		sed 's/.*,id=\([^,]*\).*/\1/' >ids
	t 'leases of one owner in two pools, and names that meet in the middle: no two alike' same 4 "$(sort -u ids | wc -l)"
}

run_tests
