#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What hypervisors read: every form of a lease and of a network, and that libvirt's own schemas and the
# tools that read them take it. Ids and functions of a slot are in interface-slots.t.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

own="dev='pf0' numvfs='8' vfs='0-4'"
port="<virtualport type='802.1Qbh'><parameters profileid='finance &amp; \"more\"'/></virtualport>"
bg="<virtualport type='802.1Qbg'><parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>"

# leases: "it's" has two VFs of pool own, web one of libvirt's pool.
leases() {
	"$fake/tree" sys 1 8 --netdev
	export PEER_VFS=8 PEER_STATE=$work/kernel
	pool own "$own" "<vlan><tag id='42'/></vlan>" "<teaming bridge='br0'/>" >own.xml
	pool libvirts "dev='pf0' numvfs='8' vfs='5-6'" "<allocate by='libvirt'/>" "<vlan><tag id='42'/></vlan>" "<teaming network='default'/>" \
		"<network name='net'><portgroup name='red' default='yes'><vlan><tag id='5'/></vlan></portgroup><portgroup name='blue'>$port</portgroup></network>" >libvirts.xml
	v define own.xml libvirts.xml >/dev/null && v apply >/dev/null 2>&1
	v alloc own --owner "it's" --count 2 >/dev/null
	v alloc libvirts --owner web >/dev/null
}
# virt-xml-validate is a script around this one command.
valid() { # domain|network FILE
	xmllint --noout --relaxng "/usr/share/libvirt/schemas/$1.rng" "$2"
}
as_devices() { # COMMAND…: its output is a guest's <devices>, by libvirt's schema
	{
		echo "<domain type='kvm'><name>g</name><memory>1</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>"
		"$@" || return
		echo '</devices></domain>'
	} >domain.xml
	valid domain domain.xml
}
as_network() {
	"$@" >network.xml && valid network network.xml
}
without() { # PATTERN COMMAND…: it says something, and nothing of that
	local pattern=$1
	shift
	"$@" >out && [ -s out ] && ! grep "$pattern" out
}

# ---- libvirt ----

test_interface_for_libvirt() {
	leases
	t 'interface of an owner: valid by libvirt' as_devices v interface "it's"
	t 'interface of an owner with two leases: there are two' same 2 "$(v interface "it's" | grep -c "<interface type=\"hostdev\" managed=\"yes\"")"
	t 'interface has the VLAN of the pool' says '<tag id="42"/>' v interface "it's" --nic 1
	t 'interface by the number of the lease: the same' same "$(v interface "it's" --nic 0)" "$(v interface --lease 1)"
	t 'interface of an owner without a lease: not found' fails_with 5 'no such lease' v interface none
	t 'interface --format hostdev: valid by libvirt' as_devices v interface "it's" --format hostdev
	t 'interface --format hostdev has no MAC, since libvirt programs nothing' without mac v interface "it's" --format hostdev
}

pair() {
	local xml names
	xml=$(v interface "it's" --nic 0 --format teaming)
	names=$(sed -n 's/.*\(ua-vfpool-[0-9a-f]*\)".*/\1/p' <<<"$xml" | uniq | wc -l)
	same "1 2" "$names $(grep -c "<mac address=\"$(v interface "it's" --nic 0 | xml_mac)\"" <<<"$xml")" &&
		grep -q '<source bridge="br0"/>' <<<"$xml"
}

test_interface_of_a_failover_pair() {
	leases
	t 'interface --format teaming: valid by libvirt' as_devices v interface "it's" --format teaming
	t 'interface --format teaming: its cards have one MAC, and know each other' pair
	t 'interface --format teaming of a libvirt network: valid by libvirt' as_devices v interface web --format teaming
	pool own "$own" >plain.xml
	v define plain.xml >/dev/null
	t 'interface --format teaming of a pool without the other card: an error' \
		fails_with 1 'has no <teaming' v interface "it's" --format teaming
}

test_interface_on_a_libvirt_network() {
	leases
	t 'interface on a libvirt network: valid by libvirt' as_devices v interface web
	t 'interface --portgroup has it' says 'network="net" portgroup="blue"' v interface web --portgroup blue
	t 'interface --portgroup that the network lacks: an error' fails_with 1 'has no portgroup green' v interface web --portgroup green
	t 'network of a pool: valid by libvirt' as_network v network libvirts
	t 'network of a pool has its portgroups' says '<portgroup name="red" default="yes">' v network libvirts
	t "interface --format qemu where libvirt picks the VF: an error" fails_with 1 'libvirt picks the VF' v interface web --format qemu
	t 'interface --format network of a VF that vfpool picked: an error' fails_with 1 'it is no libvirt network' v interface "it's" --format network
	t 'alloc --format qemu where libvirt picks the VF: an error' fails_with 1 'libvirt picks the VF' v alloc libvirts --owner none --format qemu
	t 'alloc --format qemu where libvirt picks the VF: no lease is left' same 0 "$(sql "SELECT count(*) FROM held WHERE owner = 'none'")"
}

# ---- QEMU and StratoVirt ----

qmp() { # the lines are JSON, each a command
	v interface "it's" --nic 0 --format qmp --bus pcie.1 --addr 0x0 >qmp && perl -MJSON::PP -ne '
		my $c = decode_json($_); my $a = $c->{arguments};
		push @seen, join " ", $c->{execute}, map { "$_=$a->{$_}" } sort keys %$a;
		END { exit !("@seen" eq "device_add addr=0x0 bus=pcie.1 driver=vfio-pci host=0000:01:01.0 id=vfpool-own__it_27s-0 device_del id=vfpool-own__it_27s-0") }' qmp
}

test_interface_for_qemu() {
	leases
	t 'interface --format qemu is a -device' same '-device vfio-pci,host=0000:01:01.0,id=vfpool-own__it_27s-0' \
		"$(v interface "it's" --nic 0 --format qemu)"
	t 'interface --format qemu on a bus' same '-device vfio-pci,host=0000:01:01.0,id=vfpool-own__it_27s-0,bus=pcie.0,addr=0x03.0x0' \
		"$(v interface "it's" --nic 0 --format qemu --bus pcie.0 --addr 0x03.0x0)"
	t 'interface --bus that would begin another property: an error' \
		fails_with 1 'a bus and a slot are letters' v interface "it's" --format qemu --bus 'pcie.0,romfile=x'
	t 'interface --format stratovirt is on a root port of its own' \
		same '-device vfio-pci,host=0000:01:01.1,id=vfpool-own__it_27s-1,bus=pcie.2,addr=0x0' \
		"$(v interface "it's" --nic 1 --format stratovirt)"
	t 'interface --format qmp is device_add and device_del' qmp
}

# ---- a shell ----

# proves: outside
test_interface_for_a_shell() {
	leases
	local name="a'; touch evil; '\$(touch evil)"
	v rename "it's" "$name" >/dev/null
	eval "$(v interface "$name" --format env)"
	t 'interface --format env: variables for a shell, whatever is in a name' \
		same "$name 0000:01:01.1 42" "$VFPOOL_OWNER_1 $VFPOOL_ADDRESS_1 $VFPOOL_VLAN_1"
	t 'interface --format env: no command in a name is run' test ! -e evil
	t 'alloc --format env of one lease: variables without a number' says "^VFPOOL_MAC='d2:56" v alloc own --owner one --format env
}

# ---- what a definition may say of it ----

test_a_port_profile() {
	leases
	pool own "$own" "<driver name='vfio-pci' managed='no'/>" "$port" >port.xml
	v define port.xml >/dev/null && v apply >/dev/null 2>&1
	t 'interface with a port profile: valid by libvirt' as_devices v interface "it's"
	t 'interface with a port profile: its text as it was given' says 'profileid="finance &amp; &quot;more&quot;"' v interface "it's"
	t 'interface with a port profile: no VLAN beside it' without '<vlan' v interface "it's"
	t "interface, the definition says managed='no': so it is" says 'type="hostdev" managed="no"' v interface "it's"
	t 'alloc --vlan where a port profile says which: an error' fails_with 1 '<virtualport> says which VLAN' v alloc own --owner two --vlan 7
	pool own "$own" "$bg" >bg.xml
	v define bg.xml >/dev/null
	t 'interface with a port profile of 802.1Qbg: valid by libvirt' as_devices v interface "it's"
}

test_a_vlan_that_libvirt_cannot_set() {
	leases
	pool own "$own" "<vlan proto='802.1ad'><tag id='42'/></vlan>" >ad.xml
	v define ad.xml >/dev/null
	t 'interface with a VLAN of 802.1ad: plain hostdev, and a note says why' \
		says 'libvirt sets VLANs without qos and as 802.1Q' with_stderr v interface "it's" --nic 0
}

broken() { # PATTERN ELEMENT…: of a definition
	pool x "dev='pf0' numvfs='8' vfs='7'" "${@:2}" >x.xml
	fails_with 1 "$1" v validate x.xml
}

test_definitions_that_no_hypervisor_could_have() {
	leases
	t 'validate, a VLAN and a port profile: both lines' \
		broken 'x.xml:5: <virtualport> and the <vlan> of line 4 exclude each other' "<vlan><tag id='1'/></vlan>" "$port"
	t 'validate, a port profile with too little: its line' broken 'x.xml:4' "<virtualport type='802.1Qbg'><parameters managerid='1'/></virtualport>"
	t 'validate, two default portgroups: the line of the second' broken 'x.xml:5: portgroups a and b are both the default' \
		"<allocate by='libvirt'/>" "<network name='n'><portgroup name='a' default='yes'/><portgroup name='b' default='yes'/></network>"
	t 'validate, an unmanaged VF without vfio-pci: an error' broken "managed='no' needs" "<driver name='host' managed='no'/>"
}

run_tests
