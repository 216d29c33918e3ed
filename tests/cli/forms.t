#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What hypervisors read: every form of a lease and of a network, and that libvirt's own schemas and the
# tools that read them take it.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_host forms 1 8
export PEER_STATE=$work/kernel

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
broken() { # PATTERN ELEMENT…: of a definition
	pool x "dev='pf0' numvfs='8' vfs='7'" "${@:2}" >x.xml
	fails_with 1 "$1" v validate x.xml
}
own="dev='pf0' numvfs='8' vfs='0-4'"
port="<virtualport type='802.1Qbh'><parameters profileid='finance &amp; \"more\"'/></virtualport>"
bg="<virtualport type='802.1Qbg'><parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>"
pool own "$own" "<vlan><tag id='42'/></vlan>" "<teaming bridge='br0'/>" >own.xml
pool libvirts "dev='pf0' numvfs='8' vfs='5-6'" "<allocate by='libvirt'/>" "<vlan><tag id='42'/></vlan>" "<teaming network='default'/>" \
	"<network name='net'><portgroup name='red' default='yes'><vlan><tag id='5'/></vlan></portgroup><portgroup name='blue'>$port</portgroup></network>" >libvirts.xml
v define own.xml libvirts.xml >/dev/null && v apply >/dev/null 2>&1
v alloc own --owner "it's" --count 2 >/dev/null
v alloc libvirts --owner web >/dev/null

# ---- libvirt ----
t 'the interfaces of an owner: valid' as_devices v interface "it's"
t 'there are two' same 2 "$(v interface "it's" | grep -c "<interface type=\"hostdev\" managed=\"yes\"")"
t 'with the VLAN of the pool' says '<tag id="42"/>' v interface "it's" --nic 1
t 'by the number of the lease: the same' same "$(v interface "it's" --nic 0)" "$(v interface --lease 1)"
t 'plain hostdev: valid' as_devices v interface "it's" --format hostdev
t 'which has no MAC, since libvirt programs nothing' sh -c '! echo "$1" | grep -q mac' sh "$(v interface "it's" --format hostdev)"
t 'the failover pair: valid' as_devices v interface "it's" --format teaming
pair() {
	local xml names
	xml=$(v interface "it's" --nic 0 --format teaming)
	names=$(sed -n 's/.*\(ua-vfpool-[0-9a-f]*\)".*/\1/p' <<<"$xml" | uniq | wc -l)
	same "1 2" "$names $(grep -c "<mac address=\"$(v interface "it's" --nic 0 | xml_mac)\"" <<<"$xml")" &&
		grep -q '<source bridge="br0"/>' <<<"$xml"
}
t 'its cards have one MAC, and know each other' pair
t 'a libvirt network: valid' as_devices v interface web
t 'with a portgroup' says 'network="net" portgroup="blue"' v interface web --portgroup blue
t 'its failover pair: valid' as_devices v interface web --format teaming
t 'a portgroup that there is not: 1' fails_with 1 'has no portgroup green' v interface web --portgroup green
t 'the network: valid' as_network v network libvirts
t 'with its portgroups' says '<portgroup name="red" default="yes">' v network libvirts
t 'a VF of libvirt'"'"'s choice has no QEMU form: 1' fails_with 1 'libvirt picks the VF' v interface web --format qemu
t 'nor has a VF of ours a network' fails_with 1 'it is no libvirt network' v interface "it's" --format network
t 'asked of alloc: no lease is left' fails_with 1 'libvirt picks the VF' v alloc libvirts --owner none --format qemu
t 'none' fails_with 5 'no such lease' v interface none

# ---- QEMU and StratoVirt ----
t 'QEMU' same '-device vfio-pci,host=0000:01:01.0,id=vfpool-own__it_27s-0' "$(v interface "it's" --nic 0 --format qemu)"
t 'on a bus' same '-device vfio-pci,host=0000:01:01.0,id=vfpool-own__it_27s-0,bus=pcie.0,addr=0x03.0x0' \
	"$(v interface "it's" --nic 0 --format qemu --bus pcie.0 --addr 0x03.0x0)"
t 'a bus that would begin another property: 1' fails_with 1 'a bus and a slot are letters' v interface "it's" --format qemu --bus 'pcie.0,romfile=x'
t 'StratoVirt: on a root port of its own' same '-device vfio-pci,host=0000:01:01.1,id=vfpool-own__it_27s-1,bus=pcie.2,addr=0x0' \
	"$(v interface "it's" --nic 1 --format stratovirt)"
qmp() { # the lines are JSON, each a command
	v interface "it's" --nic 0 --format qmp --bus pcie.1 --addr 0x0 >qmp && perl -MJSON::PP -ne '
		my $c = decode_json($_); my $a = $c->{arguments};
		push @seen, join " ", $c->{execute}, map { "$_=$a->{$_}" } sort keys %$a;
		END { exit !("@seen" eq "device_add addr=0x0 bus=pcie.1 driver=vfio-pci host=0000:01:01.0 id=vfpool-own__it_27s-0 device_del id=vfpool-own__it_27s-0") }' qmp
}
t 'QMP: device_add and device_del' qmp

# ---- a shell ----
shell() {
	v rename "it's" "a'; touch evil; '\$(touch evil)" >/dev/null
	eval "$(v interface "a'; touch evil; '\$(touch evil)" --format env)"
	v rename "a'; touch evil; '\$(touch evil)" "it's" >/dev/null
	[ ! -e evil ] && same "a'; touch evil; '\$(touch evil) 0000:01:01.1 42" "$VFPOOL_OWNER_1 $VFPOOL_ADDRESS_1 $VFPOOL_VLAN_1"
}
t 'variables for a shell, whatever is in a name' shell
t 'those of one lease have no number' says "^VFPOOL_MAC='d2:56" v alloc own --owner one --format env

# ---- what a definition may say of it ----
pool own "$own" "<driver name='vfio-pci' managed='no'/>" "$port" >port.xml
v define port.xml >/dev/null && v apply >/dev/null 2>&1
t 'a port profile: valid' as_devices v interface "it's"
t 'its text as it was given' says 'profileid="finance &amp; &quot;more&quot;"' v interface "it's"
t 'and no VLAN beside it' sh -c '! echo "$1" | grep -q "<vlan"' sh "$(v interface "it's")"
t "unmanaged, as the definition says" says 'type="hostdev" managed="no"' v interface "it's"
t 'no VLAN can be asked for' fails_with 1 '<virtualport> says which VLAN' v alloc own --owner two --vlan 7
pool own "$own" "$bg" >bg.xml
v define bg.xml >/dev/null
t '802.1Qbg: valid' as_devices v interface "it's"
t 'a VLAN and a port profile: both lines' broken 'x.xml:5: <virtualport> and the <vlan> of line 4 exclude each other' "<vlan><tag id='1'/></vlan>" "$port"
t 'a port profile with too little: its line' broken 'x.xml:4' "<virtualport type='802.1Qbg'><parameters managerid='1'/></virtualport>"
t 'two default portgroups' broken 'x.xml:5: portgroups a and b are both the default' "<allocate by='libvirt'/>" \
	"<network name='n'><portgroup name='a' default='yes'/><portgroup name='b' default='yes'/></network>"
t 'an unmanaged VF without vfio-pci' broken "managed='no' needs" "<driver name='host' managed='no'/>"
pool own "$own" "<vlan proto='802.1ad'><tag id='42'/></vlan>" >ad.xml
v define ad.xml >/dev/null
t '802.1ad: plain hostdev, and why' says 'libvirt sets VLANs without qos and as 802.1Q' with_stderr v interface "it's" --nic 0
t 'no teaming without the other card' fails_with 1 'has no <teaming' v interface "it's" --format teaming
tap_end
