# Functions to run small guests in the lab by libvirt. Use: . /lab/guest/guest.sh
# shellcheck shell=bash
#
#   guest_define one --append 'ip=10.0.0.2/24' "$interface"     a guest with these devices
#   guest_start one
#   guest_wait one 'nic ADD'                                    what its console says about its card
#   guest_ready                                                 one called ready, which has booted long ago
#
# A guest is a kernel and one program, initramfs/guest in the lab's sources: that says on the console
# which network cards come and go, and does what the words given with --append tell it.

export LIBVIRT_DEFAULT_URI=qemu:///system

# guest_define NAME [--vcpus N] [--memory MIB] [--ports N] [--append WORDS] [DEVICE-XML…]
# Defines a guest in libvirt, with spare ports for hot plug. Each DEVICE-XML is an element for <devices>.
guest_define() {
	local xml
	xml=$(guest_xml "$@") || return
	virsh --quiet define /dev/stdin <<<"$xml"
}

# What makes a guest's kernel start faster under emulation inside emulation: parts of it that a guest with
# one program and one network card doesn't need.
guest_fast='mitigations=off tsc=reliable no_timer_check rodata=off cryptomgr.notests audit=0 lsm= ipv6.disable=1
8250.nr_uarts=1 initcall_blacklist=jent_mod_init,crypto_algapi_init,load_system_certificate_list,init_encrypted,crypto_kdf108_init,bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init,trace_eval_init,slab_sysfs_init,cmos_init,i8042_init'

# guest_xml …: the same, but prints the XML.
guest_xml() {
	local name=$1 vcpus=1 memory=128 ports=4 words=
	shift
	while [[ ${1-} == --* ]]; do
		case $1 in
		--vcpus) vcpus=$2 ;;
		--memory) memory=$2 ;;
		--ports) ports=$2 ;;
		--append) words=$2 ;;
		*) echo "guest_define: no such option: $1" >&2; return 2 ;;
		esac
		shift 2
	done
	[ "$vcpus" -gt 1 ] || words="nosmp $words"
	cat <<-END
		<domain type='qemu'>
		  <name>$name</name>
		  <memory unit='MiB'>$memory</memory>
		  <vcpu>$vcpus</vcpu>
		  <os>
		    <type arch='x86_64' machine='q35'>hvm</type>
		    <loader readonly='yes' type='rom'>/usr/share/qemu/qboot.rom</loader>
		    <kernel>/lab/guest/vmlinux</kernel>
		    <initrd>/lab/guest/initrd</initrd>
		    <cmdline>console=ttyS0 quiet panic=-1 ${guest_fast//$'\n'/ } $words</cmdline>
		  </os>
		  <features><acpi/></features>
		  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>Nehalem</model></cpu>
		  <on_reboot>destroy</on_reboot>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='pci' index='0' model='pcie-root'/>
		$(for ((n = 1; n <= ports; n++)); do echo "    <controller type='pci' index='$n' model='pcie-root-port'/>"; done)
		    <controller type='usb' model='none'/>
		    <controller type='sata' index='0'/>
		    <serial type='file'><source path='$(guest_console "$name")'/></serial>
		    <memballoon model='none'/>
		    $*
		  </devices>
		</domain>
	END
}

# guest_start NAME: starts it with an empty console.
guest_start() {
	guest_forget "$1"
	virsh --quiet start "$1"
}

# guest_save_ready: makes the guest called ready, once, while the image is built.
guest_save_ready() {
	guest_define ready --ports 2 --append 'ip=10.0.0.2/24'
	guest_start ready
	guest_wait ready 'guest: ready' 900
	virsh --quiet managedsave ready
	mv /var/lib/libvirt/qemu/save/ready.save /lab/guest/
}

# guest_ready: the guest called ready runs, without a card, as it was saved after its boot. That takes seconds,
# where a boot takes minutes. It takes cards by hot plug, two at most, and brings them up as 10.0.0.2. One that runs
# already, and has no card, is as good.
guest_ready() {
	guest_forget ready
	! guest_is_ready || return 0
	virsh --quiet destroy ready 2>/dev/null || true # it needn't run
	virsh --quiet restore /lab/guest/ready.save
}

guest_is_ready() {
	local xml
	xml=$(virsh dumpxml ready 2>/dev/null) && grep -q '^<domain .* id=' <<<"$xml" && ! grep -qE '<(interface|hostdev) ' <<<"$xml"
}

# guest_forget NAME: empties the console, so that guest_wait sees only what comes after.
guest_forget() {
	: >"$(guest_console "$1")"
}

# guest_console NAME: the file with all that the guest wrote on its console.
guest_console() {
	echo "/var/log/libvirt/qemu/$1.console"
}

# guest_wait NAME PATTERN [SECONDS]: waits until a line of the console matches (an extended regular expression), prints
# it. On a busy machine a guest is slow: let it have its time. The shell looks by itself: a process for each look
# would take half of an emulated processor from the guest.
guest_wait() {
	local i line console never
	console=$(guest_console "$1")
	exec {never}<> <(:)
	for ((i = 0; i < ${3:-300} * 2; i++)); do
		while IFS= read -r line; do
			[[ ! $line =~ $2 ]] || { echo "$line"; exec {never}<&-; return 0; }
		done <"$console"
		[ -e "/run/libvirt/qemu/$1.pid" ] || break
		read -r -t 0.5 -u "$never" line || :
	done
	exec {never}<&-
	echo "guest_wait: $1 doesn't say '$2'; the last that it said:" >&2
	tail -n 5 "$console" >&2
	return 1
}
