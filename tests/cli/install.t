#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make install puts down what a host needs, make uninstall takes away just that.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh

install() {
	make -s -C "$top" install DESTDIR="$work/host" PREFIX=/usr
}
files() {
	(cd "$work/host" && find . ! -type d | sort)
}

test_install_and_uninstall() {
	local before
	mkdir -p host/etc/libvirt/hooks/qemu.d && echo mine >host/etc/libvirt/hooks/qemu.d/other
	before=$(files)
	t 'make install puts all of it down' install
	t 'make install: the program is there' says '^\./usr/sbin/vfpool$' files
	t "make install: libvirt's hook calls the program" says '^/usr/sbin/vfpool hook qemu' cat host/etc/libvirt/hooks/qemu.d/vfpool
	t 'make install: the hook can be run' test -x host/etc/libvirt/hooks/network.d/vfpool
	t 'make install: a unit calls the program' says '^ExecStart=/usr/sbin/vfpool' cat host/etc/systemd/system/vfpool-gc.service
	t 'make install leaves nothing to be filled in' eval '! grep -r "@[A-Z]*@" host/etc'
	t 'make install goes again over what is there' install
	t 'make uninstall takes it away' make -s -C "$top" uninstall DESTDIR="$work/host" PREFIX=/usr
	t "make uninstall: what isn't vfpool's stays, and nothing else" same "$before" "$(files)"
}

run_tests
