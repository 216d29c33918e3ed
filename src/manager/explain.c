/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What error messages mean: those that libvirt, QEMU, the kernel, iproute2 and udev have for VFs, and the
 * checks of the doctor that look for their cause.
 */
#include "manager/manager.h"

#include <regex.h>

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
	    "keeps it out", "let libvirt change owners (dynamic_ownership = 1), and don't narrow cgroup_device_acl",
	    { "qemu.conf", "selinux", "apparmor" } } },
	{ "/dev/vfio/[0-9]+.*(busy)",
	  { "something has that IOMMU group open already: another guest, DPDK",
	    "'vfpool list' names who; devices of one group go to one guest", { "acs", "guest" } } },
	{ "/dev/vfio.*(no such file|not found)|module vfio",
	  { "vfio isn't loaded, or the device isn't on vfio-pci", "'modprobe vfio-pci'; 'vfpool bind ADDRESS'",
	    { "vfio", "device-nodes" } } },

	/* IOMMU */
	{ "set iommu for container|allow_unsafe_interrupts|interrupt remapping support",
	  { "the IOMMU remaps no interrupts, and vfio then refuses devices; or the firmware has memory reserved for the device (RMRR)",
	    "switch interrupt remapping on in the firmware, or allow_unsafe_interrupts=1 where every guest is trusted",
	    { "interrupts", "acs" } } },
	{ "RMRR|ineligible for IOMMU",
	  { "the firmware has memory reserved for the device, which may then not leave the host", "newer firmware, or a switch in its setup",
	    { "acs", "firmware" } } },
	{ "support passthrough of host PCI devices|no IOMMU|iommu.*not (found|enabled|supported)",
	  { "the kernel drives no IOMMU", "VT-d or AMD-Vi in the firmware; on Intel, intel_iommu=on on the kernel's command line",
	    { "firmware", "kernel-line", "groups" } } },
	{ "is not assignable",
	  { "a switch or port above the device has no ACS, so others reach it past the IOMMU",
	    "another slot; today's libvirt says so only without vfio, where relaxed_acs_check in qemu.conf lets it through",
	    { "acs", "qemu.conf" } } },
	{ "not viable|within the iommu_group are bound|iommu_group.*vfio bus driver|devices in group .* are bound|failed to get group",
	  { "another device of the IOMMU group has a driver of the host",
	    "'vfpool iommu ADDRESS' names it; 'vfpool bind ADDRESS --group' takes the whole group", { "acs", "guest" } } },
	{ "DMAR:.*fault|IO_PAGE_FAULT",
	  { "a device reads or writes where it may not: its driver or firmware is at fault",
	    "newer firmware of machine and card; another slot", { "firmware", "acs" } } },

	/* locked memory */
	{ "MEMLOCK|limit locked memory|VFIO_MAP_DMA.*memory|vfio_dma_map.*memory|vfio_pin_pages",
	  { "all of a guest's memory is locked when it has a VF, and the limit is too low",
	    "let libvirt raise it (CAP_SYS_RESOURCE), 'ulimit -l' for a QEMU by hand, no <hard_limit> in the guest's definition",
	    { "memory-lock", "guest" } } },

	/* libvirt */
	{ "usable VF.*on SRIOV PF|SRIOV PF.*no.*VF",
	  { "the network's PF has no VFs, or isn't there", "'vfpool apply' makes them; then start the network",
	    { "vfs", "networks", "boot" } } },
	{ "exclusive access to interfaces",
	  { "all VFs of the network are in use, or it runs with an old list of them",
	    "'vfpool show POOL'; 'vfpool network POOL --define' when the list is old", { "networks", "leases" } } },
	{ "manually detached",
	  { "the device is unmanaged, and on the host's driver", "'vfpool bind ADDRESS', or managed='yes' in the guest's definition",
	    { "guest", "vfs" } } },
	{ "PF is not online|PF.*not online",
	  { "the PF is down, and libvirt sets no VF of such a one", "'ip link set PF up', or up='yes' in the pool's definition",
	    { "link" } } },
	{ "in use by driver",
	  { "another guest has the VF", "'vfpool list' says who; let 'vfpool alloc' choose", { "guest", "leases" } } },
	{ "is leased to (nobody|.* nic)|refused.*hook|hook script",
	  { "vfpool's hook keeps a guest from a VF that isn't leased to it", "'vfpool adopt' or 'vfpool attach --refresh'",
	    { "guest", "leases" } } },
	{ "notify-reload",
	  { "libvirt's unit is newer than systemd, which takes the service as one of another kind: harmless but for slow starts",
	    "a drop-in of the unit with Type=notify", { "libvirt" } } },
	{ "connect.*libvirt|libvirt-sock|virtqemud-sock",
	  { "libvirt's daemon doesn't run", "start its socket", { "libvirt" } } },
	{ "[Nn]etwork .* is not active|network.*not active",
	  { "the pool's network isn't started", "'vfpool network POOL --define --start'", { "networks", "boot" } } },

	/* the VF's own driver */
	{ "Reload the VF driver",
	  { "the PF has set the VF's MAC while its driver had the old one: the change isn't seen before that is bound anew",
	    "end what uses the VF, then 'vfpool unbind' and 'vfpool bind', or let vfpool set it before it binds", { "vfs" } } },
	{ "still (in reset|resetting)",
	  { "the VF or its PF is in reset: one change at a time goes through", "again, a little later; 'vfpool apply' tries by itself",
	    { "vfs", "link" } } },
	{ "Truncated VF list|Message too long|EMSGSIZE",
	  { "the card's list of VFs doesn't fit the kernel's answer, and iproute2 shows a part, or wrong VFs",
	    "'vfpool list' reads it whole", { "vfs" } } },
	{ "No buffer space",
	  { "more answers of the kernel than the socket takes: too many VFs set at once", "'vfpool apply' sends them in groups",
	    { "vfs" } } },

	/* PCI */
	{ "not enough MMIO|BAR .*(assign|no space)|can't assign mem|SR-IOV.*resource|IOV BARS",
	  { "the firmware left no memory window for the VFs",
	    "'SR-IOV' and 'Above 4G decoding' in its setup; pci=realloc on the kernel's command line", { "room" } } },
	{ "bus.*out of range",
	  { "the VFs need more PCI bus numbers than the bridge above has",
	    "ARI in the firmware's setup; pci=assign-busses on the kernel's command line", { "room" } } },
	{ "configure SR-IOV virtual function.*not supported",
	  { "a .link file of systemd asks the card for what it doesn't have", "take that setting out; 'vfpool apply' names what a card lacks",
	    { "other-managers", "limits" } } },

	/* an errno alone: mostly of sriov_numvfs or 'ip link set PF vf N' */
	{ "resource busy|EBUSY",
	  { "sriov_numvfs goes from one number to another through 0 only, which destroys all VFs; or something has the VF",
	    "'vfpool apply' does it while nobody uses one, and names who does", { "vfs", "other-managers", "leases" } } },
	{ "result out of range|ERANGE",
	  { "more VFs than the card or its driver makes", "fewer, or another limit in the card's firmware", { "limits" } } },
	{ "no space left|ENOSPC",
	  { "no message vectors (MSI-X) are left for the VFs, by the card's driver", "fewer VFs",
	    { "room", "limits" } } },
	{ "cannot allocate memory|ENOMEM",
	  { "no memory window, or no PCI bus numbers, for the VFs (sriov_numvfs), or too little memory may be locked (QEMU)",
	    "'Above 4G decoding' and ARI in the firmware's setup; pci=realloc; the limit of locked memory", { "room", "memory-lock" } } },
	{ "resource temporarily unavailable|EAGAIN",
	  { "the VF or its PF is in reset", "again, a little later; 'vfpool apply' tries by itself", { "vfs", "link" } } },
	{ "ENOBUFS", { "more answers of the kernel than the socket takes", "'vfpool apply' sends in groups", { "vfs" } } },
	{ "write error: no such file",
	  { "sriov_numvfs was written while the PF had no driver", "load the PF's driver", { "limits" } } },
	{ "protocol not supported|EPROTONOSUPPORT",
	  { "the card has no 802.1ad", "proto='802.1Q', or none", { "vfs" } } },
	{ "operation not supported|EOPNOTSUPP",
	  { "the card's driver doesn't have that setting of a VF, as igb has no link state", "leave it out: 'vfpool apply' names it",
	    { "vfs", "limits" } } },
	{ "invalid argument|EINVAL",
	  { "a value that the card doesn't take: a rate without a link or beyond its speed, a minimal rate, a multicast MAC, the "
	    "zero MAC, a VF that isn't there", "bring the PF up before a rate; 'vfpool apply' names VF and setting",
	    { "link", "vfs" } } },
	{ "I/O error|EIO",
	  { "dash says so for any error of a file in sysfs", "bash names the errno: 'bash -c \"echo N >sriov_numvfs\"'",
	    { "limits", "vfs" } } },
	{ "operation not permitted|permission denied|EPERM|EACCES",
	  { "it takes root, or a limit or a security module is in the way", "as root; SELinux's and AppArmor's log",
	    { "device-nodes", "selinux", "interrupts" } } },
};

int vfpool_explain(struct vfpool *vp, const char *message, const struct vfpool_explanation **ret_is)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		regex_t regex;
		int r = regcomp(&regex, known[i].pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);

		if (r != 0)
			continue;
		r = regexec(&regex, message, 0, NULL, 0);
		regfree(&regex);
		if (r != 0)
			continue;
		*ret_is = &known[i].is;
		return 0;
	}
	return fail(&vp->err, -VFPOOL_ENOTFOUND, "this message isn't known; 'vfpool doctor' runs all checks");
}
