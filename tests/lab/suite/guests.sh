# What the cases with guests share: three pools on two cards, the hook as `make install` puts it down, and short ways to ask.
# shellcheck shell=bash
# shellcheck disable=SC2154  # vfpool is lib.sh's

pool tenant "dev='enp1s0' numvfs='7' vfs='0-3' up='yes'" "<vlan><tag id='42'/></vlan>" >tenant.xml
pool net "dev='enp1s0' numvfs='7' vfs='4-6' up='yes'" "<allocate by='libvirt'/>" "<network name='tenants'/>" >net.xml
pool qos "dev='enp2s0' numvfs='3' up='yes'" "<vlan qos='3'><tag id='43'/></vlan>" >qos.xml
$vfpool define tenant.xml net.xml qos.xml
$vfpool apply >/dev/null 2>&1
sql() {
	sqlite3 /var/lib/vfpool/ledger.db "$1"
}
leases() { # OWNER
	sql "SELECT count(*) FROM held WHERE owner = '$1'"
}
vf_of() { # OWNER [NIC]
	sql "SELECT vf FROM held WHERE owner = '$1' AND nic = ${2:-0}"
}
mac_of() { # OWNER [NIC]
	sql "SELECT mac FROM held WHERE owner = '$1' AND nic = ${2:-0}"
}
guest_mac() { # GUEST [--inactive]: its first one in libvirt
	virsh dumpxml "$@" | sed -n "s/.*<mac address='\(.*\)'.*/\1/p" | head -1
}
install_hook() {
	for driver in qemu network; do
		mkdir -p /etc/libvirt/hooks/$driver.d
		sed -e "s|@SBINDIR@|/share/build|; s|@DRIVER@|$driver|; 2i echo \"\$*\" >>/root/hooks" \
			-e '2i [ "$2" != start ] || { ip link show enp1s0; pgrep -fa "guest=$1,"; } >/root/at-start' /share/systemd/libvirt-hook \
			>/etc/libvirt/hooks/$driver.d/vfpool
		chmod 755 /etc/libvirt/hooks/$driver.d/vfpool
	done
	systemctl restart libvirtd
}
