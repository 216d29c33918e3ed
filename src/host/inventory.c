/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All PFs of the host, those that can't be looked at among them. */
#include "host/device.h"
#include "host/devlink.h"
#include "host/host.h"
#include "host/nlsock.h"
#include "host/pf.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <string.h>

void vfpool_inventory_free(struct vfpool_inventory *inventory)
{
	if (!inventory)
		return;
	for (size_t i = 0; i < inventory->n_pfs; i++)
		pf_end(&inventory->pfs[i]);
	for (size_t i = 0; i < inventory->n_unread; i++) {
		free(inventory->unread[i].netdev);
		free(inventory->unread[i].why);
	}
	free(inventory->pfs);
	free(inventory->unread);
	free(inventory);
}

DEFINE_CLEANUP(struct vfpool_inventory *, cleanup_inventory, vfpool_inventory_free);

/* Compares PFs: network cards come first, then it goes by address. */
static int by_address(const void *a, const void *b)
{
	const struct vfpool_pf *x = a, *y = b;

	return x->is_network != y->is_network ? (x->is_network ? -1 : 1) :
						vfpool_pci_compare(&x->address, &y->address);
}

static int by_unread_address(const void *a, const void *b)
{
	const struct vfpool_unread_pf *x = a, *y = b;

	return vfpool_pci_compare(&x->address, &y->address);
}

/* Adds the PF, which can't be read, as host->err says. */
static int add_unread(struct host *host, const struct vfpool_pci *address,
		      struct vfpool_inventory *inventory)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, address);
	struct vfpool_unread_pf *grown, *pf;

	grown = reallocarray(inventory->unread, inventory->n_unread + 1, sizeof(*grown));
	if (!grown)
		return fail_oom(host->err);
	inventory->unread = grown;
	pf = &grown[inventory->n_unread++];
	*pf = (struct vfpool_unread_pf){ .address = *address, .why = strdup(host->err->text) };
	if (folder >= 0)
		(void)device_netdev(folder, &pf->netdev);
	return pf->why ? 0 : fail_oom(host->err);
}

static int add_pf(struct host *host, const struct vfpool_pci *address, int which,
		  struct vfpool_inventory *inventory)
{
	struct vfpool_pf pf = { 0 }, *grown;
	int r = pf_read(host, address, which, &pf);

	if (r < 0 || pf.totalvfs == 0) { /* or it is no PF */
		pf_end(&pf);
		return r == -ENOMEM                        ? fail_oom(host->err) :
		       r < 0 && pf_is_there(host, address) ? add_unread(host, address, inventory) :
							     0;
	}
	grown = reallocarray(inventory->pfs, inventory->n_pfs + 1, sizeof(*grown));
	if (!grown) {
		pf_end(&pf);
		return fail_oom(host->err);
	}
	inventory->pfs = grown;
	inventory->pfs[inventory->n_pfs++] = pf;
	return 0;
}

int host_read_inventory(struct host *host, int which, struct vfpool_inventory **ret_inventory)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_CLOSEDIR DIR *dir = NULL;
	int r;

	inventory = calloc(1, sizeof(*inventory));
	if (!inventory)
		return fail_oom(host->err);
	r = sysfs_list_pci(host->sysfs, &dir);
	if (r < 0 && r != -ENOENT)
		return fail_errno(host->err, r, "listing the PCI devices");
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		struct vfpool_pci address;

		if (vfpool_pci_parse(entry->d_name, &address) < 0)
			continue;
		r = add_pf(host, &address, which, inventory);
		if (r < 0)
			return r;
	}
	if (inventory->n_pfs > 0)
		qsort(inventory->pfs, inventory->n_pfs, sizeof(*inventory->pfs), by_address);
	if (inventory->n_unread > 0)
		qsort(inventory->unread, inventory->n_unread, sizeof(*inventory->unread),
		      by_unread_address);
	*ret_inventory = TAKE_PTR(inventory);
	return 0;
}

void host_read_eswitch(struct vfpool_inventory *inventory)
{
	struct nlsock *generic;
	uint16_t family = 0;

	if (nlsock_open(NETLINK_GENERIC, &generic) < 0)
		return;
	if (devlink_family(generic, &family) < 0)
		family = 0;
	for (size_t i = 0; family && i < inventory->n_pfs; i++) {
		const char *mode = devlink_eswitch(generic, family, &inventory->pfs[i].address);

		if (mode)
			inventory->pfs[i].eswitch = strdup(mode);
	}
	nlsock_close(generic);
}

/* Does the definition mean it, as far as it can be told of a PF that can't be asked? */
static bool is_meant(const struct vfpool_pool_pf *want, const struct vfpool_pci *address,
		     const char *netdev)
{
	return (want->by == VFPOOL_PF_BY_ADDRESS && vfpool_pci_equal(&want->address, address)) ||
	       (want->by == VFPOOL_PF_BY_DEV && netdev && strcmp(want->dev, netdev) == 0);
}

bool vfpool_may_be_unread(const struct vfpool_inventory *inventory,
			  const struct vfpool_pool_pf *want)
{
	for (size_t i = 0; i < inventory->n_unread; i++)
		if (want->by == VFPOOL_PF_BY_MAC ||
		    is_meant(want, &inventory->unread[i].address, inventory->unread[i].netdev))
			return true;
	return false;
}

int host_fail_unread(struct error *err, const struct vfpool_unread_pf *pf)
{
	char address[VFPOOL_PCI_TEXT];

	vfpool_pci_format(&pf->address, address);
	return fail(err, -E_UNREAD, "the PF %s%s%s%s can't be looked at: %s",
		    pf->netdev ? pf->netdev : "", pf->netdev ? " (" : "", address,
		    pf->netdev ? ")" : "", pf->why);
}

/* Says why the PF is missing when that is because it can't be looked at; *ret_r is the error then. Returns false
 * when it isn't. */
static bool explain_unread(struct host *host, const struct vfpool_pool_pf *want, int *ret_r)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;

	if (host_read_inventory(host, HOST_ALL_VFS, &inventory) < 0)
		return false;
	for (size_t i = 0; i < inventory->n_unread; i++) {
		const struct vfpool_unread_pf *pf = &inventory->unread[i];

		if (!is_meant(want, &pf->address, pf->netdev) && want->by != VFPOOL_PF_BY_MAC)
			continue;
		*ret_r = host_fail_unread(host->err, pf);
		if (want->by == VFPOOL_PF_BY_MAC)
			fail_while(host->err, *ret_r, "no PF that answers has that permanent MAC");
		return true;
	}
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (is_meant(want, &inventory->pfs[i].address, inventory->pfs[i].netdev)) {
			*ret_r = fail(host->err, -EAGAIN,
				      "the PF couldn't be looked at a moment ago, and can be now");
			return true;
		}
	return false;
}

int host_explain_missing(struct host *host, const struct vfpool_pool_pf *want)
{
	char address[VFPOOL_PCI_TEXT], mac[VFPOOL_MAC_TEXT];
	AUTO_CLOSE int fd = -1;
	int r;

	if (explain_unread(host, want, &r))
		return r;
	switch (want->by) {
	case VFPOOL_PF_BY_DEV:
		fd = sysfs_open_netdev(host->sysfs, want->dev);
		if (fd >= 0)
			return fail(
				host->err, -VFPOOL_ENOTFOUND,
				"%s has no SR-IOV: its device has no sriov_totalvfs, or it is 0 "
				"(the card can't, the firmware has it off, or its driver isn't loaded)",
				want->dev);
		return fail(host->err, -VFPOOL_ENOTFOUND,
			    "this host has no network device %s; 'vfpool list' shows its PFs",
			    want->dev);
	case VFPOOL_PF_BY_ADDRESS:
		vfpool_pci_format(&want->address, address);
		fd = sysfs_open_pci(host->sysfs, &want->address);
		if (fd >= 0)
			return fail(host->err, -VFPOOL_ENOTFOUND,
				    "%s has no SR-IOV: no sriov_totalvfs, or it is 0", address);
		return fail(host->err, -VFPOOL_ENOTFOUND,
			    "this host has no PCI device %s; 'vfpool list' shows its PFs", address);
	case VFPOOL_PF_BY_MAC:
		break;
	}
	vfpool_mac_format(&want->mac, mac);
	return fail(host->err, -VFPOOL_ENOTFOUND,
		    "no PF of this host has the permanent MAC %s; 'vfpool list' shows its PFs",
		    mac);
}
