/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What error messages mean: those that libvirt, QEMU, the kernel, iproute2 and udev have for VFs, and the
 * checks of the doctor that look for their cause.
 */
#include "manager/context.h"

#include <regex.h>
#include <string.h>

/* An errno alone says much only where it is known whose. */
#define ABOUT_VFS "(write error|RTNETLINK|numvfs|sriov|vf [0-9]).*"

/* The first that matches counts: what says more comes first. */
static const struct {
	const char *pattern; /* extended, any case */
	struct vfpool_explanation is;
} known[] = {
	/* vfio's files */
	{ "/dev/vfio/vfio.*(permitted|denied)",
	  { "QEMU may not open vfio's control file: libvirt's list of devices (cgroup_device_acl) or the file's mode keeps it out",
	    "put \"/dev/vfio/vfio\" into cgroup_device_acl in /etc/libvirt/qemu.conf, and restart libvirt's daemon",
	    { "qemu.conf", "device-nodes", "apparmor" } } },
	{ "/dev/vfio/[0-9]+.*(permitted|denied)",
	  { "QEMU may not open the file of the IOMMU group: it isn't its owner's, or libvirt's list of devices, SELinux or AppArmor "
	    "keeps it out",
	    "let libvirt change owners (dynamic_ownership = 1), and don't narrow cgroup_device_acl",
	    { "qemu.conf", "selinux", "apparmor" } } },
	{ "/dev/vfio/[0-9]+.*(busy)",
	  { "something has that IOMMU group open already: another guest, DPDK",
	    "'vfpool list' names who; devices of one group go to one guest",
	    { "acs", "guest" } } },
	{ "module vfio.*not found",
	  { "this kernel has no vfio",
	    "install a kernel that has it, not one for clouds, and boot it",
	    { "vfio" } } },
	{ "/dev/vfio.*(no such file|not found)",
	  { "vfio isn't loaded, or the device isn't on vfio-pci",
	    "'modprobe vfio-pci'; 'vfpool bind ADDRESS'",
	    { "vfio", "device-nodes" } } },
	{ "vfio-pci: probe of .* failed",
	  { "vfio-pci doesn't take the device: it is in no IOMMU group, or a bridge",
	    "see the checks of the IOMMU",
	    { "groups", "kernel-line", "firmware" } } },
	{ "vfio_(listener_region_add|dma_map|container_dma_map).*(-22|-14|invalid argument|bad address)",
	  { "a part of the guest's memory can't be mapped for the device: often the card's own window, which most guests don't need",
	    "harmless when the guest starts; else newer QEMU and kernel",
	    { "groups" } } },
	{ "stuck in D3|unable to power on device",
	  { "the device doesn't wake up: its reset, or its power management, is at fault",
	    "'options vfio-pci disable_idle_d3=1' in /etc/modprobe.d/vfio.conf; a cold start of the host",
	    { "vfio" } } },
	{ "invalid PCI ROM",
	  { "the card has no ROM to boot from: a VF never has one",
	    "nothing: it is harmless",
	    { NULL } } },

	/* IOMMU */
	{ "set iommu for container|\"allow_unsafe_interrupts\"|no interrupt remapping support",
	  { "the IOMMU remaps no interrupts, and vfio then refuses devices; or the firmware has memory reserved for the device (RMRR)",
	    "switch interrupt remapping on in the firmware's setup; or, where every guest is trusted, 'options vfio_iommu_type1 "
	    "allow_unsafe_interrupts=1' in /etc/modprobe.d/vfio.conf",
	    { "interrupts", "acs" } } },
	{ "RMRR requirement|ineligible for IOMMU",
	  { "the firmware has memory reserved for the device, which may then not leave the host",
	    "newer firmware, or a switch in its setup",
	    { "acs", "firmware" } } },
	{ "support passthrough of host PCI devices|no iommu_group|no IOMMU (is |was )?(found|present)|IOMMU (is |was )?not (found|enabled|supported|present)",
	  { "the kernel drives no IOMMU",
	    "switch on VT-d or AMD-Vi in the firmware's setup; on Intel, put intel_iommu=on on the kernel's command line",
	    { "firmware", "kernel-line", "groups" } } },
	{ "is not assignable",
	  { "a switch or port above the device has no ACS, so others reach it past the IOMMU",
	    "another slot for the card. relaxed_acs_check in qemu.conf helps with old libvirt only",
	    { "acs", "qemu.conf" } } },
	{ "not viable|within the iommu_group are bound|iommu_group.*vfio bus driver|devices in group .* are bound|failed to get group",
	  { "another device of the IOMMU group has a driver of the host",
	    "'vfpool iommu ADDRESS' names it; 'vfpool bind ADDRESS --group' takes the whole group",
	    { "acs", "guest" } } },
	{ "DMAR:.*fault (addr|status|reason)|IO_PAGE_FAULT|your BIOS is broken.*DMAR|DMAR:.*BIOS is broken",
	  { "a device reads or writes where it may not: its driver or firmware is at fault",
	    "newer firmware of machine and card; another slot",
	    { "firmware", "acs" } } },

	/* locked memory */
	{ "RLIMIT_MEMLOCK|\\(MEMLOCK\\)|limit locked memory|VFIO_MAP_DMA.*memory|vfio_dma_map.*memory|vfio_pin_pages",
	  { "all of a guest's memory is locked when it has a VF, and the limit is too low",
	    "let libvirt raise it (CAP_SYS_RESOURCE), 'ulimit -l' for a QEMU by hand, no <hard_limit> in the guest's definition",
	    { "memory-lock", "guest" } } },

	/* libvirt */
	{ "usable VF.*on SRIOV PF|SRIOV PF.*no.*VF",
	  { "the network's PF has no VFs, or isn't there",
	    "'vfpool apply' makes them; then start the network",
	    { "vfs", "networks", "boot" } } },
	{ "exclusive access to interfaces",
	  { "all VFs of the network are in use, or it runs with an old list of them",
	    "'vfpool show POOL'; 'vfpool network POOL --define' when the list is old",
	    { "networks", "leases" } } },
	{ "manually detached",
	  { "the device is unmanaged, and on the host's driver",
	    "'vfpool bind ADDRESS', or managed='yes' in the guest's definition",
	    { "guest", "vfs" } } },
	{ "PF is not online|PF.*not online",
	  { "the PF is down, and libvirt sets no VF of such a one",
	    "'ip link set PF up', or up='yes' in the pool's definition",
	    { "link" } } },
	{ "in use by driver",
	  { "another guest has the VF",
	    "'vfpool list' says who; let 'vfpool alloc' choose",
	    { "guest", "leases" } } },
	{ "is leased to (nobody|.* nic)|refused.*hook|hook script",
	  { "vfpool's hook keeps a guest from a VF that isn't leased to it",
	    "'vfpool adopt' or 'vfpool attach --refresh'",
	    { "guest", "leases" } } },
	{ "notify-reload",
	  { "libvirt's unit is newer than systemd, which takes the service as one of another kind: harmless but for slow starts",
	    "a drop-in of the unit with Type=notify",
	    { "libvirt" } } },
	{ "(fail|unable|error|cannot|can't|could not|refused).*(connect.*libvirt|libvirt-sock|virtqemud-sock)|libvirt-sock.*(no such|refused|denied)",
	  { "libvirt's daemon doesn't run",
	    "'systemctl start libvirtd.socket' (or virtqemud.socket)",
	    { "libvirt" } } },
	{ "network '[^']*' is not active",
	  { "the pool's network isn't started",
	    "'vfpool network POOL --define --start'",
	    { "networks", "boot" } } },

	{ "interface MAC/vlanid.*(out of range|invalid argument)",
	  { "the PF has no VF of that number now, or the card refuses the MAC or VLAN",
	    "'vfpool list' shows what there is",
	    { "vfs", "networks", "leases" } } },
	{ "(get|set) interface MAC/vlanid",
	  { "libvirt can't read or set the VF's MAC and VLAN: its PF is in switchdev mode, or its driver has no such thing",
	    "'vfpool list --json' shows the PF's eswitch",
	    { "vfs", "limits" } } },
	{ "hostdev is currently supported on SR-IOV",
	  { "an <interface type='hostdev'> names a device that is no VF, or no VF any more",
	    "'vfpool attach --refresh'; a plain <hostdev> for "
	    "other devices",
	    { "guest", "vfs" } } },
	{ "unable to get index for interface",
	  { "the PF's network device has another name by now, or is in another namespace",
	    "'vfpool list' shows its name; definitions "
	    "by address or MAC don't depend on it",
	    { "networks", "link" } } },

	/* the VF's own driver */
	{ "attempted to override administratively set MAC",
	  { "the guest wants another MAC than its PF has set for it",
	    "the guest takes the one that it has; trust lets it choose",
	    { "vfs" } } },
	{ "spoofed packets",
	  { "a guest sent from a MAC or VLAN that isn't its own: a bridge or a second MAC inside it",
	    "spoofchk='off' and trust='on' in the "
	    "pool's definition, where it may",
	    { "macs", "vfs" } } },
	{ "communicate with PF|init adminq|PF driver isn't up",
	  { "the VF's driver gets no answer from the PF's: that is down, in reset, or older than it",
	    "bring the PF up; drivers of one "
	    "release on host and guest",
	    { "link", "vfs" } } },
	{ "support SRIOV configuration via sysfs",
	  { "the PF's driver makes no VFs: it is vfio-pci, or has no SR-IOV",
	    "'vfpool bind ADDRESS --driver host'",
	    { "limits" } } },
	{ "enable PCI sriov: -12",
	  { "no memory window, or no PCI bus numbers, for the VFs",
	    "'Above 4G decoding' and ARI in the firmware's setup; pci=realloc",
	    { "room" } } },
	{ "enable PCI sriov: -16",
	  { "there are VFs already",
	    "'vfpool apply' makes another number while nobody uses one",
	    { "vfs", "other-managers" } } },
	{ "Reload the VF driver",
	  { "the PF has set the VF's MAC while its driver had the old one: the change isn't seen before that is bound anew",
	    "end what uses the VF, then 'vfpool unbind' and 'vfpool bind', or let vfpool set it before it binds",
	    { "vfs" } } },
	{ "[VP]F still (in reset|resetting)",
	  { "the VF or its PF is in reset: one change at a time goes through",
	    "again, a little later; 'vfpool apply' tries by itself",
	    { "vfs", "link" } } },
	{ "Truncated VF list|Message too long|EMSGSIZE",
	  { "the card's list of VFs doesn't fit the kernel's answer, and iproute2 shows a part, or wrong VFs",
	    "'vfpool list' reads it whole",
	    { "vfs" } } },
	{ "No buffer space",
	  { "more answers of the kernel than the socket takes: too many VFs set at once",
	    "'vfpool apply' sends them in groups",
	    { "vfs" } } },

	/* PCI */
	{ "not enough MMIO|VF BAR [0-9].*(can't assign|failed to assign)|BAR ([7-9]|1[0-2]): (no space|failed to assign|can't assign)|SR-IOV.*(resource|bus).*(fail|not|no )|IOV BARS",
	  { "the firmware left no memory window for the VFs",
	    "'SR-IOV' and 'Above 4G decoding' in its setup; pci=realloc on the kernel's command line",
	    { "room" } } },
	{ "bus.*out of range",
	  { "the VFs need more PCI bus numbers than the bridge above has",
	    "ARI in the firmware's setup; pci=assign-busses on the kernel's command line",
	    { "room" } } },
	{ "configure SR-IOV virtual function.*not supported",
	  { "a .link file of systemd asks the card for what it doesn't have",
	    "take that setting out; 'vfpool apply' names what a card lacks",
	    { "other-managers", "limits" } } },

	/* an errno alone: mostly of sriov_numvfs or 'ip link set PF vf N' */
	{ ABOUT_VFS "(resource busy)|^ *EBUSY *$",
	  { "sriov_numvfs goes from one number to another through 0 only, which destroys all VFs; or something has the VF",
	    "'vfpool apply' does it while nobody uses one, and names who does",
	    { "vfs", "other-managers", "leases" } } },
	{ ABOUT_VFS "(result out of range)|^ *ERANGE *$",
	  { "more VFs than the card or its driver makes",
	    "fewer, or another limit in the card's firmware",
	    { "limits" } } },
	{ ABOUT_VFS "(no space left)|^ *ENOSPC *$",
	  { "no message vectors (MSI-X) are left for the VFs, by the card's driver",
	    "fewer VFs",
	    { "room", "limits" } } },
	{ ABOUT_VFS "(cannot allocate memory)|^ *ENOMEM *$",
	  { "no memory window, or no PCI bus numbers, for the VFs (sriov_numvfs), or too little memory may be locked (QEMU)",
	    "'Above 4G decoding' and ARI in the firmware's setup, pci=realloc; for QEMU a higher limit of locked memory",
	    { "room", "memory-lock" } } },
	{ ABOUT_VFS "(temporarily unavailable)|^ *EAGAIN *$",
	  { "the VF or its PF is in reset",
	    "again, a little later; 'vfpool apply' tries by itself",
	    { "vfs", "link" } } },
	{ "ENOBUFS",
	  { "more answers of the kernel than the socket takes",
	    "'vfpool apply' sends in groups",
	    { "vfs" } } },
	{ "write error: no such (file|device)|sriov_numvfs: no such file",
	  { "the PF has no driver, or is no PF",
	    "load the PF's driver; 'vfpool list' shows what can make VFs",
	    { "limits" } } },
	{ ABOUT_VFS "(protocol not supported)|^ *EPROTONOSUPPORT *$",
	  { "the card has no 802.1ad", "proto='802.1Q', or none", { "vfs" } } },
	{ ABOUT_VFS "(operation not supported)|^ *EOPNOTSUPP *$",
	  { "the card's driver doesn't have that setting of a VF, as igb has no link state",
	    "leave it out: 'vfpool apply' names it",
	    { "vfs", "limits" } } },
	{ ABOUT_VFS "(invalid argument)|^ *EINVAL *$",
	  { "a value that the card doesn't take: a rate without a link or beyond its speed, a minimal rate, a multicast MAC, the "
	    "zero MAC, a VF that isn't there",
	    "bring the PF up before a rate; 'vfpool apply' names VF and setting",
	    { "link", "vfs" } } },
	{ "(write error|echo|numvfs|sriov.*): I/O error|^ *EIO *$",
	  { "dash says so for any error of a file in sysfs",
	    "bash names the errno: 'bash -c \"echo N >sriov_numvfs\"'",
	    { "limits", "vfs" } } },
	{ ABOUT_VFS "(not permitted|permission denied)|^ *(EPERM|EACCES) *$",
	  { "it takes root", "as root", { NULL } } },
};

/* A line is looked at in pieces of PIECE bytes, each of which begins in the midst of the one before: a
 * search's time grows with the square of what it searches. */
#define PIECE 1024

static bool line_matches(const regex_t *regex, const char *line, size_t length)
{
	char piece[PIECE + 1];

	for (size_t at = 0; at == 0 || at + PIECE / 2 < length; at += PIECE / 2) {
		const size_t n = length - at < PIECE ? length - at : PIECE;

		memcpy(piece, line + at, n);
		piece[n] = '\0';
		if (regexec(regex, piece, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

/* The first line that matches, NULL: none. *ret_line isn't terminated. */
static const char *find_line(const regex_t *regex, const char *message, size_t *ret_length)
{
	for (const char *line = message;; line++) {
		const size_t length = strcspn(line, "\r\n");

		if (length > 0 && line_matches(regex, line, length)) {
			*ret_length = length;
			return line;
		}
		line += length;
		if (!*line)
			return NULL;
	}
}

int vfpool_explain(struct vfpool *vp, const char *message, const struct vfpool_explanation **ret_is,
		   char **ret_line)
{
	if (strnlen(message, VFPOOL_MESSAGE_MAX + 1) > VFPOOL_MESSAGE_MAX)
		return fail(
			&vp->err, -E2BIG,
			"the message has more than %d KiB: give the part that says what failed, such "
			"as 'dmesg | tail -n 300'",
			VFPOOL_MESSAGE_MAX / 1024);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *line;
		size_t length;
		regex_t regex;

		if (regcomp(&regex, known[i].pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
			continue;
		line = find_line(&regex, message, &length);
		regfree(&regex);
		if (!line)
			continue;
		*ret_line = strndup(line, length);
		if (!*ret_line)
			return fail_oom(&vp->err);
		*ret_is = &known[i].is;
		return 0;
	}
	return fail(&vp->err, -VFPOOL_ENOTFOUND,
		    "this message isn't known; 'vfpool doctor' runs all checks");
}
