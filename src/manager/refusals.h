/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What PFs' drivers don't have, and can't be read back. */
#ifndef VFPOOL_REFUSALS_H
#define VFPOOL_REFUSALS_H

#include "manager/context.h"

/* Fills the PF's refusals from the ledger. */
int refusals_read(struct ledger *ledger, struct vfpool_pf *pf);
/* What the step found its PF's driver not to have is remembered where it can't be read back; */
int refusals_remember(struct vfpool *vp, struct ledger *ledger, struct vfpool_pf *pf,
		      const struct vfpool_step *step);
/* all of it is forgotten with the VFs, which may have had another driver, */
int refusals_forget(struct ledger *ledger, const struct vfpool_pf *pf);
/* and what no definition asks of the PF any more. */
int refusals_forget_unasked(struct ledger *ledger, const struct vfpool_pf *pf,
			    const struct wanted *wanted);

#endif
