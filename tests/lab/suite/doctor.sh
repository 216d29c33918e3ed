# What the doctor's tests share. Read after lib.sh and guest.sh.
# shellcheck shell=bash

# What the doctor finds amiss: "CHECK VERDICT" of each, in a line.
faults() {
	$vfpool doctor --json | tr -d '\n' | grep -oE '"check": "[^}]*"verdict": "(warning|failed)"' |
		sed 's/"check": "\([^"]*\)".*"verdict": "\([^"]*\)"/\1 \2/' | sort -u | paste -sd ,
}

anyhow() { # COMMAND…
	"$@" || true
}

# explained CHECK MESSAGE: the doctor knows the message, and that check looks for its cause.
explained() {
	echo "# $2"
	$vfpool doctor --explain "$2" --json | tr -d '\n' | grep -q "\"checks\": \[[^]]*\"$1\""
}

# A guest with a VF by its address: on stdout its device.
hostdev() { # ADDRESS MANAGED
	echo "<interface type='hostdev' managed='$2'><mac address='52:54:00:0a:0b:0c'/><source><address type='pci' domain='0x${1:0:4}' bus='0x${1:5:2}' slot='0x${1:8:2}' function='0x${1:11:1}'/></source></interface>"
}

# What libvirt says when the guest starts: on one line.
refusal() { # GUEST
	virsh start "$1" 2>&1 >/dev/null | tr '\n' ' '
}

# The host is set up as by 'make install': hooks, and the unit for the next boot.
install_hooks() {
	local driver
	for driver in qemu network; do
		mkdir -p /etc/libvirt/hooks/$driver.d
		sed "s|@SBINDIR@|/share/build|; s|@DRIVER@|$driver|" /share/systemd/libvirt-hook >/etc/libvirt/hooks/$driver.d/vfpool
		chmod 755 /etc/libvirt/hooks/$driver.d/vfpool
	done
	ln -sf /share/systemd/vfpool.service /etc/systemd/system/multi-user.target.wants/vfpool.service
	systemctl restart libvirtd
}

with_link() { # PF: waits for it, some seconds
	local i
	for ((i = 0; i < 50; i++)); do [ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" != 1 ] || return 0; sleep 0.2; done
	echo "# $1 has no link"
}
