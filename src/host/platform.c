/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processor, firmware, kernel and its modules, as far as they decide what goes into a guest. */
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <ctype.h>
#include <string.h>

#define FILE_MAX (4 * 1024 * 1024)

/* A file of /proc, "" where it can't be read. NULL: out of memory. */
static char *read_proc(struct host *host, const char *name)
{
	AUTO_FREE char *path = format_text("%s/%s", host->proc, name);
	struct error ignored;
	char *text;

	if (!path)
		return NULL;
	return read_file(path, FILE_MAX, &text, NULL, &ignored) == 0 ? text : strdup("");
}

static int read_processor(struct host *host, struct host_platform *platform)
{
	AUTO_FREE char *text = read_proc(host, "cpuinfo");

	if (!text)
		return -ENOMEM;
	platform->is_intel = strstr(text, "GenuineIntel");
	platform->is_amd = strstr(text, "AuthenticAMD") || strstr(text, "HygonGenuine");
	platform->has_virt = strstr(text, " vmx") || strstr(text, " svm");
	return 0;
}

/* The chips' names: IR-PCI-MSI, IR-IO-APIC, … */
static int read_interrupts(struct host *host, struct host_platform *platform)
{
	AUTO_FREE char *text = read_proc(host, "interrupts");
	char value[8];

	if (!text)
		return -ENOMEM;
	platform->remaps_interrupts = strstr(text, " IR-");
	platform->allows_unsafe_interrupts =
		sysfs_module_parameter(host->sysfs, "vfio_iommu_type1", "allow_unsafe_interrupts", value,
				       sizeof(value)) == 0 && *value == 'Y';
	return 0;
}

static int read_vfio(struct host *host, const char *root, struct host_platform *platform)
{
	struct error why, *const err = host->err;
	int r = 0;

	platform->has_vfio = sysfs_has_driver(host->sysfs, "vfio-pci");
	if (platform->has_vfio)
		return 0;
	host->err = &why;
	r = host_find_module(host, root, "vfio-pci");
	host->err = err;
	platform->has_vfio = r == 0;
	if (r < 0)
		platform->vfio_missing = strdup(why.text);
	return r == 0 || platform->vfio_missing ? 0 : -ENOMEM;
}

static void read_security(struct host *host, struct host_platform *platform)
{
	char text[16];

	platform->selinux_enforces =
		sysfs_read_selinux(host->sysfs, "enforce", text, sizeof(text)) == 0 && *text == '1';
	platform->selinux_denies_sysfs =
		sysfs_read_selinux(host->sysfs, "booleans/virt_use_sysfs", text, sizeof(text)) == 0 &&
		*text == '0';
	platform->has_apparmor =
		sysfs_module_parameter(host->sysfs, "apparmor", "enabled", text, sizeof(text)) == 0 &&
		*text == 'Y';
}

void platform_end(struct host_platform *platform)
{
	free(platform->cmdline);
	free(platform->vfio_missing);
}

int host_read_platform(struct host *host, const char *root, struct host_platform *ret_platform)
{
	struct host_platform platform = {
		.has_table = sysfs_has_acpi_table(host->sysfs, "DMAR") ||
			     sysfs_has_acpi_table(host->sysfs, "IVRS"),
		.n_iommus = sysfs_count_iommus(host->sysfs),
		.n_groups = sysfs_count_groups(host->sysfs),
		.cmdline = read_proc(host, "cmdline"),
	};

	read_security(host, &platform);
	if (!platform.cmdline || read_processor(host, &platform) < 0 ||
	    read_interrupts(host, &platform) < 0 || read_vfio(host, root, &platform) < 0) {
		platform_end(&platform);
		return fail_oom(host->err);
	}
	platform.cmdline[strcspn(platform.cmdline, "\n")] = '\0';
	*ret_platform = platform;
	return 0;
}

/* ---- a daemon ---- */

static bool has_name(struct host *host, const char *pid, const char *const *names, char *name, size_t size)
{
	AUTO_FREE char *path = format_text("%s/comm", pid);
	AUTO_FREE char *comm = path ? read_proc(host, path) : NULL;

	if (!comm)
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	for (; *names; names++)
		if (strcmp(comm, *names) == 0) {
			snprintf(name, size, "%s", comm);
			return true;
		}
	return false;
}

/* From linux/capability.h. */
#define CAP_SYS_RESOURCE 24

static void read_limits(struct host *host, const char *pid, struct host_process *process)
{
	AUTO_FREE char *status = format_text("%s/status", pid), *limits = format_text("%s/limits", pid);
	AUTO_FREE char *text = status ? read_proc(host, status) : NULL;
	const char *at = text ? strstr(text, "CapEff:") : NULL;
	unsigned long long capabilities;

	if (at && sscanf(at, "CapEff: %llx", &capabilities) == 1)
		process->may_raise_limits = capabilities >> CAP_SYS_RESOURCE & 1;
	free(TAKE_PTR(text));
	text = limits ? read_proc(host, limits) : NULL;
	at = text ? strstr(text, "Max locked memory") : NULL;
	process->has_memlock = at && sscanf(at, "Max locked memory %*s %llu", &process->memlock) == 1;
}

/* Its start is told in ticks since the boot. */
static void read_start(struct host *host, const char *pid, struct host_process *process)
{
	AUTO_FREE char *path = format_text("%s/stat", pid);
	AUTO_FREE char *text = path ? read_proc(host, path) : NULL, *boot = read_proc(host, "stat");
	const char *at = text ? strrchr(text, ')') : NULL, *boot_at = boot ? strstr(boot, "btime ") : NULL;
	unsigned long long ticks;
	long long booted;

	if (at && boot_at && sscanf(boot_at, "btime %lld", &booted) == 1 &&
	    sscanf(at, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		   &ticks) == 1)
		process->started = booted + (long long)ticks / sysconf(_SC_CLK_TCK);
}

void host_find_process(struct host *host, const char *const *names, struct host_process *ret_process)
{
	AUTO_CLOSEDIR DIR *dir = opendir(host->proc);
	struct dirent *entry;

	*ret_process = (struct host_process){ 0 };
	while (dir && (entry = readdir(dir))) {
		struct host_process process = { .pid = atoi(entry->d_name) };

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !has_name(host, entry->d_name, names, process.name, sizeof(process.name)))
			continue;
		read_limits(host, entry->d_name, &process);
		read_start(host, entry->d_name, &process);
		*ret_process = process;
		return;
	}
}

/* ---- room for VFs ---- */

/* In a device's list of resources (Documentation/PCI/sysfs-pci.rst): a line each of start, end, flags. */
#define IOV_RESOURCE 7
#define IOV_RESOURCES 6
#define RESOURCE_UNSET 0x20000000ULL /* IORESOURCE_UNSET of linux/ioport.h */

static int find_missing_window(int folder)
{
	char text[4096];
	const char *line = text;

	if (sysfs_read_whole(folder, "resource", text, sizeof(text)) < 0)
		return -1;
	for (int i = 0; line && i < IOV_RESOURCE + IOV_RESOURCES; i++) {
		unsigned long long start, end, flags;

		if (i >= IOV_RESOURCE && sscanf(line, "%llx %llx %llx", &start, &end, &flags) == 3 && flags &&
		    ((flags & RESOURCE_UNSET) || start == 0))
			return i - IOV_RESOURCE;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return -1;
}

/* By the routing ids of its VFs: the first is `offset` after the PF's, each next one `stride` on. */
static void find_buses(struct host *host, int folder, const struct vfpool_pf *pf, unsigned numvfs,
		       struct host_room *room)
{
	AUTO_CLOSE int above = -1;
	long long offset, stride, last;

	if (numvfs == 0 || sysfs_upstream(host->sysfs, &pf->address, &room->bridge) < 0 ||
	    (above = sysfs_open_pci(host->sysfs, &room->bridge)) < 0 ||
	    sysfs_read_number(folder, "sriov_offset", &offset) < 0 ||
	    sysfs_read_number(folder, "sriov_stride", &stride) < 0 ||
	    sysfs_read_number(above, "subordinate_bus_number", &last) < 0)
		return;
	room->max_bus = (unsigned)last;
	room->last_bus = pf->address.bus + (unsigned)((pf->address.device << 3 | pf->address.function) + offset +
						       stride * (numvfs - 1)) / 256;
}

int host_look_for_room(struct host *host, const struct vfpool_pf *pf, unsigned numvfs,
		       struct host_room *ret_room)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	struct host_room room = { .window = -1 };
	long long ari = 0;

	if (folder < 0)
		return fail_errno(host->err, folder, "looking at a PF");
	room.window = find_missing_window(folder);
	find_buses(host, folder, pf, numvfs, &room);
	(void)sysfs_read_number(folder, "ari_enabled", &ari);
	room.ari = ari;
	*ret_room = room;
	return 0;
}
