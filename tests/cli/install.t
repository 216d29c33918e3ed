#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make install puts down what a host needs, make uninstall takes away just that.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
new_folder install
cd "$top" || exit
install() {
	make -s install DESTDIR="$work/host" PREFIX=/usr
}
files() {
	(cd "$work/host" && find . ! -type d | sort)
}
mkdir -p "$work/host/etc/libvirt/hooks/qemu.d" && echo mine >"$work/host/etc/libvirt/hooks/qemu.d/other"
before=$(files)
t 'install' install
t 'the program' says '^\./usr/sbin/vfpool$' files
t "libvirt's hook calls it" says '^/usr/sbin/vfpool hook qemu' cat "$work/host/etc/libvirt/hooks/qemu.d/vfpool"
t 'the hook can be run' test -x "$work/host/etc/libvirt/hooks/network.d/vfpool"
t 'a unit calls it' says '^ExecStart=/usr/sbin/vfpool' cat "$work/host/etc/systemd/system/vfpool-gc.service"
t 'nothing is left to be filled in' sh -c '! grep -r "@[A-Z]*@" "$1"' sh "$work/host/etc"
t 'install again' install
t 'uninstall' make -s uninstall DESTDIR="$work/host" PREFIX=/usr
t "what isn't vfpool's stays, and nothing else" same "$before" "$(files)"
tap_end
