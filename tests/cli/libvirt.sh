# Guests of libvirt in its own words, and its hook, for tests whose host is one of host.sh and whose libvirt is
# its test driver with node.xml.
# shellcheck shell=bash

guest() { # NAME NUMBER INTERFACE…
	echo "<domain type='test'><name>$1</name><uuid>$2$2$2$2$2$2$2$2-2222-3333-4444-555555555555</uuid>
		<memory>1024</memory><os><type>hvm</type></os><devices>"
	shift 2
	echo "$* </devices></domain>"
}
nic() { # MAC DOMAIN VF [VLAN]: in the words of libvirt
	echo "<interface type='hostdev'><mac address='$1'/><source>
		<address type='pci' domain='$2' bus='1' slot='1' function='$3'/></source>
		${4:+<vlan><tag id='$4'/></vlan>}</interface>"
}
plain() { # DOMAIN VF
	echo "<hostdev mode='subsystem' type='pci'><source><address domain='$1' bus='1' slot='1' function='$2'/></source></hostdev>"
}
on_network() { # MAC NETWORK
	echo "<interface type='network'><mac address='$1'/><source network='$2'/></interface>"
}
guests() { # XML…
	echo "<node>$*</node>" >node.xml
}
hook() { # OPERATION XML [EXTRA]: as libvirt calls it for a guest
	v hook qemu name "$1" begin "${3:--}" <<<"$2"
}

# two_pools: in the test's folder, pool a of pf0's VFs, with a VLAN, and pool l of pf1's, which libvirt allocates; libvirt
# has no guests. Needs tests/lab/suite/lib.sh.
two_pools() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	at+=(--connect "test://$work/node.xml")
	pool a "dev='pf0' numvfs='4'" "<vlan><tag id='42'/></vlan>" >a.xml
	pool l "dev='pf1' numvfs='4'" "<allocate by='libvirt'/><network name='tenant'/>" >l.xml
	guests
	v define a.xml l.xml >/dev/null && v apply >/dev/null 2>&1
}
