# Captured hosts as the doctor looks at them. Read after host.sh.
# shellcheck shell=bash

v() {
	"$fake/vfpool" "${at[@]}" --hooks-dir hooks "$@"
}
at[3]=pools # --config-dir: etc has gone to the root

# captured NAME: the captured host, in the test's folder, with pool a of enp1s0's VFs.
captured() {
	export PEER_VFS=4
	"$top/tests/data/restore" "$top/tests/data/hosts/$1.txt" .
	number_netdevs sys
	mkdir -p root sys/bus/pci/drivers/vfio-pci
	mv etc usr dev root/ # what vfpool looks for below --root
	v define /dev/stdin <<<"<pool><name>a</name><pf dev='enp1s0' numvfs='4'/></pool>" >/dev/null
}
# sound_host: its IOMMU is on, some cards share groups, and pool a is applied. Its daemon doesn't run here, and one PF
# of the peer is down.
sound_host() {
	local driver
	captured crowded
	for driver in qemu network; do mkdir -p hooks/$driver.d; install /bin/true hooks/$driver.d/vfpool; done
	mkdir -p root/etc/systemd/system/multi-user.target.wants networks
	ln -s /dev/null root/etc/systemd/system/multi-user.target.wants/vfpool.service
	export PEER_STATE=$work/peer
	v apply >/dev/null 2>&1
	touch root/dev/vfio/{15,16,17,18} # vfio makes one for each group
}
