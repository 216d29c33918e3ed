#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a reboot leaves of what bind did: nothing without --persist, and what apply makes of it with that, also when the
# device is in use, gone or another one by then.
# shellcheck disable=SC2086 # addresses are one word
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
. tests/cli/crowded.sh

# captured: the host with the cards beside the VF, in one group.
captured() {
	crowded
	one_group
}
reboot() { # what was bound by hand isn't, and nothing is held
	local address
	echo "boot-$((++boots))" >proc/sys/kernel/random/boot_id
	for address in $vf $card $other; do
		echo '(null)' >"$(dev "$address")/driver_override"
		echo 0 >"$(dev "$address")/enable"
	done
	set_driver $vf ''
	set_driver $card e1000
	set_driver $other e1000
}
boots=1
quiet_apply() {
	v apply >out 2>&1
}
forgotten() { # PATTERN: unbind of the card says so, and nothing else
	v unbind "$card" >out 2>err && grep -q "$1" err && [ ! -s out ]
}

test_bind_without_persist_ends_with_a_reboot() {
	captured
	v bind $card >/dev/null
	reboot
	t 'unbind of what was bound before a reboot: not found' refused 5 "not since the host was booted" unbind $card
	t 'apply leaves what was bound before a reboot' says 'nothing to do' v apply
	t 'bind --persist after a reboot' says "^$card: driver e1000 → vfio-pci, also at each boot" v bind $card --persist
}

test_bind_persist_of_what_is_bound() {
	captured
	v bind $vf >/dev/null
	t 'bind --persist of what is bound already: also at each boot' says "nothing to do: .* also at each boot" v bind $vf --persist
	t 'bind of what persists: it does so still' says "nothing to do: .* also at each boot" v bind $vf
}

test_apply_binds_again_after_a_reboot() {
	captured
	v bind $card --persist >/dev/null && v bind $vf --persist >/dev/null
	reboot
	t 'apply --dry-run after a reboot says what it would bind' says "^$card: driver e1000 → vfio-pci" v apply --dry-run
	t 'apply --dry-run after a reboot changes no driver' same "$untouched" "$(drivers_are)"
	t 'apply of one pool has nothing to do with what was bound' fails_with 5 'no pool' v apply x
	echo 0x1003 >"$(dev $card)/net/ens1/flags"
	t 'apply, what persists is in use: exit code 4' code_is 4 quiet_apply
	t 'apply, what persists is in use: it is named' grep "^$card: refused: .*its netdev is up" out
	t 'apply, what persists is in use: the other one is bound' same 'vfio-pci vfio-pci' "$(driver_is $vf)"
	echo 0x1002 >"$(dev $card)/net/ens1/flags"
	echo vfio-pci >"$(dev $card)/refuse_probe"
	t 'apply, what persists fails to be bound: exit code 6' code_is 6 quiet_apply
	t 'apply, what persists fails to be bound: it is named' grep "^$card: .*FAILED: .*didn't take" out
	t 'apply, what persists fails to be bound: it is as it was' same 'e1000 ' "$(driver_is $card)"
	rm "$(dev $card)/refuse_probe"
	t 'apply binds what persists after a reboot' says "^$card: driver e1000 → vfio-pci" v apply
	t 'apply after it has bound what persists: nothing to do' says 'nothing to do' v apply
	t 'unbind of what persists: it has its own driver' same 'e1000 ' "$(v unbind $card >/dev/null; driver_is $card)"
	reboot
	t 'apply after a reboot binds what still persists' says '^enp1s0 vf 0: driver none → vfio-pci' v apply
	t 'apply after a reboot leaves what was unbound' same 'e1000 ' "$(driver_is $card)"
}

test_apply_knows_the_driver_of_a_card_that_has_none_yet() {
	captured
	v bind $card --persist >/dev/null
	reboot
	set_driver $card '' # its module isn't loaded yet
	v apply >/dev/null 2>&1
	t 'unbind of what was bound before it had a driver at boot: its own is known' same 'e1000 ' \
		"$(v unbind $card >/dev/null; driver_is $card)"
}

test_unbind_of_what_another_has_bound_meanwhile() {
	captured
	v bind $card --persist >/dev/null
	reboot
	set_driver $card virtio-pci
	t 'unbind of what another has bound meanwhile leaves it that' says 'nothing to do: its driver is virtio-pci already$' v unbind $card
	set_driver $card e1000
	t 'apply knows nothing more of what was unbound' says 'nothing to do' v apply
	v bind $card --persist >/dev/null
	t 'bind to another driver without --persist: that ends, and is said' \
		says "doesn't get the driver vfio-pci at each boot any more" with_stderr v bind $card --driver pci-stub
}

# proves: looked-up
test_another_device_in_the_place_of_what_persists() {
	captured
	v bind $card --persist >/dev/null
	reboot
	echo 0x1234 >"$(dev $card)/device"
	t 'apply, another device is where one persists: exit code 6' code_is 6 quiet_apply
	t 'apply, another device is where one persists: named, with unbind' \
		grep "$card, which is to have the driver vfio-pci at each boot: it is 8086:1234 now, and was 8086:100e; 'vfpool unbind $card'" out
	t 'apply, another device is where one persists: left alone' same 'e1000 ' "$(driver_is $card)"
	t 'unbind of another device where one persisted: said, and forgotten' forgotten 'another device than'
	t 'apply is content when another device is forgotten' says 'nothing to do' v apply
}

test_what_persists_is_gone() {
	captured
	v bind $card --persist >/dev/null
	mv "$(dev $card)" away
	rm sys/kernel/iommu_groups/15/devices/$card
	t 'apply, what persists is gone: exit code 6' code_is 6 quiet_apply
	t 'apply, what persists is gone: named, with unbind' grep "$card, which .*: this host has no PCI device $card; 'vfpool unbind" out
	t 'unbind of what is gone: said, and forgotten' forgotten "isn't there any more: it is forgotten"
	t 'apply is content when what is gone is forgotten' says 'nothing to do' v apply
}

# proves: looked-up
test_the_card_of_what_persists_was_replaced() {
	crowded
	echo "<pool><name>a</name><pf address='0000:01:00.0' numvfs='4'/></pool>" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
	v bind $vf --persist >/dev/null 2>&1
	sql "UPDATE pf SET mac = '02:00:00:00:00:99' WHERE address = '0000:01:00.0'"
	reboot
	t 'unbind of a VF of a card that was replaced: said to be another device' \
		says 'another device than the one that vfpool bound there, which is forgotten' anyhow with_stderr v unbind "$vf"
	t 'unbind of a VF of a card that was replaced: none persists' same 0 "$(sql 'SELECT count(*) FROM binding WHERE persist')"
}

run_tests
