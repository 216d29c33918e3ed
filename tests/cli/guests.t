#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Leases and libvirt's guests, with libvirt's own test driver, a tree of files in the place of /sys and the
# scripted kernel. What takes a real guest is in tests/lab.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh
new_host guests 2 4
export PEER_STATE=$work/kernel
at+=(--connect "test://$work/node.xml")

pool a "dev='pf0' numvfs='4'" "<vlan><tag id='42'/></vlan>" >a.xml
pool l "dev='pf1' numvfs='4'" "<allocate by='libvirt'/><network name='tenant'/>" >l.xml
guests
v define a.xml l.xml >/dev/null
v apply >/dev/null 2>&1
t 'no guest: nothing to do' says '^nothing to do' v adopt
t 'no such guest: 5' fails_with 5 'libvirt has no guest web' v adopt web
t 'attach to no such guest: 5' fails_with 5 'attaching a VF of a to guest web: libvirt has no guest web' v attach a web
t 'detach from none: 5' fails_with 5 'detaching the VF of guest web: libvirt has no guest web' v detach web
t 'no lease is left of that' same 0 "$(sql 'SELECT count(*) FROM lease')"
t 'nor a MAC' same 0 "$(sql 'SELECT count(*) FROM reservation')"

guests "$(guest web 1 "$(nic 52:54:00:aa:00:01 0 0 42)" "$(nic 52:54:00:aa:00:02 0 1)")" \
	"$(guest old 2 "$(plain 0 2)" "$(on_network 52:54:00:aa:00:03 tenant)" "$(on_network 52:54:00:aa:00:04 default)")"
free_vf() {
	v alloc a --owner new --json | field vf
}
t 'alloc passes over VFs that guests name' same 3 "$(free_vf)"
t 'a pool of which they name all is full, and it says why' fails_with 3 \
	"VF 2 of pf0 is named by the definition of guest old: 'vfpool adopt old' records it" v alloc a --owner newer
t 'but to the guest itself it may go' same 0 "$(v alloc a --owner web --pf pf0 --vf 0 --json | field vf)"
v release --owner web --forget >/dev/null
v release --owner new --forget >/dev/null
t 'a dry run of adopt' says '^web nic 0 in pool a .*would: guest web with VF 0 of pf0: it has a lease now' v adopt --dry-run
t 'changes nothing' same 0 "$(sql 'SELECT count(*) FROM lease')"
before=$("$fake/links" kernel 2 4)
t 'one guest' says '^web nic 1 in pool a .*guest web with VF 1 of pf0' v adopt web
t 'has its leases' same '0|52:54:00:aa:00:01|active|0|  1|52:54:00:aa:00:02|active|1|0' \
	"$(sql "SELECT nic, mac, state, vf, vlan FROM held WHERE owner = 'web' ORDER BY nic" | paste -s -d ' ' | sed 's/ 1|/  1|/')"
t 'again: nothing to do' says '^nothing to do' v adopt web
t 'all of them' says 'old nic 0 in pool l .*guest old on network tenant: it is counted' v adopt
t 'a plain <hostdev> whose VF has its parking MAC gets a MAC of its own' says '^d2:56:46:' sql "SELECT mac FROM held WHERE owner = 'old' AND pool = 'a'"
t 'nothing was programmed' same "$before" "$("$fake/links" kernel 2 4)"
t 'gc knows the guests' says '^nothing to do' v gc
guests "$(guest web 1 "$(nic 52:54:00:aa:00:01 0 0 42)" "$(nic 52:54:00:aa:00:02 0 1)")" \
	"$(guest thief 3 "$(nic 52:54:00:aa:00:09 0 0)")"
t 'a VF that is leased to another: said, 6' code_is 6 v adopt thief
t 'with whom' says 'FAILED: guest thief with VF 0 of pf0: it is leased to web nic 0' anyhow v adopt thief
t 'as JSON' says '"kind": *"adopted"' anyhow v adopt thief --json

guests "$(guest app 4)"
v release --owner web --all >/dev/null
t 'attach says what it would do' says 'app nic 0: MAC .* VF 0000:01:01.[0-9] would be attached' v attach a app --dry-run
t 'a guest that runs has no --config when it is transient, and so on: 1' fails_with 1 'transient|refused|attaching' v attach a app --config
t 'what libvirt refuses leaves no lease' same 0 "$(sql "SELECT count(*) FROM held WHERE owner = 'app'")"
t 'detach of one that has none: 5' fails_with 5 'there is no such lease' v detach a app
t '--current excludes --live: 2' usage 'excludes' attach a app --current --live

# ---- networks ----
# libvirt's test driver begins anew with each connection: it has what its file says.
network() {
	echo "<node><network>$(v network l | sed '1d;$d')</network></node>"
}
t 'no network in libvirt: all of it differs, 1' code_is 1 v network l --diff
t 'as a diff' says '^\+ *<pf dev="pf1"/>' anyhow v network l --diff
network >node.xml
t 'the same in libvirt: no difference' same '' "$(v network l --diff)"
t 'defined as it is: nothing to do' says 'is in libvirt as it should be' v network l --define --start
sed -i 's|<pf dev="pf1"/>|<pf dev="eth9"/>|' node.xml
t 'another PF: that line' same '-    <pf dev="eth9"/> +    <pf dev="pf1"/>' "$(v network l --diff | grep '^[-+] ' | paste -s -d ' ')"
t 'changed, and started again as nobody uses it' says 'is defined' v network l --define
t 'undefined' says 'is undefined' v network l --undefine
echo '<node/>' >node.xml
t 'when it is not there: said' says "isn't in libvirt" v network l --undefine
t '--start without --define: 2' code_is 2 v network l --start
echo '<network><name>tenant</name><uuid>77777777-2222-3333-4444-555555555555</uuid><title>Ours</title><forward mode="nat"/><portgroup name="x"/></network>' >own.xml
t "an admin's own network, completed" says '<title>Ours</title>' v network l --from own.xml
t 'with the VFs' says '<pf dev="pf1"/>' v network l --from own.xml
t 'once' same 1 "$(v network l --from own.xml | grep -c '<forward')"
sed s/tenant/other/ own.xml >own2.xml
t 'of another name: said' fails_with 1 "own2.xml isn't a libvirt <network> with the <name>" v network l --from own2.xml
t 'which is none: said' fails_with 1 "isn't a libvirt <network>" v network l --from a.xml

# ---- as at boot ----
t 'no pool has autostart: nothing to do' same '' "$(v network --sync)"
pool l "dev='pf1' numvfs='4'" "<allocate by='libvirt'/>" "<network name='tenant' autostart='yes'/>" >auto.xml
v define auto.xml >/dev/null
guests "$(guest sleeper 6 "$(on_network 52:54:00:aa:00:09 tenant)")"
t 'a dry run says what would be changed' says '^\+ *<pf dev="pf1"/>' v network --sync --dry-run
t 'it is defined and started' says '^the network of pool l is defined and started' v network --sync
network >node.xml
t 'one that is there alike, too' says 'is in libvirt as it should be|is defined and started' v network --sync
t 'a pool by its name' says 'pool l' v network l --sync
t '--sync and --undefine: 2' usage 'exclude each other' network l --sync --undefine
t 'without a pool: 2' usage "which POOL's" network
v define l.xml >/dev/null

# ---- addresses that have shifted ----
guests
v release --owner web --all >/dev/null 2>&1
v alloc a --owner web --nic 0 --json >lease
vf=$(field vf <lease) mac=$(field mac <lease)
t 'no guest: nothing to do' says '^nothing to do' v attach --refresh
guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
t 'a guest with its VF where it is' says '^nothing to do' v attach --refresh
guests "$(guest web 1 "$(nic "$mac" 9 "$vf" 42)")" "$(guest old 2 "$(plain 9 2)")"
moved="web nic 0 in pool a .*would: the definition of guest web names its VF as 0009:01:01.$vf, which is 0000:01:01.$vf now"
t 'one that names another address' says "$moved" v attach --refresh --dry-run
t 'by its name' says "$moved" v attach --refresh web --dry-run
t 'as JSON' says '"kind": *"moved"' v attach --refresh --json --dry-run
t 'one with a plain <hostdev> is named' says 'left: the definition of guest old has plain <hostdev>s, none of which is its VF 0000:01:01.2 of pool a' \
	v attach --refresh old
copy=$(guest copy 5 "$(nic "$mac" 9 "$vf" 42)")
guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" "$copy"
t 'a copy that has the MAC is no owner' says 'web nic 0 .*left: the definition of guest copy has this MAC' v attach --refresh
guests "$(guest web 1 "$(nic "$mac" 9 "$vf" 42)")"
t 'it is mended' says '^web nic 0 in pool a \(lease [0-9]*\): the definition' v attach --refresh
t 'attach of it says what helps' fails_with 4 "'vfpool attach --refresh web' mends that" v attach a web
t 'no such guest: 5' fails_with 5 'libvirt has no guest nobody' v attach --refresh nobody
t 'two guests: 2' usage 'too many' attach --refresh a web
t '--refresh and --live: 2' usage 'goes with' attach --refresh --live
t 'detach would take it out all the same' says 'web nic 0: .*would be detached' v detach web --dry-run

# ---- the hook ----
guests
v release --owner old --all >/dev/null 2>&1
v alloc a --owner web --nic 0 --json >lease
vf=$(field vf <lease) mac=$(field mac <lease)
mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
t 'a guest that names its own VF may start' hook prepare "$mine"
t 'another may not' fails_with 4 "VF 0000:01:01.$vf of pool a is leased to web nic 0 with the MAC $mac, and guest thief names it with the MAC 52:54:00:00:00:07" \
	hook prepare "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
t 'a plain <hostdev> of another, though no guest was seen with it: refused' fails_with 4 "and guest thief names it in a plain <hostdev>: .*'vfpool rename web thief'" \
	hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
t 'its owner may' hook prepare "$(guest web 1 "$(plain 0 "$vf")")"
other=$(((vf + 1) % 4))
t 'a VF that nobody has: refused too' fails_with 4 "of pool a is leased to nobody, .*'vfpool attach --refresh web' mends that" hook prepare "$(guest web 1 "$(nic "$mac" 0 $other)")"
t "a VF that libvirt allocates is libvirt's" hook prepare "$(guest x 5 "$(nic 52:54:00:00:00:08 1 0)")"
t 'a device that is no VF of a pool' hook prepare "$(guest x 5 "$(nic 52:54:00:00:00:08 7 0)")"
for operation in start started stopped release reconnect migrate restore attach; do
	t "$operation: whatever it names, 0 and nothing on stdout" same '' "$(hook $operation "$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")" 2>/dev/null || echo failed)"
done
t 'XML that is none: 0, with a word' says 'understood' with_stderr v hook qemu x prepare begin - <<<'<domain'
t 'no XML: 0' v hook qemu x prepare begin - </dev/null
reads_all() (
	set -o pipefail
	head -c 40000000 /dev/zero | v hook qemu x prepare begin -
)
t 'all of stdin is read' reads_all
hangs() { # within its time, whatever hangs
	mkfifo pipe
	(exec 7<>pipe; local from=$SECONDS; v hook qemu x prepare begin - <pipe && [ $((SECONDS - from)) -lt 10 ])
}
t 'a stdin that does not end: 0 after a while' hangs
hook started "$mine"
t 'the guest is noted when it has started' same 11111111-2222-3333-4444-555555555555 "$(sql "SELECT guest FROM held WHERE owner = 'web'")"
t 'then another that names it in a plain <hostdev> may not' fails_with 4 'leased to web nic 0' hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
v alloc a --owner brief --until-stop --json >lease
vf=$(field vf <lease) mac=$(field mac <lease)
brief=$(guest brief 6 "$(nic "$mac" 0 "$vf" 42)")
hook release "$brief" shutdown
t 'a start that failed ends no lease' same 1 "$(sql "SELECT count(*) FROM held WHERE owner = 'brief'")"
hook started "$brief"
hook release "$brief" saved
t 'a guest that was saved keeps its lease' same 1 "$(sql "SELECT count(*) FROM held WHERE owner = 'brief'")"
hook release "$brief" shutdown
t 'one that stopped loses a lease until then' same 0 "$(sql "SELECT count(*) FROM held WHERE owner = 'brief'")"
hook release "$mine"
t 'no other lease' same 1 "$(sql "SELECT count(*) FROM held WHERE owner = 'web'")"
t 'a guest that is called like an option: nothing on stdout' same '' "$(v hook qemu --help migrate begin - <<<"$mine" 2>/dev/null || echo failed)"
hook_script() { # SBINDIR OPERATION
	sed "s|@SBINDIR@|$1|; s|@DRIVER@|qemu|" "$top/systemd/libvirt-hook" >hook && sh hook web "$2" begin - <<<"$mine"
}
t 'without vfpool its hook refuses nothing' hook_script /nowhere prepare
mkdir crash && printf '#!/bin/sh\nkill -SEGV $$\n' >crash/vfpool && chmod 755 crash/vfpool
t 'nor when that crashes' hook_script "$PWD/crash" reconnect
printf '#!/bin/sh\nexit 4\n' >crash/vfpool
t 'its refusal counts' code_is 1 hook_script "$PWD/crash" prepare
bridged() { # with web's MAC on a bridge
	hook started "$(guest clone 8 "<interface type='bridge'><mac address='$(sql "SELECT mac FROM held WHERE owner = 'web'")'/><source bridge='br0'/></interface>")"
}
bridged
t 'the MAC on a bridge takes no lease over' same 11111111-2222-3333-4444-555555555555 "$(sql "SELECT guest FROM held WHERE owner = 'web'")"
qos() { # N: the definition's, which isn't applied
	sed "s|<vlan>|<vlan qos='$1'>|" a.xml >qos.xml && v define qos.xml >/dev/null
}
mended() {
	qos 5 && hook started "$mine" && "$fake/links" kernel 2 4 | grep -q 'vlan 42, qos 5'
}
t "what libvirt leaves out of a VLAN is put back" mended
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
t 'a lease that ended while the hook waited: its VF is left alone' late
v alloc a --owner web >/dev/null

# ---- what the hook missed ----
v alloc a --owner short --until-stop --json >lease
short=$(guest short 9 "$(nic "$(field mac <lease)" 0 "$(field vf <lease)" 42)")
hook started "$short"
guests "$short"
t 'a guest that runs keeps its lease until it stops' says 'web nic 0 .*left' v gc
guests "$(sed "s|<domain type='test'>|<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><test:runstate>5</test:runstate>|" <<<"$short")"
t 'one that has stopped loses it by gc' says 'short nic 0 .*: its guest has stopped' v gc

# ---- adopt, again and again ----
guests "$(guest again 5 "$(plain 0 3)")"
for owner in $(sql "SELECT owner FROM held WHERE vf = 3 AND pool = 'a'"); do v release a --owner "$owner" --all >/dev/null; done
v adopt >/dev/null && v release --owner again >/dev/null && v adopt >/dev/null && v adopt >/dev/null
t 'a plain <hostdev> has one nic, and one MAC' same '1 1' "$(sql "SELECT count(*) FROM held WHERE owner = 'again'") $(sql "SELECT count(*) FROM reservation WHERE owner = 'again'")"
guests "$(guest again 5 "$(plain 1 3)")"
t "of a libvirt pool's VF it is said" says 'FAILED: guest again with VF 3 of pf1: libvirt allocates' anyhow v adopt
guests "$(guest tagged 6 "<interface type='network'><mac address='52:54:00:aa:00:09'/><source network='tenant'/><vlan><tag id='7'/></vlan></interface>")"
v adopt >/dev/null
t "an interface's own VLAN is its lease's" same 7 "$(sql "SELECT vlan FROM held WHERE owner = 'tagged'")"

v alloc l --owner net --json >lease
echo "<hookData><network/><networkport><uuid>x</uuid><owner><name>net</name><uuid>77777777-2222-3333-4444-555555555555</uuid></owner>
	<mac address='$(field mac <lease)'/></networkport></hookData>" >port.xml
v hook network tenant port-created begin - <port.xml
t "a port on a pool's network: its guest is noted" same 77777777-2222-3333-4444-555555555555 "$(sql "SELECT guest FROM held WHERE owner = 'net'")"
tap_end
