#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bind and unbind, on the captured tree of a lab host with a fake kernel behind its files: one VF, a group, all
# or nothing, who is in use, reboots.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
new_folder bind
"$top/tests/data/restore" "$top/tests/data/hosts/crowded.txt" .
number_netdevs sys
export PEER_VFS=4
mkdir -p sys/bus/pci/drivers/vfio-pci sys/bus/pci/drivers/pci-stub proc/sys/kernel/random
echo boot-1 >proc/sys/kernel/random/boot_id

vf=0000:01:10.0
card=0000:03:01.0
other=0000:03:02.0
dev() { # ADDRESS
	echo "sys/bus/pci/devices/$1"
}
is() { # ADDRESS: its driver and override
	local driver override
	driver=$(readlink "$(dev "$1")/driver")
	override=$(<"$(dev "$1")/driver_override")
	echo "${driver##*/} ${override#(null)}"
}
are() { # the group that the tests are about
	echo "$(is $vf), $(is $card), $(is $other)"
}
move() { # ADDRESS GROUP
	rm -f sys/kernel/iommu_groups/*/devices/"$1" "$(dev "$1")/iommu_group"
	ln -s "../../../../bus/pci/devices/$1" "sys/kernel/iommu_groups/$2/devices/$1"
	ln -s "../../../kernel/iommu_groups/$2" "$(dev "$1")/iommu_group"
}
set_driver() { # ADDRESS DRIVER
	rm -f "$(dev "$1")/driver"
	[ -z "$2" ] || ln -s "../../drivers/$2" "$(dev "$1")/driver"
}
reboot() { # BOOT-ID: what was bound by hand isn't, and nothing is held
	local address
	echo "$1" >proc/sys/kernel/random/boot_id
	for address in $vf $card $other; do
		echo '(null)' >"$(dev "$address")/driver_override"
		echo 0 >"$(dev "$address")/enable"
	done
	set_driver $vf ''
	set_driver $card e1000
	set_driver $other e1000
}
refused() { # CODE PATTERN VERB ARGUMENT…: and nothing is changed
	local before
	before=$(are)$(sql 'SELECT * FROM binding' 2>&1)
	fails_with "$1" "$2" v "${@:3}" && same "$before" "$(are)$(sql 'SELECT * FROM binding' 2>&1)"
}

# ---- words ----
t 'no address: 2' usage 'missing arguments' bind
t 'unbind takes no driver: 2' usage "unknown option '--driver'" unbind $vf --driver host
t 'no address at all: 1' fails_with 1 "'enp1s0' is no PCI address" v bind enp1s0
t 'no such device: 5' fails_with 5 'no PCI device 0000:07:00.0' v bind 0000:07:00.0
t 'nor for unbind: 5' fails_with 5 'no PCI device 0000:07:00.0' v unbind 0000:07:00.0
t 'no name of a driver: 1' fails_with 1 "'../x' is no name of a driver" v bind $vf --driver ../x
t 'one for DPDK, which nobody can see in use: 1' fails_with 1 'uio_pci_generic nobody can see' v bind $vf --driver uio_pci_generic
t 'an empty one: 2' usage 'driver has an empty value' bind 0000:01:10.0 --driver ''
t 'a driver that this kernel has not: 1' fails_with 1 'module.* no_such_driver|no_such_driver.*; it is as it was' v bind $vf --driver no_such_driver
t 'and all is as it was' same ' ' "$(is $vf)"
t 'not even a record' same 0 "$(sql 'SELECT count(*) FROM binding')"

# ---- who may be bound ----
t 'what is neither a network card nor near a VF' fails_with 1 '0000:00:01.0 is no VF, no network card and in no' v bind 0000:00:01.0
t 'a root port' fails_with 1 '0000:00:1c.0 is a bridge or port' v bind 0000:00:1c.0
t 'a bridge' fails_with 1 '0000:02:00.0 is a bridge or port' v bind 0000:02:00.0
t 'a PF with VFs' fails_with 4 '0000:05:00.0 is in use: it has VFs' v bind 0000:05:00.0
t 'nor with its group' fails_with 4 '0000:05:00.0 is in use: it has VFs' v bind 0000:05:10.0 --group
move 0000:00:09.0 15
t 'a block device' fails_with 4 '0000:00:09.0 is in use: it has a block device' v bind $vf --group
move 0000:00:09.0 9

# ---- one VF ----
t '--dry-run says it' says "^$vf: driver would go none → vfio-pci" v bind $vf --dry-run
t 'and does nothing' same ' ' "$(is $vf)"
t 'on vfio-pci' says "^$vf: driver none → vfio-pci$" v bind $vf
t 'by its override' same 'vfio-pci vfio-pci' "$(is $vf)"
t 'again: nothing to do' says "^$vf: nothing to do: its driver is vfio-pci already" v bind pci_0000_01_10_0
echo 1 >"$(dev $vf)/enable"
t 'held through vfio: not even unbound' refused 4 "$vf is in use: held through vfio" unbind $vf
t 'nor bound to another' refused 4 'held through vfio' bind $vf --driver pci-stub
t 'though to what it has' says 'nothing to do' v bind $vf
echo 0 >"$(dev $vf)/enable"
mkdir -p libvirt/hostdevmgr && touch libvirt/hostdevmgr/enp1s0_vf0
t "libvirt's file counts" refused 4 'a guest of libvirt has it' unbind $vf
rm libvirt/hostdevmgr/enp1s0_vf0
t 'to a third driver' says 'driver vfio-pci → pci-stub' v bind $vf --driver pci-stub
t 'unbind --dry-run' says "^$vf: driver would go pci-stub → none" v unbind $vf --dry-run
t 'back to none' says "^$vf: driver pci-stub → none" v unbind $vf
t 'without override' same ' ' "$(is $vf)"
t 'unbound twice: 5, and what to do' refused 5 "vfpool hasn't bound $vf.*'vfpool bind $vf --driver host'" unbind $vf
t "history has a VF's" same 'bind bind unbind ' "$(v history --vf $vf --json | field event | tr '\n' ' ')"
v bind $vf >/dev/null
t 'as JSON' same "$vf pci_0000_01_10_0 vfio-pci null true false " "$(v unbind $vf --json >out; for f in address nodedev driver_from driver changed persist; do field $f <out; done | tr '\n' ' ')"
t "an NVMe disk's VF" says '0000:04:00.1: driver none → vfio-pci' v bind 0000:04:00.1
t 'and back' says '0000:04:00.1: driver vfio-pci → none' v unbind 0000:04:00.1

# ---- a group ----
move $card 15
move $other 15
echo 0 >"$(dev $card)/enable" # as e1000 leaves it; the fake kernel doesn't count
echo 0 >"$(dev $other)/enable"
untouched=' , e1000 , e1000 '
bound='vfio-pci vfio-pci, vfio-pci vfio-pci, vfio-pci vfio-pci'
echo 0x1003 >"$(dev $other)/net/ens2/flags"
t 'a netdev that is up' refused 4 "$other is in use: its netdev is up \(ens2\)" bind $vf --group
echo 0x1002 >"$(dev $other)/net/ens2/flags"
PEER_ADDRESS=$(<"$(dev $other)/net/ens2/ifindex")
export PEER_ADDRESS
t 'one that has an address' refused 4 "$other is in use: its netdev has an address \(ens2\)" bind $vf --group
unset PEER_ADDRESS
mkdir "$(dev $other)/net/ens2/master"
t 'one that is enslaved' refused 4 "enslaved" bind $vf --group
rmdir "$(dev $other)/net/ens2/master"
mv "$(dev $other)/net" away
mv sys/class/net/ens2 away.link
t 'one that is elsewhere' refused 4 "in another network namespace" bind $vf --group
mv away.link sys/class/net/ens2
mv away "$(dev $other)/net"
cp -r "$(dev $other)/net/ens2" "$(dev $other)/net/zz1"
ln -s "$(readlink sys/class/net/ens2 | sed 's/ens2$/zz1/')" sys/class/net/zz1
echo 0x1003 >"$(dev $other)/net/zz1/flags"
t 'a second netdev that is up' refused 4 "$other is in use: its netdev is up \(zz1\)" bind $vf --group
mkdir "$(dev $other)/usb1"
mv "$(dev $other)/net" "$(dev $other)/usb1/"
ln -sfn "$(readlink sys/class/net/zz1 | sed 's/net.zz1$/usb1\/&/')" sys/class/net/zz1
t 'one that is deeper down' refused 4 "$other is in use: its netdev is up \(zz1\)" bind $vf --group
mv "$(dev $other)/usb1/net" "$(dev $other)/"
rm -r "$(dev $other)/usb1" "$(dev $other)/net/zz1" sys/class/net/zz1
t 'nothing was changed' same "$untouched" "$(are)"
t '--dry-run names them all' same 3 "$(v bind $vf --group --dry-run | grep -c 'would go')"
t 'the whole group' same 3 "$(v bind $vf --group | grep -c '→ vfio-pci')"
t 'it is so' same "$bound" "$(are)"
t 'a guest can have it' says '^group 15 .*one guest can have all of it' v iommu $vf
t 'again: nothing to do' same 3 "$(v bind $card --group | grep -c 'nothing to do')"
echo 1 >"$(dev $other)/enable"
t 'one is held: no other leaves vfio' refused 4 "$card is in use: $other in its IOMMU group is held through vfio" unbind $card
t 'nor the group' refused 4 'in use' unbind $card --group
echo 0 >"$(dev $other)/enable"
t 'back' same 3 "$(v unbind $vf --group | grep -c 'driver vfio-pci →')"
t 'each as it was' same "$untouched" "$(are)"
t 'nothing is left to unbind: 5' refused 5 'vfpool has bound nothing in there' unbind $vf --group
t 'one of the group alone' says "^$card: driver e1000 → vfio-pci" v bind $card
echo e1000 >"$(dev $other)/driver_override"
t 'then the others' same '1 2' "$(v bind $card --group | tee out | grep -c 'nothing to do') $(grep -c '→ vfio-pci' out)"
t 'all back' code_is 0 v unbind $card --group
t 'an override that was there is there again' same ' , e1000 , e1000 e1000' "$(are)"
echo '(null)' >"$(dev $other)/driver_override"

# ---- all or nothing ----
echo vfio-pci >"$(dev $other)/refuse_probe"
t 'one fails: which, why, and the others' refused 1 "$other: vfio-pci didn't take $other.*it and the others are as they were" bind $vf --group
t 'they are' same "$untouched" "$(are)"
t 'and on record is nothing' same 0 "$(sql 'SELECT count(*) FROM binding')"
echo e1000 >"$(dev $card)/refuse_probe"
t 'one that has lost its way back' fails_with 1 "couldn't be put back, and 'vfpool unbind' tries it again: $card \(e1000 didn't take" v bind $vf --group
rm "$(dev $card)/refuse_probe" "$(dev $other)/refuse_probe"
t 'unbind does' says "^$card: driver none → e1000" v unbind $card
t 'all is well' same "$untouched" "$(are)"
v bind $vf --group >/dev/null
echo e1000 >"$(dev $other)/refuse_probe"
t 'unbind fails: all stay' refused 1 "$other: e1000 didn't take $other.*it and the others are as they were" unbind $vf --group
t 'as they were' same "$bound" "$(are)"
rm "$(dev $other)/refuse_probe"
v unbind $vf --group >/dev/null

killed() { # VERB…: it ends when the second device of the group loses its driver
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=SIGKILL:when=2 \
		"$fake/vfpool" "${at[@]}" "$@" --group >/dev/null 2>&1
	differ "$untouched" "$(are)" && differ "$bound" "$(are)"
}
t 'bind, killed in the middle' killed bind $vf
t 'the same command finishes it' same "$bound" "$(v bind $vf --group >/dev/null; are)"
t 'unbind, killed in the middle' killed unbind $vf
t 'it finishes too' same "$untouched" "$(v unbind $vf --group >/dev/null; are)"
killed bind $vf 2>/dev/null
t 'killed, then unbind' same "$untouched" "$(v unbind $vf --group >/dev/null; are)"

# ---- reboots ----
quiet_apply() {
	v apply >out 2>&1
}
v bind $card >/dev/null
reboot boot-2
t 'a reboot ends it' refused 5 "not since the host was booted" unbind $card
t 'apply leaves it' says 'nothing to do' v apply
t '--persist' says "^$card: driver e1000 → vfio-pci, also at each boot" v bind $card --persist
v bind $vf >/dev/null
t 'what is bound already persists too' says "nothing to do: .* also at each boot" v bind $vf --persist
t 'and persists, when it is bound again' says "nothing to do: .* also at each boot" v bind $vf
reboot boot-3
t 'apply says what it would do' says "^$card: driver e1000 → vfio-pci" v apply --dry-run
t 'nothing yet' same "$untouched" "$(are)"
t 'of one pool it has nothing to do with it' fails_with 5 'no pool' v apply x
echo 0x1003 >"$(dev $card)/net/ens1/flags"
t 'one that is in use: 4' code_is 4 quiet_apply
t 'is named' grep -q "^$card: refused: .*its netdev is up" out
t 'the other is bound' same 'vfio-pci vfio-pci' "$(is $vf)"
echo 0x1002 >"$(dev $card)/net/ens1/flags"
echo vfio-pci >"$(dev $card)/refuse_probe"
t 'one that fails: 6' code_is 6 quiet_apply
t 'is named too' grep -q "^$card: .*FAILED: .*didn't take" out
t 'and is as it was' same 'e1000 ' "$(is $card)"
rm "$(dev $card)/refuse_probe"
t 'apply binds it' says "^$card: driver e1000 → vfio-pci" v apply
t 'and then has nothing to do' says 'nothing to do' v apply
t 'unbind: for good' same 'e1000 ' "$(v unbind $card >/dev/null; is $card)"
reboot boot-4
set_driver $vf ''
t 'apply, of what still persists' says '^enp1s0 vf 0: driver none → vfio-pci' v apply
v unbind $vf >/dev/null
v bind $card --persist >/dev/null
reboot boot-5
set_driver $card '' # its module isn't loaded yet
v apply >/dev/null 2>&1
t 'so early at boot that it has no driver: its own is known' same 'e1000 ' "$(v unbind $card >/dev/null; is $card)"

v bind $card --persist >/dev/null
reboot boot-6
set_driver $card virtio-pci
t 'by another meanwhile: unbind leaves that' says 'nothing to do: its driver is virtio-pci already$' v unbind $card
set_driver $card e1000
t 'and it is forgotten' says 'nothing to do' v apply
v bind $card --persist >/dev/null
t 'another driver, but not at each boot' says "doesn't get the driver vfio-pci at each boot any more" with_stderr v bind $card --driver pci-stub
forgotten() { # PATTERN
	v unbind "$card" >out 2>err && grep -q "$1" err && [ ! -s out ]
}
v bind $card --persist >/dev/null
reboot boot-7
echo 0x1234 >"$(dev $card)/device"
t 'another device in its place: 6' code_is 6 quiet_apply
t 'is named' grep -q "$card, which is to have the driver vfio-pci at each boot: it is 8086:1234 now, and was 8086:100e; 'vfpool unbind $card'" out
t 'and left alone' same 'e1000 ' "$(is $card)"
t 'until it is forgotten' forgotten 'another device than'
t 'then apply is content' says 'nothing to do' v apply
echo 0x100e >"$(dev $card)/device"
v bind $card --persist >/dev/null
mv "$(dev $card)" away
rm sys/kernel/iommu_groups/15/devices/$card
t 'it is gone: 6' code_is 6 quiet_apply
t 'named' grep -q "$card, which .*: this host has no PCI device $card; 'vfpool unbind" out
t 'and forgotten' forgotten "isn't there any more: it is forgotten"
t 'for good' says 'nothing to do' v apply
mv away "$(dev $card)"
move $card 15
reboot boot-8

# ---- VFs of pools ----
echo "<pool><name>a</name><pf address='0000:01:00.0' numvfs='4'/></pool>" >a.xml
v bind $vf --driver pci-stub >/dev/null
v define a.xml >/dev/null
t 'unbind, when a pool has it by now: it has that to do' says "the next 'vfpool apply' puts it back" with_stderr v unbind $vf
v apply a >/dev/null 2>&1
t 'the pool has them on vfio-pci' same 'vfio-pci vfio-pci' "$(is $vf)"
t 'another driver at each boot is for the definition' refused 1 "$vf is a VF of pool a, whose definition has another driver \(vfio-pci\): change <driver>" bind $vf --driver pci-stub --persist
pool_note() {
	v bind "$vf" --driver pci-stub >/dev/null 2>err && grep -q "the next 'vfpool apply' puts it back" err
}
t 'for now it may have one, with a note' pool_note
t 'apply puts it back' same 'vfio-pci vfio-pci' "$(v apply >/dev/null 2>&1; is $vf)"
t "and unbind has it so" same 'vfio-pci vfio-pci' "$(v unbind $vf >/dev/null; is $vf)"
t "at each boot as the definition says" says 'also at each boot' v bind $vf --persist
t 'which an unbind forgets' says 'nothing to do: its driver is vfio-pci already$' v unbind $vf
# With its group's other cards beside it no guest could have it.
mkdir -p sys/kernel/iommu_groups/99/devices
move 0000:03:01.0 99 && move 0000:03:02.0 99
leased=$(v alloc a --owner web --json 2>/dev/null | field address)
move 0000:03:01.0 15 && move 0000:03:02.0 15
t 'a leased VF' same $vf "$leased"
t 'keeps its driver: 4' refused 4 "$vf is leased to web nic 0 of pool a" bind $vf --driver pci-stub
t 'so its group does' refused 4 "leased to web" bind $card --group --driver pci-stub
t 'but its neighbours may join it on vfio-pci' same "$bound" "$(v bind $vf --group >/dev/null; are)"
t 'and leave' same 'e1000 , e1000 ' "$(v unbind $vf --group >/dev/null; echo "$(is $card), $(is $other)")"
v release --owner web >/dev/null
t 'released: it may' says 'driver vfio-pci → pci-stub' v bind $vf --driver pci-stub
t 'the ledger is whole' same ok "$(sql 'PRAGMA integrity_check')"
# ---- pools and stubs ----
v bind $vf --driver pci-stub >/dev/null
t 'on pci-stub it has not its own driver' says '^0000:01:10.0: driver pci-stub → vfio-pci' v bind $vf
v unbind $vf >/dev/null
mkdir -p etc/pools
echo "<pool><name>p</name><pf address='0000:06:00.0' numvfs='4'/></pool>" >etc/pools/p.xml
rm "$(dev 0000:06:00.0)"/virtfn*
t 'the PF of a pool keeps the driver that makes its VFs: 1' fails_with 1 '0000:06:00.0 is a PF of pool p' v bind 0000:06:00.0
rm etc/pools/p.xml

# ---- a card was replaced ----
v bind $vf --persist >/dev/null 2>&1
sql "UPDATE pf SET mac = '02:00:00:00:00:99' WHERE address = '0000:01:00.0'"
reboot boot-replaced
replaced() {
	anyhow with_stderr v unbind "$vf" | grep -q 'another device than the one that vfpool bound there, which is forgotten' &&
		same 0 "$(sql 'SELECT count(*) FROM binding WHERE persist')"
}
t 'what was bound in its place is forgotten' replaced
tap_end
