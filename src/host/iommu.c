/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU groups: who is in one, and may a guest have it? */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"
#include "util/name.h"

#include <string.h>

void group_end(struct vfpool_group *group)
{
	for (size_t i = 0; i < group->n_devices; i++)
		device_end(&group->devices[i]);
	free(group->devices);
	free(group->type);
	*group = (struct vfpool_group){ 0 };
}

void vfpool_groups_free(struct vfpool_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->n; i++)
		group_end(&groups->list[i]);
	free(groups->list);
	free(groups);
}

DEFINE_CLEANUP(struct vfpool_groups *, cleanup_groups, vfpool_groups_free);

/* Does the driver keep the group from its guest? Those of the kernel don't that have no DMA of their own (driver_managed_dma in struct pci_driver). Before
 * 5.19 it took any driver of a bridge; since then shpchp, for one, keeps a group from its guest. */
static bool is_in_the_way(const char *driver)
{
	return driver && !driver_is_vfio(driver) && strcmp(driver, "pcieport") != 0 &&
	       !driver_is_stub(driver);
}

static int add_device(struct host *host, const struct vfpool_pci *address,
		      struct vfpool_group *group)
{
	struct vfpool_device device, *grown;
	int r = host_read_device(host, address, &device);

	if (r == -VFPOOL_ENOTFOUND) /* gone meanwhile */
		return 0;
	if (r == -ENOMEM)
		return fail_oom(host->err);
	if (r < 0) { /* what can't be known is in the way */
		device = (struct vfpool_device){ .address = *address,
						 .used = strdup("it can't be looked at") };
		if (!device.used)
			return fail_oom(host->err);
	}
	grown = reallocarray(group->devices, group->n_devices + 1, sizeof(*grown));
	if (!grown) {
		device_end(&device);
		return fail_oom(host->err);
	}
	device.is_in_the_way = r < 0 || is_in_the_way(device.driver);
	group->is_viable = group->is_viable && !device.is_in_the_way;
	group->devices = grown;
	group->devices[group->n_devices++] = device;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct vfpool_device *x = a, *y = b;

	return vfpool_pci_compare(&x->address, &y->address);
}

static int read_group(struct host *host, int number, struct vfpool_group *group)
{
	AUTO_CLOSE int folder = sysfs_open_group(host->sysfs, number);
	AUTO_CLOSEDIR DIR *dir = NULL;
	char type[32];
	int r = folder < 0 ? folder : sysfs_list(folder, "devices", &dir);

	if (r < 0)
		return fail_errno(host->err, r, "reading IOMMU group %d", number);
	*group = (struct vfpool_group){ .number = number, .is_viable = true };
	if (sysfs_read(folder, "type", type, sizeof(type)) == 0) {
		group->type = strdup(type);
		if (!group->type)
			return fail_oom(host->err);
	}
	for (struct dirent *entry = readdir(dir); r == 0 && entry; entry = readdir(dir)) {
		struct vfpool_pci address;

		if (vfpool_pci_parse(entry->d_name, &address) == 0)
			r = add_device(host, &address, group);
	}
	if (group->n_devices > 0)
		qsort(group->devices, group->n_devices, sizeof(*group->devices), by_address);
	return r;
}

int host_read_group(struct host *host, int number, struct vfpool_group *ret_group)
{
	struct vfpool_group group = { 0 };
	int r = read_group(host, number, &group);

	if (r < 0)
		group_end(&group);
	else
		*ret_group = group;
	return r;
}

/* Reads a device without a group: where there is no IOMMU every device stands alone, and none can go to a guest. */
static int read_ungrouped(struct host *host, const struct vfpool_pci *address,
			  struct vfpool_group *ret_group)
{
	struct vfpool_group group = { .number = -1 };
	int r = add_device(host, address, &group);

	if (r < 0)
		group_end(&group);
	else
		*ret_group = group;
	return r;
}

/* Finds the number of the device's group, -1: none. VFPOOL_ENOTFOUND: there is no such device. */
static int find_group(struct host *host, const struct vfpool_pci *address, int *ret_number)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, address);
	char text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(address, text);
	if (folder < 0)
		return fail(host->err, -VFPOOL_ENOTFOUND, "this host has no PCI device %s", text);
	*ret_number = device_group(folder);
	return 0;
}

int host_read_group_of(struct host *host, const struct vfpool_pci *address,
		       struct vfpool_group *ret_group)
{
	int number, r = find_group(host, address, &number);

	if (r < 0)
		return r;
	return number < 0 ? read_ungrouped(host, address, ret_group) :
			    host_read_group(host, number, ret_group);
}

/* Reads reserved_regions, which has a line each of start, end and kind; what is "direct" must stay where it is
 * (Documentation/ABI/testing/sysfs-kernel-iommu_groups). */
bool host_group_is_reserved(struct host *host, int number)
{
	AUTO_CLOSE int folder = sysfs_open_group(host->sysfs, number);
	char text[4096];

	return folder >= 0 &&
	       sysfs_read_whole(folder, "reserved_regions", text, sizeof(text)) == 0 &&
	       strstr(text, " direct\n");
}

/* ---- several groups ---- */

static int add_group(struct host *host, struct vfpool_groups *groups, struct vfpool_group *group)
{
	struct vfpool_group *grown = reallocarray(groups->list, groups->n + 1, sizeof(*grown));

	if (!grown) {
		group_end(group);
		return fail_oom(host->err);
	}
	groups->list = grown;
	groups->list[groups->n++] = *group;
	return 0;
}

static bool has_group(const struct vfpool_groups *groups, int number)
{
	for (size_t i = 0; i < groups->n; i++)
		if (number >= 0 && groups->list[i].number == number)
			return true;
	return false;
}

static int add_group_of(struct host *host, const struct vfpool_pci *device,
			struct vfpool_groups *groups)
{
	struct vfpool_group group;
	int number, r = find_group(host, device, &number);

	if (r < 0 || has_group(groups, number))
		return r;
	r = host_read_group_of(host, device, &group);
	return r < 0 ? r : add_group(host, groups, &group);
}

static int add_all_groups(struct host *host, struct vfpool_groups *groups)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	int r = sysfs_list_groups(host->sysfs, &dir);

	if (r < 0)
		return r == -ENOENT ? 0 : fail_errno(host->err, r, "listing the IOMMU groups");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		struct vfpool_group group;
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (end == entry->d_name || *end)
			continue;
		r = host_read_group(host, (int)number, &group);
		if (r == -ENOENT) /* gone meanwhile */
			continue;
		if (r < 0)
			return r;
		r = add_group(host, groups, &group);
		if (r < 0)
			return r;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct vfpool_group *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int host_read_groups(struct host *host, const struct vfpool_pci *devices, size_t n,
		     struct vfpool_groups **ret_groups)
{
	CLEANUP(cleanup_groups) struct vfpool_groups *groups = calloc(1, sizeof(*groups));
	int r;

	if (!groups)
		return fail_oom(host->err);
	r = n == 0 ? add_all_groups(host, groups) : 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_group_of(host, &devices[i], groups);
	if (r < 0)
		return r;
	if (groups->n > 0)
		qsort(groups->list, groups->n, sizeof(*groups->list), by_number);
	*ret_groups = TAKE_PTR(groups);
	return 0;
}

/* ---- a VF's group ---- */

/* Returns the names of the VF's neighbours, those that are in the way or all, "0000:02:00.1 (igb), 0000:02:00.2"; ""
 * for none, NULL: out of memory. */
static char *name_others(const struct vfpool_group *group, const struct vfpool_pci *vf,
			 bool in_the_way)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *separator = "";

	for (size_t i = 0; out && i < group->n_devices; i++) {
		const struct vfpool_device *device = &group->devices[i];
		char address[VFPOOL_PCI_TEXT];

		if (vfpool_pci_equal(&device->address, vf) ||
		    (in_the_way ? !device->is_in_the_way : device->kind != VFPOOL_ENDPOINT))
			continue;
		vfpool_pci_format(&device->address, address);
		fprintf(out, in_the_way ? "%s%s (%s)" : "%s%s", separator, address,
			device->driver ? device->driver : device->used);
		separator = ", ";
	}
	return out && fclose(out) == 0 ? text : NULL;
}

/* Says why a guest can't get the VF of that group, which has others. */
static int judge(const struct vfpool_group *group, struct vfpool_vf *vf)
{
	AUTO_FREE char *blockers = name_others(group, &vf->address, true);
	AUTO_FREE char *others = name_others(group, &vf->address, false);

	if (!blockers || !others)
		return -ENOMEM;
	if (!*blockers && !*others)
		return 0;
	vf->shares_group = !*blockers;
	vf->obstacle =
		*blockers ?
			format_text(
				"IOMMU group %d also has %s, which would have to lose that driver",
				group->number, blockers) :
			format_text("IOMMU group %d also has %s: one guest gets them all",
				    group->number, others);
	return vf->obstacle ? 0 : -ENOMEM;
}

/* Has the group one device, as most have? Then there is nothing to read. */
static bool is_alone(struct host *host, int number)
{
	AUTO_CLOSE int folder = sysfs_open_group(host->sysfs, number);
	AUTO_CLOSEDIR DIR *dir = NULL;
	int n = 0;

	if (folder < 0 || sysfs_list(folder, "devices", &dir) < 0)
		return true;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += entry->d_name[0] != '.';
	return n <= 1;
}

/* Is the PF in that group? A whole card without ACS is in one: to know it, none of its devices need be looked at. */
static bool has_pf(struct host *host, int number, const struct vfpool_pci *pf)
{
	AUTO_CLOSE int folder = sysfs_open_group(host->sysfs, number);
	char path[sizeof("devices/") + VFPOOL_PCI_TEXT] = "devices/";

	vfpool_pci_format(pf, path + strlen(path));
	return folder >= 0 && sysfs_has(folder, path);
}

/* Fills the VF's `obstacle` and `shares_group`. `group` is the one that was read last, -1: none was; it becomes the VF's
 * own when that is read. */
static int judge_vf(struct host *host, const struct vfpool_pf *pf, struct vfpool_vf *vf,
		    struct vfpool_group *group)
{
	int r;

	free(TAKE_PTR(vf->obstacle));
	vf->shares_group = false;
	if (vf->iommu_group < 0) {
		vf->obstacle = strdup("it is in no IOMMU group: 'vfpool doctor' says why");
		return vf->obstacle ? 0 : fail_oom(host->err);
	}
	if (vf->iommu_group != group->number && is_alone(host, vf->iommu_group))
		return 0;
	if (has_pf(host, vf->iommu_group, &pf->address)) {
		vf->obstacle = format_text(
			"IOMMU group %d also has its PF: no ACS above the card keeps them apart",
			vf->iommu_group);
		return vf->obstacle ? 0 : fail_oom(host->err);
	}
	if (vf->iommu_group != group->number) {
		group_end(group);
		group->number = -1; /* 0 is one, and not read */
		r = host_read_group(host, vf->iommu_group, group);
		if (r < 0)
			return r == -ENOENT ? 0 : r; /* gone meanwhile */
	}
	return judge(group, vf) < 0 ? fail_oom(host->err) : 0;
}

int host_judge_vfs(struct host *host, struct vfpool_pf *pf)
{
	CLEANUP(group_end) struct vfpool_group group = { .number = -1 };

	for (size_t i = 0; i < pf->n_vfs; i++) {
		int r = judge_vf(host, pf, &pf->vfs[i], &group);

		if (r < 0)
			return r;
	}
	return 0;
}
