#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whose network it is, that libvirt has by the name of a pool's: with libvirt's own test driver, which begins
# anew with each connection, and libvirt's files.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

nat="<network><name>tenant</name><forward mode='nat'/><bridge name='virbr0'/><ip address='192.168.9.1' netmask='255.255.255.0'/></network>"
foreign="<network><name>tenant</name><forward mode='hostdev'><pf dev='eth9'/></forward></network>"

# PFs pf0 and pf1, pool l on pf1 as libvirt's network "tenant"; node.xml is what libvirt has.
network_host() { # [ATTRIBUTE]
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	at+=(--connect "test://$work/node.xml")
	echo '<node/>' >node.xml
	pool l "dev='pf1' numvfs='4'" "<allocate by='libvirt'/>" "<network name='tenant' ${1:-}/>" >l.xml
	v define l.xml >/dev/null
	v apply >/dev/null 2>&1
}

libvirt_has() { # XML
	echo "<node>$1</node>" >node.xml
}

# As vfpool gives it to libvirt, edited.
ours() { # SED-EXPRESSION
	v network l | sed "1s/.*/<network>/; $1"
}

file_of_libvirt() { # NAME XML
	mkdir -p networks/autostart
	echo "$2" >"networks/$1.xml"
}

test_a_nat_network_stays() {
	network_host "autostart='yes'"
	libvirt_has "$nat"
	t "a NAT network of the pool's name: --define refuses with what it is and what to do" \
		fails_with 4 "network tenant: it is somebody else's \(forward mode nat, bridge virbr0\), and stays as it is; <network name=" v network l --define
	t 'a NAT network: --force is no way round that' fails_with 4 "somebody else's" v network l --define --force
	t 'a NAT network: nor does --undefine stop it' fails_with 4 "somebody else's" v network l --undefine --force
	t 'a NAT network: --diff says so too' fails_with 4 "somebody else's \(forward mode nat, bridge virbr0\)" v network l --diff
	t 'a NAT network: the --sync of boot leaves it, and fails' fails_with 1 "somebody else's" v network --sync
	t 'a NAT network: the dry run of --sync says so' fails_with 1 "somebody else's" v network --sync --dry-run
	t "an isolated network of the pool's name: --define refuses, too" fails_with 4 '\(isolated, bridge virbr7\)' with_libvirt "<network><name>tenant</name><bridge name='virbr7'/></network>" v network l --define
	t 'a network of an unnamed mode is NAT' fails_with 4 '\(forward mode nat, bridge virbr8\)' with_libvirt \
		"<network><name>tenant</name><forward/><bridge name='virbr8'/><ip address='192.168.9.1' netmask='255.255.255.0'/></network>" v network l --define
	t "a NAT network that copied vfpool's mark is none of its" fails_with 4 'forward mode nat' with_libvirt \
		"$(sed 's|<forward|<metadata><v:pool xmlns:v="urn:vfpool">l</v:pool></metadata><forward|' <<<"$nat")" v network l --define
}

with_libvirt() { # XML COMMAND…
	libvirt_has "$1"
	shift
	"$@"
}

test_vfs_of_another_stay() {
	network_host
	libvirt_has "$foreign"
	t "a network of VFs that vfpool hasn't made: --define refuses with its PF" \
		fails_with 4 "network tenant: it isn't vfpool's \(forward mode hostdev, PF eth9\).*--force takes this one" v network l --define
	t 'a network of VFs: --sync refuses' fails_with 4 "isn't vfpool's" v network l --sync
	t 'a network of VFs: --undefine refuses' fails_with 4 "isn't vfpool's" v network l --undefine
	t 'a network of VFs: --diff shows what would change' code_is 1 v network l --diff
	t 'a network of VFs: --define --force takes it' says 'is defined' v network l --define --force
	t 'a network of VFs: --undefine --force takes it away' says 'is undefined' v network l --undefine --force
	t 'a list of VFs: the refusal counts them' fails_with 4 'forward mode hostdev, 1 VF\)' with_libvirt \
		"<network><name>tenant</name><forward mode='hostdev'><address type='pci' domain='0' bus='1' slot='2' function='3'/></forward></network>" v network l --define
	t 'network --force alone: wrong usage' usage 'go with' network l --force
}

test_ours_is_known() {
	network_host
	t "vfpool's network has a mark, in its own namespace" says '<vfpool:pool xmlns:vfpool="urn:vfpool">l</vfpool:pool>' v network l
	libvirt_has "$(ours '')"
	t 'the same in libvirt: nothing to do' says 'is in libvirt as it should be' v network l --define
	t 'the same in libvirt: no difference' same '' "$(v network l --diff)"
	libvirt_has "$(ours 's/"pf1"/"eth9"/')"
	t "vfpool's network on another PF now: replaced" says 'is defined' v network l --define
	libvirt_has "$(ours '/metadata/,/metadata/d')"
	t 'alike without the mark, as of an earlier vfpool: as it should be' says 'is in libvirt as it should be' v network l --define
	t 'alike without the mark: the mark is no difference' same '' "$(v network l --diff)"
	echo '<network><name>tenant</name><title>Ours</title><metadata><x:y xmlns:x="urn:x">z</x:y></metadata></network>' >own.xml
	t "an admin's own network gets the mark beside its metadata" same 'urn:x urn:vfpool' \
		"$(v network l --from own.xml | grep -o 'urn:[a-z]*' | paste -s -d ' ')"
	v network l --from own.xml >marked.xml
	t "a network that has vfpool's mark gets no second" same 1 "$(v network l --from marked.xml | grep -c urn:vfpool)"
}

test_pools_are_defined_beside_networks() {
	network_host
	pool m "dev='pf0' numvfs='4'" "<allocate by='libvirt'/>" >m.xml
	file_of_libvirt m "<!-- made by virsh --><network><name>m</name><forward mode='nat'/><bridge name='virbr1'/></network>"
	t "define of a pool whose network's name a NAT network has, by libvirt's file: refused" \
		fails_with 4 "m.xml: libvirt's network m is somebody else's \(forward mode nat, bridge virbr1\); <network name=" v define m.xml
	t 'define with that network: the pool is not there' fails_with 5 'no pool' v dumpxml m
	t 'define with that network: a dry run says so' fails_with 4 "somebody else's" v define m.xml --dry-run
	rm networks/m.xml
	libvirt_has "${nat//tenant/m}"
	t 'define beside a network that only runs: libvirt tells of it' fails_with 4 'forward mode nat, bridge virbr0' v define m.xml
	pool m "dev='pf0' numvfs='4'" "<allocate by='libvirt'/>" "<network name='m2'/>" >m2.xml
	t 'define with a name of its own: done' says 'm' v define m2.xml
	pool n "dev='pf0' numvfs='4'" "<allocate by='libvirt'/>" "<network name='tenant'/>" >n.xml
	v undefine m >/dev/null
	t "define of a pool with another pool's network: refused with its file" fails_with 1 "n.xml: libvirt's network tenant is that of pool l \(.*l.xml\) already" v define n.xml
	sed "s/<name>n/<name>o/; s/numvfs='4'/numvfs='4' vfs='0'/; s/tenant/both/" n.xml >o.xml
	sed "s/<name>n/<name>p/; s/numvfs='4'/numvfs='4' vfs='1'/; s/tenant/both/" n.xml >p.xml
	t 'define of two at once with one network: refused' fails_with 1 'is that of pool o' v define o.xml p.xml
	file_of_libvirt m 'not XML'
	t "a file of libvirt that isn't XML keeps nobody from defining" says 'm' v define m2.xml
}

noted() { # PATTERN
	v apply 2>&1 | grep -E "$1"
}

doctor_says() { # PATTERN
	v doctor 2>&1 | grep -E "$1"
}

test_apply_and_doctor_tell() {
	network_host "autostart='yes'"
	file_of_libvirt tenant "$nat"
	libvirt_has "$nat"
	t 'apply notes a network that is somebody else'"'"'s' noted "pool l: libvirt's network tenant is somebody else's \(forward mode nat, bridge virbr0\); <network name="
	t "the doctor's check of networks: FAILED, with what it is" doctor_says "network tenant is somebody else's \(forward mode nat, bridge virbr0\)"
	file_of_libvirt tenant "$foreign"
	libvirt_has "$foreign"
	t "the doctor's check of networks: a network of VFs that isn't vfpool's" doctor_says "network tenant isn't vfpool's \(forward mode hostdev, PF eth9\)"
	t "apply notes a network of VFs that isn't vfpool's" noted "isn't vfpool's \(forward mode hostdev, PF eth9\).*'vfpool network l --define --force'"
	file_of_libvirt tenant "$(ours '')"
	t "apply has no such note of vfpool's own" same '' "$(noted "somebody else's|isn't vfpool's")"
}

test_sync_takes_what_libvirt_starts() {
	network_host
	libvirt_has "$(ours 's/"pf1"/"eth9"/')"
	t 'no autostart anywhere: --sync has nothing to do' same '' "$(v network --sync)"
	mkdir -p networks/autostart
	ours '' >networks/autostart/tenant.xml
	t "a network with libvirt's own autostart: --sync defines it anew" says '^the network of pool l is defined and started' v network --sync
}

run_tests
