/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which MACs are live on this host: those of its links, and those that its VFs are programmed with. */
#include "host/host.h"
#include "host/rtnl.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <stdio.h>
#include <string.h>

int host_links(struct host *host, struct host_links *ret_links)
{
	int r = rtnl_links(host->nl, ret_links);

	return r < 0 ? fail_errno(host->err, r, "reading the MACs of this host's cards") : 0;
}

/* Reads the MAC of which vfpool has made the GUID, by EUI-64. Returns false when it is none of these. */
static bool read_guid(uint64_t guid, struct vfpool_mac *mac)
{
	if ((guid >> 24 & 0xffff) != 0xfffe)
		return false;
	for (unsigned i = 0; i < 3; i++) {
		mac->byte[i] = (uint8_t)(guid >> (56 - 8 * i));
		mac->byte[3 + i] = (uint8_t)(guid >> (16 - 8 * i));
	}
	return true;
}

/* Reads the MAC that a VF is programmed with. Returns false when it has none. */
static bool read_mac(const struct rtnl_pf *pf, const struct vfpool_settings *is,
		     struct vfpool_mac *mac)
{
	static const struct vfpool_mac zero = { 0 };

	if (pf->is_infiniband)
		return is->have & VFPOOL_ATTR_GUID && read_guid(is->guid, mac);
	*mac = is->mac;
	return is->have & VFPOOL_ATTR_MAC && !vfpool_mac_equal(mac, &zero);
}

static int add_macs(const struct host_link *link, const struct rtnl_pf *pf,
		    struct host_vf_macs *macs)
{
	struct host_vf_mac *grown = reallocarray(macs->list, macs->n + pf->n_vfs + 1,
						 sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	macs->list = grown;
	for (size_t i = 0; i < pf->n_vfs; i++) {
		struct host_vf_mac *mac = &grown[macs->n];

		if (!read_mac(pf, &pf->vfs[i].settings, &mac->mac))
			continue;
		memcpy(mac->pf, link->name, sizeof(mac->pf));
		mac->has_pf_mac = pf->has_mac;
		mac->pf_mac = pf->mac;
		mac->vf = pf->vfs[i].index;
		macs->n++;
	}
	return 0;
}

static void macs_end(struct host_vf_macs *macs)
{
	free(macs->list);
}

int host_vf_macs(struct host *host, const struct host_links *links, struct host_vf_macs *ret_macs,
		 const struct host_link **ret_unread)
{
	CLEANUP(macs_end) struct host_vf_macs macs = { 0 };

	*ret_unread = NULL;
	for (size_t i = 0; i < links->n; i++) {
		const struct host_link *link = &links->list[i];
		CLEANUP(rtnl_pf_end) struct rtnl_pf pf = { 0 };
		int r;

		if (!link->may_have_vfs)
			continue;
		r = rtnl_read_pf(host->nl, link->ifindex, true, &pf);
		if (r == -E_SILENT) /* nor will it tell of the others */
			return fail_errno(host->err, r, "reading the VFs of %s", link->name);
		if (r == -ENODEV || r == -EMSGSIZE)
			continue; /* it has gone, or no kernel can tell of so many VFs */
		if (r == -ENOMEM || (r == 0 && add_macs(link, &pf, &macs) < 0))
			return fail_oom(host->err);
		if (r < 0)
			*ret_unread = link;
	}
	*ret_macs = macs;
	macs.list = NULL;
	return 0;
}

bool host_link_is_vf(struct host *host, const struct host_link *link)
{
	AUTO_CLOSE int folder = sysfs_open_netdev(host->sysfs, link->name);

	return folder >= 0 && sysfs_has(folder, "device/physfn");
}
