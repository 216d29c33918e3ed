/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the definitions and the ledger want of the host's VFs. */
#ifndef VFPOOL_APPLY_WANTED_H
#define VFPOOL_APPLY_WANTED_H

#include "manager/apply/scope.h"

/* The pools' VFs, with their parking MACs, are in the ledger before any is
 * programmed. A pool for which there are too few MACs is left out. */
int wanted_record_pools(struct apply *apply);

/* VFs of the pools that the ledger doesn't know, or as another pool's. */
int wanted_count_unknown(struct apply *apply, unsigned *ret_n);

/* What the definitions and the ledger want of the PF and its VFs. */
int wanted_make(struct apply *apply, const struct vfpool_pf *pf, struct wanted *wanted);
void wanted_end(struct wanted *wanted);

#endif
