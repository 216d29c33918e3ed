#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bind and unbind, on the captured tree of a lab host: who may get another driver, that one VF or a whole IOMMU group gets
# it, all or none, and what they are to pools and leases. What a reboot leaves of it is in bind-boot.t.
# shellcheck disable=SC2086 # addresses are one word
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
. tests/cli/crowded.sh

# ---- words ----

test_bind_is_asked_for_what_there_is_not() {
	crowded
	t 'bind without an address: usage' usage 'missing arguments' bind
	t 'unbind takes no driver: usage' usage "unknown option '--driver'" unbind $vf --driver host
	t 'bind of what is no address: an error' fails_with 1 "'enp1s0' is no PCI address" v bind enp1s0
	t 'bind of a device that is not there: not found' fails_with 5 'no PCI device 0000:07:00.0' v bind 0000:07:00.0
	t 'unbind of a device that is not there: not found' fails_with 5 'no PCI device 0000:07:00.0' v unbind 0000:07:00.0
	t 'bind to what is no name of a driver: an error' fails_with 1 "'../x' is no name of a driver" v bind $vf --driver ../x
	t 'bind to a driver for DPDK, which nobody can see in use: an error' \
		fails_with 1 'uio_pci_generic nobody can see' v bind $vf --driver uio_pci_generic
	t 'bind to a driver of empty name: usage' usage 'driver has an empty value' bind $vf --driver ''
	t 'bind to a driver that this kernel has not: an error' \
		fails_with 1 'module.* no_such_driver|no_such_driver.*; it is as it was' v bind $vf --driver no_such_driver
	t 'bind to a driver that there is not: the device is as it was' same ' ' "$(driver_is $vf)"
	t 'bind to a driver that there is not: no record is left' same 0 "$(sql 'SELECT count(*) FROM binding')"
}

# ---- who may be bound ----

test_bind_refuses_what_is_no_card_for_guests() {
	crowded
	t 'bind of what is neither a network card nor near a VF: an error' \
		fails_with 1 '0000:00:01.0 is no VF, no network card and in no' v bind 0000:00:01.0
	t 'bind of a root port: an error that says what it is' fails_with 1 '0000:00:1c.0 is a bridge or port' v bind 0000:00:1c.0
	t 'bind of a bridge: an error that says what it is' fails_with 1 '0000:02:00.0 is a bridge or port' v bind 0000:02:00.0
	t 'bind of a PF with VFs: refused, it is in use' fails_with 4 '0000:05:00.0 is in use: it has VFs' v bind 0000:05:00.0
	t 'bind of a group in which a PF has VFs: refused' fails_with 4 '0000:05:00.0 is in use: it has VFs' v bind 0000:05:10.0 --group
	move 0000:00:09.0 15
	t 'bind of a group in which one has a block device: refused' \
		fails_with 4 '0000:00:09.0 is in use: it has a block device' v bind $vf --group
}

# ---- one VF ----

test_bind_gives_one_vf_its_driver() {
	crowded
	t 'bind --dry-run says what would be done' says "^$vf: driver would go none → vfio-pci" v bind $vf --dry-run
	t 'bind --dry-run changes no driver' same ' ' "$(driver_is $vf)"
	t 'bind of a VF: it goes to vfio-pci' says "^$vf: driver none → vfio-pci$" v bind $vf
	t 'bind of a VF: by its driver_override' same 'vfio-pci vfio-pci' "$(driver_is $vf)"
	t "bind of a VF that is bound, by libvirt's name: nothing to do" \
		says "^$vf: nothing to do: its driver is vfio-pci already" v bind pci_0000_01_10_0
	t 'bind of a VF to a third driver' says 'driver vfio-pci → pci-stub' v bind $vf --driver pci-stub
	t 'unbind --dry-run says what would be done' says "^$vf: driver would go pci-stub → none" v unbind $vf --dry-run
	t 'unbind of a VF: back to the driver of before' says "^$vf: driver pci-stub → none" v unbind $vf
	t 'unbind of a VF: its override is gone' same ' ' "$(driver_is $vf)"
	t 'unbind of a VF again: not found, with what to do' refused 5 "vfpool hasn't bound $vf.*'vfpool bind $vf --driver host'" unbind $vf
	t "history --vf tells of each bind and unbind" same 'bind bind unbind ' "$(v history --vf $vf --json | field event | tr '\n' ' ')"
	v bind $vf >/dev/null
	t 'unbind --json has all of it' same "$vf pci_0000_01_10_0 vfio-pci null true false " \
		"$(v unbind $vf --json >out; for f in address nodedev driver_from driver changed persist; do field $f <out; done | tr '\n' ' ')"
}

# proves: in-use
test_bind_leaves_a_vf_in_use_alone() {
	crowded
	v bind $vf >/dev/null
	echo 1 >"$(dev $vf)/enable"
	t 'unbind of a VF held through vfio: refused' refused 4 "$vf is in use: held through vfio" unbind $vf
	t 'bind of a VF held through vfio to another driver: refused' refused 4 'held through vfio' bind $vf --driver pci-stub
	t 'bind of a VF held through vfio to what it has: nothing to do' says 'nothing to do' v bind $vf
	echo 0 >"$(dev $vf)/enable"
	mkdir -p libvirt/hostdevmgr && touch libvirt/hostdevmgr/enp1s0_vf0
	t "unbind of a VF of which libvirt has a file: refused" refused 4 'a guest of libvirt has it' unbind $vf
}

test_bind_takes_the_vf_of_a_disk() {
	crowded
	t "bind of an NVMe disk's VF: it goes to vfio-pci" says '0000:04:00.1: driver none → vfio-pci' v bind 0000:04:00.1
	t "unbind of an NVMe disk's VF: back to none" says '0000:04:00.1: driver vfio-pci → none' v unbind 0000:04:00.1
}

# ---- a group ----

# proves: in-use
test_bind_refuses_a_group_with_a_card_in_use() {
	crowded
	one_group
	echo 0x1003 >"$(dev $other)/net/ens2/flags"
	t 'bind --group, a netdev in it is up: refused with its name' \
		refused 4 "$other is in use: its netdev is up \(ens2\)" bind $vf --group
	echo 0x1002 >"$(dev $other)/net/ens2/flags"
	PEER_ADDRESS=$(<"$(dev $other)/net/ens2/ifindex")
	export PEER_ADDRESS
	t 'bind --group, a netdev in it has an address: refused' \
		refused 4 "$other is in use: its netdev has an address \(ens2\)" bind $vf --group
	unset PEER_ADDRESS
	mkdir "$(dev $other)/net/ens2/master"
	t 'bind --group, a netdev in it is enslaved: refused' refused 4 "enslaved" bind $vf --group
	rmdir "$(dev $other)/net/ens2/master"
	mv "$(dev $other)/net" away
	mv sys/class/net/ens2 away.link
	t 'bind --group, a netdev in it is in another namespace: refused' refused 4 "in another network namespace" bind $vf --group
	mv away.link sys/class/net/ens2
	mv away "$(dev $other)/net"
	cp -r "$(dev $other)/net/ens2" "$(dev $other)/net/zz1"
	ln -s "$(readlink sys/class/net/ens2 | sed 's/ens2$/zz1/')" sys/class/net/zz1
	echo 0x1003 >"$(dev $other)/net/zz1/flags"
	t 'bind --group, a second netdev of a card in it is up: refused' \
		refused 4 "$other is in use: its netdev is up \(zz1\)" bind $vf --group
	mkdir "$(dev $other)/usb1"
	mv "$(dev $other)/net" "$(dev $other)/usb1/"
	ln -sfn "$(readlink sys/class/net/zz1 | sed 's/net.zz1$/usb1\/&/')" sys/class/net/zz1
	t 'bind --group, a netdev deeper down in a card is up: refused' \
		refused 4 "$other is in use: its netdev is up \(zz1\)" bind $vf --group
	t 'bind --group that was refused has changed no driver' same "$untouched" "$(drivers_are)"
}

test_bind_takes_a_whole_group() {
	crowded
	one_group
	t 'bind --group --dry-run names all of the group' same 3 "$(v bind $vf --group --dry-run | grep -c 'would go')"
	t 'bind --group: each of the group goes to vfio-pci' same 3 "$(v bind $vf --group | grep -c '→ vfio-pci')"
	t 'bind --group: each of the group has its override' same "$bound" "$(drivers_are)"
	t 'iommu says of a group that is bound that a guest can have it' says '^group 15 .*one guest can have all of it' v iommu $vf
	t 'bind --group again, by another of it: nothing to do' same 3 "$(v bind $card --group | grep -c 'nothing to do')"
	echo 1 >"$(dev $other)/enable"
	t 'unbind of a card while its group is held through vfio: refused' \
		refused 4 "$card is in use: $other in its IOMMU group is held through vfio" unbind $card
	t 'unbind --group while one of it is held through vfio: refused' refused 4 'in use' unbind $card --group
	echo 0 >"$(dev $other)/enable"
	t 'unbind --group: each of the group leaves vfio-pci' same 3 "$(v unbind $vf --group | grep -c 'driver vfio-pci →')"
	t 'unbind --group: each of the group is as it was' same "$untouched" "$(drivers_are)"
	t 'unbind --group again: not found' refused 5 'vfpool has bound nothing in there' unbind $vf --group
}

test_bind_takes_the_rest_of_a_group() {
	crowded
	one_group
	t 'bind of one card of a group alone' says "^$card: driver e1000 → vfio-pci" v bind $card
	echo e1000 >"$(dev $other)/driver_override"
	t 'bind --group when one is bound: the others follow' same '1 2' \
		"$(v bind $card --group | tee out | grep -c 'nothing to do') $(grep -c '→ vfio-pci' out)"
	t 'unbind --group of what was bound one by one' code_is 0 v unbind $card --group
	t 'unbind --group: an override of before is there again' same ' , e1000 , e1000 e1000' "$(drivers_are)"
}

# ---- all or nothing ----

# proves: says-so
test_bind_is_all_or_nothing() {
	crowded
	one_group
	echo vfio-pci >"$(dev $other)/refuse_probe"
	t 'bind --group, one fails: an error says which, why, and of the others' \
		refused 1 "$other: vfio-pci didn't take $other.*it and the others are as they were" bind $vf --group
	t 'bind --group, one fails: all are as they were' same "$untouched" "$(drivers_are)"
	t 'bind --group, one fails: nothing is on record' same 0 "$(sql 'SELECT count(*) FROM binding')"
	echo e1000 >"$(dev $card)/refuse_probe"
	t "bind --group, one fails and one can't go back: that is said, with unbind" \
		fails_with 1 "couldn't be put back, and 'vfpool unbind' tries it again: $card \(e1000 didn't take" v bind $vf --group
	rm "$(dev $card)/refuse_probe" "$(dev $other)/refuse_probe"
	t "unbind of what couldn't be put back puts it back" says "^$card: driver none → e1000" v unbind $card
	t "unbind of what couldn't be put back: all are as they were" same "$untouched" "$(drivers_are)"
	v bind $vf --group >/dev/null
	echo e1000 >"$(dev $other)/refuse_probe"
	t 'unbind --group, one fails: an error says which, and of the others' \
		refused 1 "$other: e1000 didn't take $other.*it and the others are as they were" unbind $vf --group
	t 'unbind --group, one fails: all stay as they are bound' same "$bound" "$(drivers_are)"
}

killed() { # VERB…: it ends when the second device of the group loses its driver
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=SIGKILL:when=2 \
		"$fake/vfpool" "${at[@]}" "$@" --group >/dev/null 2>&1
	differ "$untouched" "$(drivers_are)" && differ "$bound" "$(drivers_are)"
}

# proves: killed
test_bind_that_was_killed_is_finished_by_the_next() {
	crowded
	one_group
	t 'bind --group, killed in the middle: half of it is done' killed bind $vf
	t 'bind --group after one that was killed finishes it' same "$bound" "$(v bind $vf --group >/dev/null; drivers_are)"
	t 'unbind --group, killed in the middle: half of it is done' killed unbind $vf
	t 'unbind --group after one that was killed finishes it' same "$untouched" "$(v unbind $vf --group >/dev/null; drivers_are)"
	killed bind $vf 2>/dev/null
	t 'unbind --group after a bind that was killed: all are as they were' \
		same "$untouched" "$(v unbind $vf --group >/dev/null; drivers_are)"
}

# ---- pools ----

# pool_of_vfs: pool a of the card's VFs, applied.
pool_of_vfs() {
	echo "<pool><name>a</name><pf address='0000:01:00.0' numvfs='4'/></pool>" >a.xml
	v define a.xml >/dev/null
	v apply a >/dev/null 2>&1
}

test_bind_of_a_pools_vf_lasts_until_the_next_apply() {
	crowded
	v bind $vf --driver pci-stub >/dev/null
	echo "<pool><name>a</name><pf address='0000:01:00.0' numvfs='4'/></pool>" >a.xml
	v define a.xml >/dev/null
	t 'unbind of a VF that a pool has by now: apply has that to do' \
		says "the next 'vfpool apply' puts it back" with_stderr v unbind $vf
	v apply a >/dev/null 2>&1
	t 'apply gives a VF that was unbound the driver of its pool' same 'vfio-pci vfio-pci' "$(driver_is $vf)"
	t "bind --persist of a pool's VF to another driver: that is for its definition" refused 1 \
		"$vf is a VF of pool a, whose definition has another driver \(vfio-pci\): change <driver>" bind $vf --driver pci-stub --persist
	v bind "$vf" --driver pci-stub >out 2>err
	t "bind of a pool's VF to another driver: for now it may, with a note" grep "the next 'vfpool apply' puts it back" err
	t "bind of a pool's VF to another driver: it has that" same 'pci-stub pci-stub' "$(driver_is $vf)"
	t "apply gives a pool's VF that was bound its driver back" same 'vfio-pci vfio-pci' "$(v apply >/dev/null 2>&1; driver_is $vf)"
	t "unbind of a pool's VF leaves it the driver of the definition" same 'vfio-pci vfio-pci' "$(v unbind $vf >/dev/null; driver_is $vf)"
	t "bind --persist of a pool's VF to the driver of its definition" says 'also at each boot' v bind $vf --persist
	t "unbind of a pool's VF that persists forgets that" says 'nothing to do: its driver is vfio-pci already$' v unbind $vf
}

# proves: in-use
test_bind_leaves_a_leased_vf_its_driver() {
	crowded
	pool_of_vfs
	t 'a leased VF is the one that these tests are about' same $vf "$(v alloc a --owner web --json 2>/dev/null | field address)"
	one_group
	t 'bind of a leased VF to another driver: refused with its owner' \
		refused 4 "$vf is leased to web nic 0 of pool a" bind $vf --driver pci-stub
	t 'bind --group with a leased VF in it, to another driver: refused' refused 4 "leased to web" bind $card --group --driver pci-stub
	t "bind --group: a leased VF's neighbours may join it on vfio-pci" same "$bound" "$(v bind $vf --group >/dev/null; drivers_are)"
	t "unbind --group: a leased VF's neighbours may leave vfio-pci" same 'e1000 , e1000 ' \
		"$(v unbind $vf --group >/dev/null; echo "$(driver_is $card), $(driver_is $other)")"
	v release --owner web >/dev/null
	t 'bind of a VF that was released: it may get another driver' says 'driver vfio-pci → pci-stub' v bind $vf --driver pci-stub
	t 'bind beside leases leaves the ledger whole' same ok "$(sql 'PRAGMA integrity_check')"
}

test_bind_tells_stub_drivers_and_pfs_apart() {
	crowded
	v bind $vf --driver pci-stub >/dev/null
	t "bind of a VF on pci-stub: that is no driver of its own" says '^0000:01:10.0: driver pci-stub → vfio-pci' v bind $vf
	mkdir -p etc/pools
	echo "<pool><name>p</name><pf address='0000:06:00.0' numvfs='4'/></pool>" >etc/pools/p.xml
	rm "$(dev 0000:06:00.0)"/virtfn*
	t 'bind of the PF of a pool: it keeps the driver that makes its VFs' fails_with 1 '0000:06:00.0 is a PF of pool p' v bind 0000:06:00.0
}

run_tests
