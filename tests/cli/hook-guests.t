#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hook that libvirt calls for its guests: which guest may start with which VF, which guest a lease is noted for, when a
# lease ends with its guest, and that nothing that hangs or crashes keeps a guest from starting.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh

# leased: web has a lease; its MAC is in $mac, its VF in $vf, its guest's definition in $mine.
leased() {
	two_pools
	v alloc a --owner web --nic 0 --json >lease
	vf=$(field vf <lease) mac=$(field mac <lease)
	mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
}
guest_of() { # OWNER: the guest that its lease is noted for
	sql "SELECT guest FROM held WHERE owner = '$1'"
}
leases_of() { # OWNER: how many
	sql "SELECT count(*) FROM held WHERE owner = '$1'"
}
of_web=11111111-2222-3333-4444-555555555555

# proves: one-holder
test_hook_lets_a_guest_start_with_its_own_vf() {
	leased
	local other=$(((vf + 1) % 4))
	t 'hook: a guest that names its own VF may start' hook prepare "$mine"
	t 'hook: a guest that names the VF of another may not' \
		fails_with 4 "VF 0000:01:01.$vf of pool a is leased to web nic 0 with the MAC $mac, and guest thief names it with the MAC 52:54:00:00:00:07" \
		hook prepare "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
	t "hook: a guest that names another's VF in a plain <hostdev> may not, though none was seen with it" \
		fails_with 4 "and guest thief names it in a plain <hostdev>: .*'vfpool rename web thief'" hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
	t 'hook: the owner may start with its VF in a plain <hostdev>' hook prepare "$(guest web 1 "$(plain 0 "$vf")")"
	t 'hook: a guest that names a VF that nobody has may not' \
		fails_with 4 "of pool a is leased to nobody, .*'vfpool attach --refresh web' mends that" hook prepare "$(guest web 1 "$(nic "$mac" 0 $other)")"
	t "hook: a guest may name a VF that libvirt allocates" hook prepare "$(guest x 5 "$(nic 52:54:00:00:00:08 1 0)")"
	t 'hook: a guest may name a device that is no VF of a pool' hook prepare "$(guest x 5 "$(nic 52:54:00:00:00:08 7 0)")"
}

test_hook_refuses_only_in_prepare() {
	leased
	local operation
	for operation in start started stopped release reconnect migrate restore attach; do
		t "hook $operation, whatever the guest names: exit code 0 and nothing on stdout" same '' \
			"$(hook $operation "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")" 2>/dev/null || echo failed)"
	done
}

# ---- what hangs or makes no sense ----

reads_all() (
	set -o pipefail
	head -c 40000000 /dev/zero | v hook qemu x prepare begin -
)
hangs() { # within its time, whatever hangs
	mkfifo pipe
	(exec 7<>pipe; local from=$SECONDS; v hook qemu x prepare begin - <pipe && [ $((SECONDS - from)) -lt 10 ])
}

# proves: outside
test_hook_without_a_definition_it_can_read() {
	leased
	t 'hook, the XML is none: exit code 0, with a word' says 'understood' with_stderr v hook qemu x prepare begin - <<<'<domain'
	t 'hook without any XML: exit code 0' v hook qemu x prepare begin - </dev/null
	t 'hook reads all of stdin, however long' reads_all
	t 'hook, stdin does not end: exit code 0 after a while' hangs
	t 'hook, a guest is called like an option: nothing on stdout' same '' \
		"$(v hook qemu --help migrate begin - <<<"$mine" 2>/dev/null || echo failed)"
}

hook_script() { # SBINDIR OPERATION
	sed "s|@SBINDIR@|$1|; s|@DRIVER@|qemu|" "$top/systemd/libvirt-hook" >hook && sh hook web "$2" begin - <<<"$mine"
}

test_the_script_that_calls_the_hook() {
	leased
	t "the hook's script without vfpool refuses nothing" hook_script /nowhere prepare
	mkdir crash && printf '#!/bin/sh\nkill -SEGV $$\n' >crash/vfpool && chmod 755 crash/vfpool
	t "the hook's script, vfpool crashes: it refuses nothing" hook_script "$PWD/crash" reconnect
	printf '#!/bin/sh\nexit 4\n' >crash/vfpool
	t "the hook's script hands on a refusal of vfpool's" code_is 1 hook_script "$PWD/crash" prepare
}

# ---- which guest a lease is noted for ----

test_hook_notes_the_guest_that_has_started() {
	leased
	hook started "$mine"
	t 'hook started: the guest is noted' same $of_web "$(guest_of web)"
	t 'hook: another that names the VF of a noted guest in a plain <hostdev> may not start' \
		fails_with 4 'leased to web nic 0' hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
	hook started "$(guest clone 8 "<interface type='bridge'><mac address='$mac'/><source bridge='br0'/></interface>")"
	t 'hook started, a guest has the MAC on a bridge: it takes no lease over' same $of_web "$(guest_of web)"
	v alloc l --owner net --json >lease
	echo "<hookData><network/><networkport><uuid>x</uuid><owner><name>net</name><uuid>77777777-2222-3333-4444-555555555555</uuid></owner>
		<mac address='$(field mac <lease)'/></networkport></hookData>" >port.xml
	v hook network tenant port-created begin - <port.xml
	t "hook of a port on a pool's network: its guest is noted" same 77777777-2222-3333-4444-555555555555 "$(guest_of net)"
}

# until_stop: brief has a lease until it stops; its guest's definition is in $brief.
until_stop() {
	v alloc a --owner brief --until-stop --json >lease
	brief=$(guest brief 6 "$(nic "$(field mac <lease)" 0 "$(field vf <lease)" 42)")
}

test_hook_ends_a_lease_until_its_guest_stops() {
	leased
	hook started "$mine"
	until_stop
	hook release "$brief" shutdown
	t 'hook release of a guest whose start failed: its lease stays' same 1 "$(leases_of brief)"
	hook started "$brief"
	hook release "$brief" saved
	t 'hook release of a guest that was saved: its lease stays' same 1 "$(leases_of brief)"
	hook release "$brief" shutdown
	t 'hook release of a guest that stopped: a lease until then ends' same 0 "$(leases_of brief)"
	hook release "$mine"
	t 'hook release of a guest that stopped: no other lease ends' same 1 "$(leases_of web)"
}

# proves: no-guess
test_gc_ends_what_the_hook_missed() {
	leased
	until_stop
	hook started "$brief"
	guests "$brief"
	t 'gc, a guest runs: it keeps its lease until it stops' says 'web nic 0 .*left' v gc
	t 'gc, a guest runs: its lease is there still' same 1 "$(leases_of brief)"
	guests "$(sed "s|<domain type='test'>|<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><test:runstate>5</test:runstate>|" <<<"$brief")"
	t 'gc, a guest has stopped: its lease until then ends' says 'brief nic 0 .*: its guest has stopped' v gc
}

# ---- what libvirt leaves out ----

qos() { # N: the definition's, which isn't applied
	sed "s|<vlan>|<vlan qos='$1'>|" a.xml >qos.xml && v define qos.xml >/dev/null
}

test_hook_mends_the_vlan() {
	leased
	qos 5
	hook started "$mine"
	t "hook started: what libvirt leaves out of a VLAN is put back" says 'vlan 42, qos 5' "$fake/links" kernel 2 4
}

late() { # the VF is another's by the time that the hook has waited for its lock
	local lock before
	qos 3
	lock=$(ls run/0000:01:00.0*)
	before=$("$fake/links" kernel 2 4)
	flock "$lock" sh -c 'sleep 1' &
	sleep 0.2
	hook started "$mine" &
	sleep 0.3
	sql "UPDATE vf SET lease = NULL WHERE lease = (SELECT id FROM held WHERE owner = 'web'); DELETE FROM lease WHERE id NOT IN (SELECT lease FROM vf WHERE lease IS NOT NULL)"
	wait
	same "$before" "$("$fake/links" kernel 2 4)"
}

# proves: scrubbed
test_hook_of_a_lease_that_ends_meanwhile() {
	leased
	t 'hook, a lease ended while it waited: the VF is left alone' late
}

run_tests
