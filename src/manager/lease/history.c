/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was, and a copy of what is. */
#include "manager/context.h"
#include "manager/open_ledger.h"

/* Fills the filter with the row of the PF of a VF that is there now. */
static int find_vf(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pci *vf,
		   struct ledger_history_filter *filter)
{
	AUTO_HOST struct host host = NO_HOST;
	struct vfpool_pf pf = { .n_vfs = 0 };
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_find_vf(&host, vf, &pf.address, &filter->vf);
	if (r < 0)
		return r;
	r = host_read_pf(&host, &pf.address, HOST_NO_VFS, &pf);
	if (r < 0)
		return r;
	r = ledger_pf(ledger, &pf, false, &filter->pf);
	pf_end(&pf);
	if (r == 0 && !filter->pf)
		filter->pf = -1; /* no such row, so no entry either */
	return r;
}

int vfpool_history(struct vfpool *vp, const struct vfpool_history_filter *filter,
		   struct vfpool_event **ret_events, size_t *ret_n)
{
	struct ledger_history_filter of = { .owner = filter->owner, .since = filter->since };
	struct ledger *ledger;
	int r = open_ledger(vp, LEDGER_READ, &ledger);

	if (r < 0)
		return r;
	if (ledger && filter->vf)
		r = find_vf(vp, ledger, filter->vf, &of);
	if (r < 0)
		return r;
	*ret_events = NULL;
	*ret_n = 0;
	return ledger ? ledger_history(ledger, &of, ret_events, ret_n) : 0;
}

int vfpool_backup(struct vfpool *vp, const char *file, bool force)
{
	struct ledger *ledger;
	int r = open_ledger(vp, LEDGER_READ, &ledger);

	if (r < 0)
		return r;
	if (!ledger)
		return fail(&vp->err, -VFPOOL_ENOTFOUND, "there is no ledger yet in %s",
			    vp->dirs[VFPOOL_DIR_STATE]);
	r = ledger_backup(ledger, file, force);
	return r < 0 ? fail_while(&vp->err, r, "backing up the ledger to %s", file) : 0;
}
