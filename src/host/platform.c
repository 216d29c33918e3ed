/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processor, firmware, kernel and its modules, as far as they decide what goes into a guest. */
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <ctype.h>
#include <string.h>

#define FILE_MAX (64 * 1024)

/* Reads a file of /proc. Returns its text, "" where it can't be read, NULL: out of memory. */
static char *read_proc(struct host *host, const char *name)
{
	AUTO_FREE char *path = format_text("%s/%s", host->proc, name);
	struct error ignored;
	char *text;

	if (!path)
		return NULL;
	return read_file(path, FILE_MAX, &text, NULL, &ignored) == 0 ? text : strdup("");
}

/* Calls `fn` for the lines of a file of /proc, which may be long, until it says that this is enough. False:
 * it can't be read. */
static bool each_line(struct host *host, const char *name,
		      bool (*fn)(struct host_platform *platform, const char *line),
		      struct host_platform *platform)
{
	AUTO_FREE char *path = format_text("%s/%s", host->proc, name), *line = NULL;
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t size = 0;

	if (!file)
		return false;
	while (getline(&line, &size, file) > 0 && !fn(platform, line))
		;
	fclose(file);
	return true;
}

static bool take_processor(struct host_platform *platform, const char *line)
{
	if (strncmp(line, "vendor_id", 9) == 0) {
		platform->is_x86 = true; /* only there it's called so */
		platform->is_intel = strstr(line, "GenuineIntel");
		platform->is_amd = strstr(line, "AuthenticAMD") || strstr(line, "HygonGenuine");
	} else if (strncmp(line, "flags", 5) == 0) {
		platform->has_virt = strstr(line, " vmx") || strstr(line, " svm");
	}
	return *line == '\n'; /* the others are alike */
}

/* Looks for the names of chips that remap: IR-PCI-MSI, IR-IO-APIC, and in a virtual machine also vIR-PCI-MSI. */
static bool take_interrupt(struct host_platform *platform, const char *line)
{
	platform->remaps_interrupts = strstr(line, " IR-") || strstr(line, " vIR-");
	return platform->remaps_interrupts;
}

static void read_interrupts(struct host *host, struct host_platform *platform)
{
	char value[8];

	platform->knows_interrupts = each_line(host, "interrupts", take_interrupt, platform);
	platform->allows_unsafe_interrupts = sysfs_module_parameter(host->sysfs, "vfio_iommu_type1",
								    "allow_unsafe_interrupts",
								    value, sizeof(value)) == 0 &&
					     *value == 'Y';
}

/* Checks that vfio-pci is there, and what maps a guest's memory for it. */
static int find_vfio(struct host *host, const char *root, bool is_x86)
{
	int r = sysfs_has_driver(host->sysfs, "vfio-pci") ?
			0 :
			host_find_module(host, root, "vfio-pci");

	if (r < 0 || !is_x86 || sysfs_has_module(host->sysfs, "vfio_iommu_type1"))
		return r;
	return host_find_module(host, root, "vfio_iommu_type1");
}

/* Reads whether the platform has vfio, or else why not. */
static int read_vfio(struct host *host, const char *root, struct host_platform *platform)
{
	struct error why, *const err = host->err;
	int r;

	host->err = &why;
	r = find_vfio(host, root, platform->is_x86);
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
	platform->selinux_denies_sysfs = sysfs_read_selinux(host->sysfs, "booleans/virt_use_sysfs",
							    text, sizeof(text)) == 0 &&
					 *text == '0';
	platform->has_apparmor = sysfs_module_parameter(host->sysfs, "apparmor", "enabled", text,
							sizeof(text)) == 0 &&
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
		.has_dmar = sysfs_has_acpi_table(host->sysfs, "DMAR"),
		.has_ivrs = sysfs_has_acpi_table(host->sysfs, "IVRS"),
		.n_iommus = sysfs_count_iommus(host->sysfs),
		.n_groups = sysfs_count_groups(host->sysfs),
		.cmdline = read_proc(host, "cmdline"),
	};

	each_line(host, "cpuinfo", take_processor, &platform);
	read_interrupts(host, &platform);
	read_security(host, &platform);
	if (!platform.cmdline || read_vfio(host, root, &platform) < 0) {
		platform_end(&platform);
		return fail_oom(host->err);
	}
	platform.cmdline[strcspn(platform.cmdline, "\n")] = '\0';
	*ret_platform = platform;
	return 0;
}

/* ---- a daemon ---- */

/* Is the process root's? Another user's may have that name too. */
static bool is_roots(struct host *host, const char *pid)
{
	AUTO_FREE char *path = format_text("%s/status", pid);
	AUTO_FREE char *text = path ? read_proc(host, path) : NULL;
	const char *at = text ? strstr(text, "Uid:") : NULL;
	unsigned uid;

	return at && sscanf(at, "Uid: %u", &uid) == 1 && uid == 0;
}

static bool has_name(struct host *host, const char *pid, const char *const *names, char *name,
		     size_t size)
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
	AUTO_FREE char *status = format_text("%s/status", pid),
		       *limits = format_text("%s/limits", pid);
	AUTO_FREE char *text = status ? read_proc(host, status) : NULL;
	const char *at = text ? strstr(text, "CapEff:") : NULL;
	unsigned long long capabilities;

	if (at && sscanf(at, "CapEff: %llx", &capabilities) == 1)
		process->may_raise_limits = capabilities >> CAP_SYS_RESOURCE & 1;
	free(TAKE_PTR(text));
	text = limits ? read_proc(host, limits) : NULL;
	at = text ? strstr(text, "Max locked memory") : NULL;
	process->has_memlock = at &&
			       sscanf(at, "Max locked memory %*s %llu", &process->memlock) == 1;
}

/* Reads when the process started, which is told in ticks since the boot. */
static void read_start(struct host *host, const char *pid, struct host_process *process)
{
	AUTO_FREE char *path = format_text("%s/stat", pid);
	AUTO_FREE char *text = path ? read_proc(host, path) : NULL, *boot = read_proc(host, "stat");
	const char *at = text ? strrchr(text, ')') : NULL,
		   *boot_at = boot ? strstr(boot, "btime ") : NULL;
	unsigned long long ticks;
	long long booted;

	if (at && boot_at && sscanf(boot_at, "btime %lld", &booted) == 1 &&
	    sscanf(at,
		   ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		   &ticks) == 1)
		process->started = booted + (long long)ticks / sysconf(_SC_CLK_TCK);
}

void host_find_process(struct host *host, const char *const *names,
		       struct host_process *ret_process)
{
	AUTO_CLOSEDIR DIR *dir = opendir(host->proc);

	*ret_process = (struct host_process){ 0 };
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		struct host_process process = { .pid = atoi(entry->d_name) };

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !has_name(host, entry->d_name, names, process.name, sizeof(process.name)) ||
		    !is_roots(host, entry->d_name))
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

/* Returns the VFs' first BAR without memory, -1: none. One that the kernel found no place for it may have taken away
 * whole; a VF has at least one. */
static int find_missing_window(int folder)
{
	unsigned long long start, end, flags;
	char text[4096];
	const char *line = text;
	int n = 0;

	if (sysfs_read_whole(folder, "resource", text, sizeof(text)) < 0)
		return -1;
	for (int i = 0; line && i < IOV_RESOURCE + IOV_RESOURCES; i++) {
		if (i >= IOV_RESOURCE &&
		    sscanf(line, "%llx %llx %llx", &start, &end, &flags) == 3 && flags) {
			if ((flags & RESOURCE_UNSET) || start == 0)
				return i - IOV_RESOURCE;
			n++;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return n == 0 ? 0 : -1;
}

/* Finds the last bus that the PF's VFs are on, by their routing ids: the first is `offset` after the PF's, each next one `stride` on. */
static void find_buses(struct host *host, int folder, const struct vfpool_pf *pf, unsigned numvfs,
		       struct host_room *room)
{
	AUTO_CLOSE int above = -1;
	long long offset, stride, last;

	if (numvfs == 0 || sysfs_upstream(host->sysfs, &pf->address, &room->bridge) < 0)
		return;
	above = sysfs_open_pci(host->sysfs, &room->bridge);
	if (above < 0 || sysfs_read_number(folder, "sriov_offset", &offset) < 0 ||
	    sysfs_read_number(folder, "sriov_stride", &stride) < 0 ||
	    sysfs_read_number(above, "subordinate_bus_number", &last) < 0 ||
	    (stride == 0 && numvfs > 1))
		return;
	room->max_bus = (unsigned)last;
	room->last_bus = pf->address.bus +
			 (unsigned)((pf->address.device << 3 | pf->address.function) + offset +
				    stride * (numvfs - 1)) /
				 256;
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
