# What the boots of the lab's tests share.
# shellcheck shell=bash
# shellcheck disable=SC2154  # vfpool is lib.sh's

# The project as `make install` has put it down in build/boot.
install_vfpool() {
	cp -r --no-preserve=ownership /share/build/boot/. / && systemctl daemon-reload && udevadm control --reload &&
		systemctl restart libvirtd
}
# The kernel's view of all VFs, without what has a netdev's number or name.
vf_lines() {
	ip link show | grep -E '^ *vf [0-9]' | sort
}
# booted UNIT: it has done, or failed, what it does at boot.
booted() {
	for ((i = 0; i < 300; i++)); do
		case $(systemctl is-active "$1") in active | failed) return ;; esac
		sleep 0.4
	done
	systemctl status --no-pager "$1"
	return 1
}
# When a unit was done, and when the kernel was last told of a VF, in seconds after the kernel's start.
done_at() {
	systemctl show -P ActiveEnterTimestampMonotonic "$1" | awk '{ printf "%.1f", $1 / 1000000 }'
}
programmed_at() {
	dmesg | sed -n 's/^\[ *\([0-9.]*\)\] igb .*VF.*/\1/p' | tail -n 1
}
sql() {
	sqlite3 /var/lib/vfpool/ledger.db "$1"
}
ledger_agrees() {
	/share/tests/check-ledger /var/lib/vfpool/ledger.db <(ip link show)
}
