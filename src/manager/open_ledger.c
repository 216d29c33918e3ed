/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger, which stays open in the context. */
#include "manager/open_ledger.h"
#include "manager/ledger_doubt.h"

void open_ledger_tell_doubt(struct vfpool *vp)
{
	if (vp->doubt.text[0] && !vp->doubt_is_told)
		note(vp, "%s", vp->doubt.text);
	vp->doubt_is_told = true;
}

/* Judges the ledger, once. Whoever reads one by which the VFs aren't given out is told; whoever changes it is
 * refused, so that no VF, MAC or lease number goes to two. */
static int trust_ledger(struct vfpool *vp, enum ledger_mode mode)
{
	int r = vp->ledger_is_judged ? 0 : ledger_doubt_judge(vp, vp->ledger);

	if (r < 0)
		return mode == LEDGER_READ ? 0 : r;
	vp->ledger_is_judged = true;
	if (!vp->doubt.text[0])
		return 0;
	if (mode == LEDGER_READ) {
		open_ledger_tell_doubt(vp);
		return 0;
	}
	return vp->accept_ledger ?
		       0 :
		       fail(&vp->err, -VFPOOL_ELEDGER,
			    "%s; nothing was changed. 'vfpool restore FILE' puts a backup in its place, and "
			    "with --accept-new-ledger before the verb it goes on with %s",
			    vp->doubt.text, vp->ledger ? "this one" : "a new one");
}

/* Makes the ledger the one by which the VFs are given out from now on, as the stamp says then. */
static int settle_ledger(struct vfpool *vp)
{
	int r = vp->doubt.text[0]    ? ledger_begin_epoch(vp->ledger) :
		vp->ledger_is_proven ? ledger_prove(vp->ledger) :
				       0;

	if (r == 0)
		vp->doubt.text[0] = '\0';
	return r;
}

int open_ledger(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger)
{
	const char *state = vp->dirs[VFPOOL_DIR_STATE], *run = vp->dirs[VFPOOL_DIR_RUN];
	int r = vp->ledger ? 0 : ledger_open(state, run, LEDGER_READ, &vp->ledger, &vp->err);

	if (r < 0)
		return r;
	r = trust_ledger(vp, mode);
	if (r < 0)
		return r;
	if (vp->ledger)
		r = ledger_raise(vp->ledger, mode);
	else if (mode == LEDGER_WRITE)
		r = ledger_open(state, run, mode, &vp->ledger, &vp->err);
	if (r < 0)
		return r;
	if (vp->ledger && mode != LEDGER_READ)
		r = settle_ledger(vp);
	if (r < 0)
		return r;
	if (vp->ledger)
		ledger_set_command(vp->ledger, vp->command);
	*ret_ledger = vp->ledger;
	return 0;
}

void vfpool_accept_new_ledger(struct vfpool *vp, bool accept)
{
	vp->accept_ledger = accept;
}

void open_ledger_drop(struct vfpool *vp)
{
	ledger_close(vp->ledger);
	vp->ledger = NULL;
}

int open_ledger_copy(struct vfpool *vp, struct ledger **ret_ledger)
{
	struct ledger *copy;
	int r = ledger_open_copy(vp->dirs[VFPOOL_DIR_STATE], vp->dirs[VFPOOL_DIR_RUN], &copy,
				 &vp->err);

	if (r < 0)
		return r;
	open_ledger_drop(vp);
	vp->ledger = copy;
	if (copy)
		ledger_set_command(copy, vp->command);
	*ret_ledger = copy;
	return 0;
}

bool open_ledger_is_out_of_reach(int r)
{
	return r == -EACCES || ledger_takes_no_more(r);
}
