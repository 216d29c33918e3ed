/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One PF and its VFs, as sysfs and netlink show them. */
#include "host/pf.h"
#include "host/device.h"
#include "host/host.h"
#include "host/rtnl.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/name.h"

#include <string.h>

static void vf_end(struct vfpool_vf *vf)
{
	free(vf->netdev);
	free(vf->driver);
	free(vf->driver_override);
	free(vf->obstacle);
	free(vf->busy);
	free(vf->pool);
	free(vf->owner);
	free(vf->held);
}

static void free_altnames(struct vfpool_pf *pf)
{
	for (size_t i = 0; i < pf->n_altnames; i++)
		free(pf->altnames[i]);
	free(pf->altnames);
	pf->altnames = NULL;
	pf->n_altnames = 0;
}

static void free_vfs(struct vfpool_pf *pf)
{
	for (size_t i = 0; i < pf->n_vfs; i++)
		vf_end(&pf->vfs[i]);
	free(pf->vfs);
	pf->vfs = NULL;
	pf->n_vfs = 0;
}

void pf_end(struct vfpool_pf *pf)
{
	free_vfs(pf);
	free_altnames(pf);
	free(pf->netdev);
	free(pf->vendor_name);
	free(pf->device_name);
	free(pf->driver);
	free(pf->eswitch);
	free(pf->refusals);
	*pf = (struct vfpool_pf){ 0 };
}

static void read_seen_mac(int folder, struct vfpool_vf *vf)
{
	char path[160], text[64];

	snprintf(path, sizeof(path), "net/%s/address", vf->netdev);
	vf->has_seen_mac = sysfs_read(folder, path, text, sizeof(text)) == 0 &&
			   vfpool_mac_parse(text, &vf->seen_mac) == 0;
}

/* Is the VF's driver just being tried? When a driver's module comes, the kernel tries it with every VF, which names it for a moment even
 * where autoprobe is off, so that it isn't taken: that is nobody's use of the VF. */
static bool is_being_tried(struct host *host, const struct vfpool_pf *pf,
			   const struct vfpool_vf *vf)
{
	if (!vf->driver || driver_is_vfio(vf->driver) || vf->netdev || vf->driver_override ||
	    pf->autoprobe || host->glances == 0)
		return false;
	host->glances--;
	return true;
}

static int read_driver(struct host *host, const struct vfpool_pf *pf, int folder,
		       struct vfpool_vf *vf)
{
	for (;;) {
		int r = device_link_name(folder, "driver", &vf->driver);

		if (r < 0)
			return r;
		r = device_netdev(folder, &vf->netdev);
		if (r < 0 || !is_being_tried(host, pf, vf))
			return r;
		rest_ms(GLANCE_MS);
		free(TAKE_PTR(vf->driver));
	}
}

static int try_vf(struct host *host, const struct vfpool_pf *pf, struct vfpool_vf *vf)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &vf->address);
	int r;

	if (folder < 0)
		return folder;
	vf->iommu_group = device_group(folder);
	r = device_override(folder, &vf->driver_override);
	if (r < 0)
		return r;
	r = read_driver(host, pf, folder, vf);
	if (r < 0)
		return r;
	if (vf->netdev)
		read_seen_mac(folder, vf);
	return host_vf_busy(host, pf, folder, vf);
}

/* Reads the VF at its address. What can't be known counts as busy. -ENOENT, -ENODEV: it isn't there any more. */
static int read_vf(struct host *host, const struct vfpool_pf *pf, struct vfpool_vf *vf)
{
	int r = try_vf(host, pf, vf);

	if (r == 0 || r == -ENOENT || r == -ENODEV || r == -ENOMEM)
		return r;
	vf->holder = VFPOOL_HELD_BY_UNKNOWN;
	vf->busy = format_text("it can't be looked at: %s", strerror(-r));
	return vf->busy ? 0 : -ENOMEM;
}

int host_look_again(struct host *host, const struct vfpool_pf *pf, unsigned vf, char **ret_busy)
{
	const struct vfpool_vf *known = vfpool_find_vf(pf, vf);
	struct vfpool_vf fresh = { .index = vf };
	int r;

	if (!known)
		return -ENOENT;
	fresh.address = known->address;
	r = read_vf(host, pf, &fresh);
	if (r == 0)
		*ret_busy = TAKE_PTR(fresh.busy);
	vf_end(&fresh);
	return r;
}

static int by_index(const void *a, const void *b)
{
	const struct vfpool_vf *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* Lists the VFs by the PF's virtfnN links: sriov_numvfs blocks its readers for as
 * long as somebody writes it. */
static int list_vfs(int folder, struct vfpool_pf *pf)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	int r = sysfs_list(folder, ".", &dir);

	if (r < 0)
		return r;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		struct vfpool_vf vf = { 0 }, *grown;
		char address[VFPOOL_PCI_TEXT], *end;

		if (strncmp(entry->d_name, "virtfn", 6) != 0)
			continue;
		vf.index = (unsigned)strtoul(entry->d_name + 6, &end, 10);
		if (*end || end == entry->d_name + 6)
			continue;
		r = sysfs_read_link(folder, entry->d_name, address, sizeof(address));
		if (r < 0 || vfpool_pci_parse(address, &vf.address) < 0)
			continue; /* gone meanwhile */
		grown = reallocarray(pf->vfs, pf->n_vfs + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pf->vfs = grown;
		pf->vfs[pf->n_vfs++] = vf;
	}
	if (pf->n_vfs > 0)
		qsort(pf->vfs, pf->n_vfs, sizeof(*pf->vfs), by_index);
	return 0;
}

/* Finds just the one VF, so that looking at it costs the same on every PF. */
static int find_vf(int folder, unsigned index, struct vfpool_pf *pf)
{
	char link[32], address[VFPOOL_PCI_TEXT];
	int r;

	snprintf(link, sizeof(link), "virtfn%u", index);
	r = sysfs_read_link(folder, link, address, sizeof(address));
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	pf->vfs = calloc(1, sizeof(*pf->vfs));
	if (!pf->vfs)
		return -ENOMEM;
	pf->n_vfs = 1;
	pf->vfs[0].index = index;
	return vfpool_pci_parse(address, &pf->vfs[0].address);
}

static int read_vfs(struct host *host, int folder, int which, struct vfpool_pf *pf)
{
	int r = which == HOST_NO_VFS  ? 0 :
		which == HOST_ALL_VFS ? list_vfs(folder, pf) :
					find_vf(folder, (unsigned)which, pf);

	for (size_t i = 0; r == 0 && i < pf->n_vfs; i++) {
		r = read_vf(host, pf, &pf->vfs[i]);
		if (r == -ENOENT || r == -ENODEV) { /* gone meanwhile */
			vf_end(&pf->vfs[i]);
			memmove(&pf->vfs[i], &pf->vfs[i + 1], (--pf->n_vfs - i) * sizeof(*pf->vfs));
			i--;
			r = 0;
		}
	}
	return r;
}

/* Takes what the VFs are programmed with. Both lists are by index; one VF may be asked for alone. */
static void take_settings(struct vfpool_pf *pf, const struct rtnl_pf *link)
{
	size_t i = 0;

	for (size_t j = 0; j < pf->n_vfs; j++) {
		while (i < link->n_vfs && link->vfs[i].index < pf->vfs[j].index)
			i++;
		if (i < link->n_vfs && link->vfs[i].index == pf->vfs[j].index)
			pf->vfs[j].programmed = link->vfs[i].settings;
	}
}

/* Asks what only netlink tells. A PF without netdev here has none of it. */
static int ask_kernel(struct host *host, int folder, bool with_vfs, struct vfpool_pf *pf)
{
	struct rtnl_pf link = { 0 };
	long long ifindex;
	char path[160];
	int r;

	if (!pf->ifindex) {
		snprintf(path, sizeof(path), "net/%s/ifindex", pf->netdev);
		r = sysfs_read_number(folder, path, &ifindex);
		if (r < 0)
			return r;
		pf->ifindex = (int)ifindex;
	}
	r = rtnl_read_pf(host->nl, pf->ifindex, with_vfs, &link);
	if (r == -EMSGSIZE) /* the VFs don't fit the kernel's reply: their settings stay unknown */
		r = rtnl_read_pf(host->nl, pf->ifindex, false, &link);
	if (r < 0)
		return r;
	pf->up = link.up;
	pf->carrier = link.carrier;
	pf->is_infiniband = link.is_infiniband;
	pf->has_mac = link.has_mac;
	pf->mac = link.mac;
	free_altnames(pf);
	pf->altnames = TAKE_PTR(link.altnames);
	pf->n_altnames = link.n_altnames;
	link.n_altnames = 0;
	take_settings(pf, &link);
	rtnl_pf_end(&link);
	return 0;
}

/* Asks the kernel about the PF's netdev, if it has one. It may be renamed, or go, between two looks: the second counts. */
static int ask_about_netdev(struct host *host, int folder, bool with_vfs, struct vfpool_pf *pf)
{
	int r = pf->netdev ? ask_kernel(host, folder, with_vfs, pf) : 0;

	for (int looks = 0; (r == -ENODEV || r == -ENOENT) && looks < 2; looks++) {
		free(TAKE_PTR(pf->netdev));
		pf->ifindex = 0;
		r = device_netdev(folder, &pf->netdev);
		if (r < 0 || !pf->netdev)
			continue;
		r = ask_kernel(host, folder, with_vfs, pf);
	}
	return r;
}

static int read_numbers(struct host *host, int folder, struct vfpool_pf *pf)
{
	long long totalvfs, autoprobe = 1, vendor = 0, device = 0, node = -1, class = 0;
	int r = sysfs_read_number(folder, "sriov_totalvfs", &totalvfs);

	if (r < 0)
		return fail_errno(host->err, r, "its sriov_totalvfs can't be read");
	if (totalvfs < 0 || totalvfs > UINT16_MAX)
		return fail_errno(host->err, -ERANGE, "its sriov_totalvfs can't be read");
	/* Not every kernel has these. */
	(void)sysfs_read_number(folder, "sriov_drivers_autoprobe", &autoprobe);
	(void)sysfs_read_number(folder, "vendor", &vendor);
	(void)sysfs_read_number(folder, "device", &device);
	(void)sysfs_read_number(folder, "numa_node", &node);
	(void)sysfs_read_number(folder, "class", &class);
	pf->is_network = is_network_class((unsigned)class);
	pf->totalvfs = (unsigned)totalvfs;
	pf->autoprobe = autoprobe != 0;
	pf->vendor = (uint16_t)vendor;
	pf->device = (uint16_t)device;
	pf->numa_node = (int)node;
	return 0;
}

/* Reads the names of the PF's driver and netdev. */
static int read_names(int folder, struct vfpool_pf *pf)
{
	int r = device_link_name(folder, "driver", &pf->driver);

	return r < 0 ? r : device_netdev(folder, &pf->netdev);
}

int pf_read(struct host *host, const struct vfpool_pci *address, int which, struct vfpool_pf *pf)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, address);
	int r;

	if (folder < 0)
		return folder;
	pf->address = *address;
	r = read_numbers(host, folder, pf);
	if (r < 0)
		return r;
	r = read_names(folder, pf);
	if (r < 0)
		return fail_errno(host->err, r, "its driver and netdev can't be read");
	r = read_vfs(host, folder, which, pf);
	if (r < 0)
		return fail_errno(host->err, r, "its VFs can't be read");
	r = ask_about_netdev(host, folder, which != HOST_NO_VFS, pf);
	return r < 0 ? fail_errno(host->err, r, "the kernel doesn't tell of %s",
				  pf_name(pf, "its netdev")) :
		       0;
}

bool pf_is_there(struct host *host, const struct vfpool_pci *address)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, address);

	return folder >= 0 && sysfs_has(folder, "sriov_totalvfs");
}

int host_read_pf(struct host *host, const struct vfpool_pci *address, int which,
		 struct vfpool_pf *ret_pf)
{
	char text[VFPOOL_PCI_TEXT];
	struct vfpool_pf pf = { 0 };
	int r = pf_read(host, address, which, &pf);

	if (r == 0) {
		*ret_pf = pf;
		return 0;
	}
	pf_end(&pf);
	vfpool_pci_format(address, text);
	if (!pf_is_there(host, address))
		return fail(host->err, -VFPOOL_ENOTFOUND, "there is no PF %s", text);
	return fail_while(host->err, r == -ENOMEM ? r : -E_UNREAD, "reading the PF %s", text);
}

/* Has the PF that MAC: its permanent one as the kernel tells it, or else the one that it goes by now? */
static bool has_pf_mac(struct host *host, int folder, const struct vfpool_mac *mac)
{
	struct vfpool_pf pf = { 0 };
	struct vfpool_mac now;
	char path[160], text[64];
	bool has = false;

	if (device_netdev(folder, &pf.netdev) == 0 && pf.netdev) {
		snprintf(path, sizeof(path), "net/%s/address", pf.netdev);
		if (ask_kernel(host, folder, false, &pf) == 0)
			has = pf.has_mac && vfpool_mac_equal(&pf.mac, mac);
		else
			has = sysfs_read(folder, path, text, sizeof(text)) == 0 &&
			      vfpool_mac_parse(text, &now) == 0 && vfpool_mac_equal(&now, mac);
	}
	pf_end(&pf);
	return has;
}

bool host_find_vf_address(struct host *host, const struct vfpool_pci *pf,
			  const struct vfpool_mac *pf_mac, unsigned vf,
			  struct vfpool_pci *ret_address)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, pf);
	char link[32], address[VFPOOL_PCI_TEXT];

	snprintf(link, sizeof(link), "virtfn%u", vf);
	return folder >= 0 && (!pf_mac || has_pf_mac(host, folder, pf_mac)) &&
	       sysfs_read_link(folder, link, address, sizeof(address)) == 0 &&
	       vfpool_pci_parse(address, ret_address) == 0;
}
