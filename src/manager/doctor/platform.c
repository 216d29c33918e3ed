/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processor, firmware, kernel, vfio: what is the same for every card. */
#include "manager/doctor/platform.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>
#include <sys/stat.h>

static int check_firmware(struct doctor *doctor)
{
	const struct host_platform *platform = &doctor->platform;
	const char *remedy =
		"switch the IOMMU on in the firmware's setup (Intel calls it VT-d, AMD AMD-Vi or IOMMU); in a "
		"virtual machine, give it a virtual IOMMU (libvirt: <iommu model='intel'>)";

	if (platform->n_iommus > 0)
		return report(
			doctor, VFPOOL_SOUND, NULL, "the kernel drives %u IOMMU%s%s",
			platform->n_iommus, platform->n_iommus == 1 ? "" : "s",
			platform->is_x86 && !platform->has_virt ?
				"; the processor has neither vmx nor svm, so guests run emulated, with VFs all the same" :
				"");
	if (platform->has_dmar || platform->has_ivrs)
		return report(doctor, VFPOOL_SOUND, NULL, "the firmware tells of an IOMMU");
	if (platform->is_intel)
		remedy =
			"switch VT-d on in the firmware's setup; in a virtual machine, give it one (libvirt: <iommu model='intel'>)";
	if (platform->is_amd)
		remedy =
			"switch AMD-Vi (IOMMU) on in the firmware's setup; in a virtual machine, give it one (libvirt: <iommu model='intel'>)";
	return report(doctor, VFPOOL_FAULT, remedy, "the firmware tells of no IOMMU");
}

/* The first word of the command line that is KEY, or KEY=VALUE with this value among several (NULL: any),
 * with its length; NULL: none. */
static const char *find_word(const char *cmdline, const char *key, const char *value,
			     int *ret_length)
{
	for (const char *at = cmdline + strspn(cmdline, " "); *at; at += strspn(at, " ")) {
		const size_t length = strcspn(at, " "), n = strlen(key);
		const char *part = at + n + 1;

		*ret_length = (int)length;
		if (strncmp(at, key, n) == 0 && (at[n] == '=' || n == length)) {
			if (!value)
				return at;
			for (; n < length && part < at + length; part += strcspn(part, ", ") + 1)
				if (strcspn(part, ", ") == strlen(value) &&
				    strncmp(part, value, strlen(value)) == 0)
					return at;
		}
		at += length;
	}
	return NULL;
}

/* What has switched it off there, as a word; "": nothing. */
static void find_off(const char *cmdline, char *word, size_t size)
{
	static const char *const keys[] = { "intel_iommu", "amd_iommu", "iommu" };

	*word = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int length;
		const char *at = find_word(cmdline, keys[i], "off", &length);

		if (at && !*word)
			snprintf(word, size, "%.*s", length, at);
	}
}

static int check_cmdline(struct doctor *doctor)
{
	const struct host_platform *platform = &doctor->platform;
	AUTO_FREE char *remedy = NULL;
	char off[100];
	int length;

	if (platform->n_iommus > 0 && platform->n_groups > 0)
		return report(doctor, VFPOOL_SOUND, NULL, "the IOMMU is on");
	if (!platform->has_dmar && !platform->has_ivrs)
		return report(doctor, VFPOOL_SOUND, NULL,
			      "nothing on it matters before the firmware tells of an IOMMU");
	find_off(platform->cmdline, off, sizeof(off));
	if (*off) {
		remedy = report_cmdline_remedy(doctor, false, off);
		return remedy ? report(doctor, VFPOOL_FAULT, remedy, "it has %s", off) : -ENOMEM;
	}
	if (platform->has_dmar && !find_word(platform->cmdline, "intel_iommu", "on", &length)) {
		remedy = report_cmdline_remedy(doctor, true, "intel_iommu=on");
		return remedy ?
			       report(doctor, VFPOOL_FAULT, remedy,
				      "the kernel doesn't drive the IOMMU: it lacks intel_iommu=on") :
			       -ENOMEM;
	}
	return report(doctor, VFPOOL_FAULT, "'dmesg | grep -iE \"dmar|amd-vi\"' may say why",
		      "nothing on it keeps the kernel from driving the IOMMU, and it doesn't");
}

static int check_groups(struct doctor *doctor)
{
	if (doctor->platform.n_groups > 0)
		return report(doctor, VFPOOL_SOUND, NULL, "%u IOMMU groups",
			      doctor->platform.n_groups);
	return report(doctor, VFPOOL_FAULT, "mend what the checks firmware and kernel-line say",
		      "no device is in an IOMMU group, so none can go into a guest");
}

static int check_interrupts(struct doctor *doctor)
{
	const struct host_platform *platform = &doctor->platform;
	AUTO_FREE char *remedy = NULL;
	const char *word;
	int length;

	if (platform->remaps_interrupts || !platform->is_x86)
		return report(doctor, VFPOOL_SOUND, NULL, "%s",
			      platform->remaps_interrupts ? "they are remapped" :
							    "this processor's need no remapping");
	if (platform->n_groups == 0)
		return report(doctor, VFPOOL_SOUND, NULL,
			      "without IOMMU they aren't remapped, and needn't be");
	if (!platform->knows_interrupts)
		return report(
			doctor, VFPOOL_WARNING, NULL,
			"whether they are remapped isn't known: /proc/interrupts can't be read");
	if (platform->allows_unsafe_interrupts)
		return report(
			doctor, VFPOOL_WARNING, "interrupt remapping, in the firmware's setup",
			"they aren't remapped, and vfio_iommu_type1 allows that: a guest with a VF can send the host any "
			"interrupt");
	word = find_word(platform->cmdline, "intremap", "off", &length);
	if (!word)
		word = find_word(platform->cmdline, "nointremap", NULL, &length);
	if (word) {
		AUTO_FREE char *off = strndup(word, (size_t)length);

		remedy = off ? report_cmdline_remedy(doctor, false, off) : NULL;
		if (!remedy)
			return -ENOMEM;
	}
	return report(
		doctor, VFPOOL_FAULT,
		remedy ?
			remedy :
			"switch interrupt remapping (x2APIC) on in the firmware's setup; or, where every guest is "
			"trusted, 'options vfio_iommu_type1 allow_unsafe_interrupts=1' in "
			"/etc/modprobe.d/vfio.conf and a reboot",
		"they aren't remapped%s%.*s: vfio refuses devices then (Failed to set iommu for container)",
		word ? ": the command line has " : "", word ? length : 0, word ? word : "");
}

static int check_vfio(struct doctor *doctor)
{
	static const char *const packages[] = {
		[OTHER_DISTRIBUTION] = "a kernel with CONFIG_VFIO_PCI",
		[DEBIAN] =
			"'apt-get install linux-image-amd64' (Ubuntu: linux-generic), not a kernel for clouds, and boot it",
		[FEDORA] = "'dnf install kernel-modules'",
		[SUSE] = "'zypper install kernel-default'",
		[ARCH] = "'pacman -S linux', and a reboot when the kernel was updated",
	};

	if (doctor->platform.has_vfio)
		return report(doctor, VFPOOL_SOUND, NULL,
			      "vfio-pci and vfio_iommu_type1 are there");
	return report(doctor, VFPOOL_FAULT,
		      strstr(doctor->platform.vfio_missing, "blacklisted") ?
			      "take it out of /etc/modprobe.d" :
			      packages[doctor->distribution],
		      "%s", doctor->platform.vfio_missing);
}

/* vfio makes one for each group that it has a device of. */
static int check_group_nodes(struct doctor *doctor)
{
	int r = 0;

	for (size_t i = 0; i < doctor->inventory->n_pfs; i++)
		for (size_t j = 0; r == 0 && j < doctor->inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_vf *vf = &doctor->inventory->pfs[i].vfs[j];
			AUTO_FREE char *path = format_text("%s/dev/vfio/%d",
							   doctor->vp->dirs[VFPOOL_DIR_ROOT],
							   vf->iommu_group);
			char text[VFPOOL_PCI_TEXT];

			if (!path)
				return -ENOMEM;
			vfpool_pci_format(&vf->address, text);
			if (vf->pool && vf->iommu_group >= 0 && vf->driver &&
			    driver_is_vfio(vf->driver) && access(path, F_OK) < 0)
				r = report(
					doctor, VFPOOL_FAULT,
					"'udevadm trigger'; in a container, the host has to hand it in",
					"%s is on %s and there is no /dev/vfio/%d", text,
					vf->driver, vf->iommu_group);
		}
	return r == 0 && report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL,
			      "/dev/vfio/vfio can be opened, and the files of the "
			      "VFs' groups are there") :
		       r;
}

static int check_node(struct doctor *doctor)
{
	AUTO_FREE char *path = format_text("%s/dev/vfio/vfio", doctor->vp->dirs[VFPOOL_DIR_ROOT]);
	struct stat is;

	if (!path)
		return -ENOMEM;
	if (stat(path, &is) < 0)
		return report(
			doctor, doctor->platform.has_vfio ? VFPOOL_FAULT : VFPOOL_SOUND,
			!doctor->platform.has_vfio ?
				NULL :
				"'modprobe vfio'; in a container, the host has to hand /dev/vfio in",
			"there is no /dev/vfio/vfio%s",
			doctor->platform.has_vfio ? "" : ", as vfio isn't there");
	if ((is.st_mode & 0666) != 0666)
		return report(
			doctor, VFPOOL_WARNING,
			"'chmod 666 /dev/vfio/vfio', and no rule of udev that changes it",
			"/dev/vfio/vfio has the mode %03o: who isn't root can't start a guest with a VF. It gives access to "
			"nothing by itself",
			is.st_mode & 0777);
	return check_group_nodes(doctor);
}

static int check_selinux(struct doctor *doctor)
{
	const struct host_platform *platform = &doctor->platform;

	if (platform->selinux_enforces && platform->selinux_denies_sysfs)
		return report(doctor, VFPOOL_WARNING,
			      "'setsebool -P virt_use_sysfs 1' (long ago: virt_manage_sysfs)",
			      "SELinux keeps guests from sysfs, where they look at their VF");
	return report(doctor, VFPOOL_SOUND, NULL, "%s",
		      platform->selinux_enforces ? "SELinux lets guests at their VFs" :
						   "SELinux isn't enforcing");
}

static int check_apparmor(struct doctor *doctor)
{
	AUTO_FREE char *folder = format_text("%s/etc/apparmor.d/libvirt",
					     doctor->vp->dirs[VFPOOL_DIR_ROOT]);
	AUTO_FREE char *template = folder ? format_text("%s/TEMPLATE.qemu", folder) : NULL;

	if (!template)
		return -ENOMEM;
	if (doctor->platform.has_apparmor && access(folder, F_OK) == 0 &&
	    access(template, F_OK) < 0)
		return report(
			doctor, VFPOOL_WARNING, "install libvirt's package again",
			"libvirt's template of a guest's profile is gone, so libvirt can't let a guest at its VF");
	return report(doctor, VFPOOL_SOUND, NULL, "%s",
		      !doctor->platform.has_apparmor ? "AppArmor is off" :
		      access(folder, F_OK) < 0       ? "libvirt has no profiles here" :
						       "libvirt lets a guest at its VF");
}

const struct check platform_checks[] = {
	{ "firmware", "ACPI's tables DMAR and IVRS, /sys/class/iommu, /proc/cpuinfo",
	  check_firmware },
	{ "kernel-line", "/proc/cmdline", check_cmdline },
	{ "groups", "the kernel's /sys/kernel/iommu_groups", check_groups },
	{ "interrupts", "/proc/interrupts, vfio_iommu_type1's allow_unsafe_interrupts",
	  check_interrupts },
	{ "vfio", "the modules vfio-pci and vfio_iommu_type1", check_vfio },
	{ "device-nodes", "/dev/vfio", check_node },
	{ "selinux", "SELinux's /sys/fs/selinux", check_selinux },
	{ "apparmor", "AppArmor's module, /etc/apparmor.d/libvirt", check_apparmor },
	{ 0 },
};
