/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFs and PFs that nobody is to get, for a while. */
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/inventory.h"
#include "manager/open_ledger.h"

#include "util/name.h"

#include <string.h>

/* Finds the PF, and the VF's index or -1, that a person means. */
static int find_device(struct vfpool *vp, struct host *host, const char *device, int vf,
		       struct vfpool_inventory *inventory, const struct vfpool_pf **ret_pf,
		       int *ret_vf)
{
	struct vfpool_pci address, pf;
	char text[VFPOOL_PCI_TEXT];
	unsigned index;
	int r;

	*ret_vf = vf;
	if (vfpool_pci_parse(device, &address) < 0 || vf >= 0 ||
	    host_find_vf(host, &address, &pf, &index) < 0)
		return inventory_find_pf(vp, inventory, device, ret_pf);
	vfpool_pci_format(&pf, text);
	r = inventory_find_pf(vp, inventory, text, ret_pf);
	if (r < 0)
		return r;
	*ret_vf = (int)index;
	return 0;
}

/* Fills *ret_pf with a PF that isn't there any more. It is known by its permanent MAC alone: another card may be at
 * its address. False: `device` is no MAC. */
static bool name_gone_pf(const char *device, struct vfpool_pf *ret_pf)
{
	*ret_pf = (struct vfpool_pf){ .has_mac = true };
	return vfpool_mac_parse(device, &ret_pf->mac) == 0;
}

/* Holds the PF, or its VF of that index. `is_there`: the PF is there, and gets a row when it has none. */
static int hold_device(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pf *pf,
		       bool is_there, int vf, const char *reason, bool *ret_changed)
{
	AUTO_FREE char *before = NULL;
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	int r = ledger ? ledger_pf(ledger, pf, is_there, &pf_id) : 0;

	if (r < 0)
		return r;
	if (!is_there && !pf_id)
		return fail(&vp->err, -VFPOOL_ENOTFOUND,
			    "neither this host nor its ledger has that PF");
	if (ledger && vf >= 0)
		r = ledger_vf(ledger, pf_id, (unsigned)vf, &row);
	if (r < 0)
		return r;
	if (vf >= 0 && !row.id)
		return fail(&vp->err, -VFPOOL_ENOTFOUND,
			    "VF %d isn't one of a pool that was applied, so nobody gets it anyway",
			    vf);
	if (ledger)
		r = ledger_hold(ledger, pf_id, vf, reason, &before);
	if (r < 0)
		return r;
	*ret_changed = before && reason ? strcmp(before, reason) != 0 : before || reason;
	return 0;
}

/* Tells of networks whose VFs libvirt goes on to give to guests, since it doesn't ask vfpool. */
static void note_networks(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pf *pf,
			  int vf)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	const char *noted = "";
	size_t n = 0;

	if (ledger && ledger_vfs(ledger, NULL, &rows, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;

		if (!vfpool_pci_equal(&rows[i].place.pf, &pf->address) ||
		    strcmp(rows[i].pool, noted) == 0 ||
		    (vf >= 0 && rows[i].place.vf != (unsigned)vf))
			continue;
		noted = rows[i].pool;
		if (definition_load_or_default(vp, noted, &pool) == 0 &&
		    pool->allocate == VFPOOL_BY_LIBVIRT)
			note(vp,
			     "libvirt gives its VFs to guests until 'vfpool network %s --define' has told it",
			     noted);
	}
}

int vfpool_hold(struct vfpool *vp, const char *device, int vf, const char *reason, bool dry_run,
		bool *ret_changed)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(rollback) struct ledger *ledger = NULL;
	AUTO_HOST struct host host = NO_HOST;
	const struct vfpool_pf *pf;
	struct vfpool_pf gone;
	bool is_there;
	int r;

	if (reason && !text_is_visible(reason, false))
		return fail(&vp->err, -EINVAL,
			    "'%s' can't be a reason: UTF-8 without control or invisible "
			    "characters",
			    reason);
	r = check_root(vp, "holding a VF");
	if (r < 0)
		return r;
	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_read_inventory(&host, HOST_NO_VFS, &inventory);
	if (r < 0)
		return r;
	r = find_device(vp, &host, device, vf, inventory, &pf, &vf);
	is_there = r != -VFPOOL_ENOTFOUND || reason || !name_gone_pf(device, &gone);
	if (!is_there)
		pf = &gone;
	else if (r < 0)
		return r;
	r = open_ledger(vp, dry_run ? LEDGER_READ : LEDGER_WRITE, &ledger);
	if (r < 0)
		return r;
	r = ledger ? ledger_begin(ledger) : 0;
	if (r < 0)
		return r;
	r = hold_device(vp, ledger, pf, is_there, vf,
			reason && !*reason ? "no reason given" : reason, ret_changed);
	r = r < 0 || dry_run ? r : ledger_commit(ledger);
	if (r < 0)
		return fail_while(&vp->err, r, "%s %s", reason ? "holding" : "unholding", device);
	if (reason && *ret_changed)
		note_networks(vp, ledger, pf, vf);
	return 0;
}
