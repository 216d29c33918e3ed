/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a PF's driver refused and doesn't report is remembered: apply and alloc say the same of it, and
 * say it again, without asking the card each time. */
#include "manager/refusals.h"

#include <string.h>
#include <sys/utsname.h>

/* Room for the name of a driver and of the kernel that it is part of. */
#define DRIVER_TEXT 160

/* Fills `text` with the PF's driver and the kernel's release: another kernel has another driver, though its name is
 * the same. */
static void name_driver(const struct vfpool_pf *pf, char text[DRIVER_TEXT])
{
	struct utsname kernel = { 0 };

	(void)uname(&kernel);
	snprintf(text, DRIVER_TEXT, "%s %s", pf->driver ? pf->driver : "-", kernel.release);
}

int refusals_read(struct ledger *ledger, struct vfpool_pf *pf)
{
	struct vfpool_refusal *refusals = NULL;
	char driver[DRIVER_TEXT];
	int64_t id = 0;
	size_t n = 0;
	int r = ledger_pf(ledger, pf, false, &id);

	name_driver(pf, driver);
	if (r < 0)
		return r;
	if (id)
		r = ledger_refusals(ledger, id, driver, &refusals, &n);
	if (r < 0)
		return r;
	free(pf->refusals);
	pf->refusals = refusals;
	pf->n_refusals = n;
	return 0;
}

static int remember(struct vfpool *vp, struct ledger *ledger, struct vfpool_pf *pf,
		    const struct vfpool_refusal *refusal)
{
	struct vfpool_refusal *grown = reallocarray(pf->refusals, pf->n_refusals + 1,
						    sizeof(*grown));
	char driver[DRIVER_TEXT];
	int64_t id = 0;
	int r;

	if (!grown)
		return fail_oom(&vp->err);
	pf->refusals = grown;
	grown[pf->n_refusals++] = *refusal;
	name_driver(pf, driver);
	r = ledger_pf(ledger, pf, false, &id);
	return r == 0 && id ? ledger_add_refusal(ledger, id, driver, refusal) : r;
}

int refusals_remember(struct vfpool *vp, struct ledger *ledger, struct vfpool_pf *pf,
		      const struct vfpool_step *step)
{
	/* What shows is compared at each apply, a MAC is the VF's alone, and a default that the card
	 * doesn't have is nothing that anyone asked for. */
	const unsigned attrs = step->unsupported & ~step->from.have &
			       ~(VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID) &
			       (step->to.must | vfpool_settings_asked(&step->to)) &
			       ~vfpool_settings_refused(&step->to, pf->refusals, pf->n_refusals);
	int r = 0;

	for (unsigned attr = 1; r == 0 && attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		struct vfpool_refusal refusal = { .attr = attr };

		if (!(attrs & attr))
			continue;
		vfpool_setting_format(&step->to, attr, refusal.value);
		r = remember(vp, ledger, pf, &refusal);
	}
	return r;
}

int refusals_forget(struct ledger *ledger, const struct vfpool_pf *pf)
{
	int64_t id = 0;
	int r = ledger_pf(ledger, pf, false, &id);

	return r == 0 && id ? ledger_forget_refusal(ledger, id, NULL) : r;
}

static bool is_asked(const struct wanted *wanted, const struct vfpool_pf *pf,
		     const struct vfpool_refusal *refusal)
{
	for (size_t i = 0; i < wanted->n_vfs; i++)
		if (vfpool_pci_equal(&wanted->vfs[i].pf, &pf->address) &&
		    vfpool_settings_refused(&wanted->vfs[i].settings, refusal, 1))
			return true;
	return false;
}

int refusals_forget_unasked(struct ledger *ledger, const struct vfpool_pf *pf,
			    const struct wanted *wanted)
{
	int64_t id = 0;
	int r = pf->n_refusals > 0 ? ledger_pf(ledger, pf, false, &id) : 0;

	for (size_t i = 0; r == 0 && id && i < pf->n_refusals; i++)
		if (!is_asked(wanted, pf, &pf->refusals[i]))
			r = ledger_forget_refusal(ledger, id, &pf->refusals[i]);
	return r;
}
