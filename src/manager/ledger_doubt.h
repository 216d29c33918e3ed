/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is it the ledger by which this host's VFs are given out? */
#ifndef VFPOOL_LEDGER_DOUBT_H
#define VFPOOL_LEDGER_DOUBT_H

#include "manager/context.h"

/* Is that ledger (NULL: there is none) the one by which this host's VFs are given out? Fills vp->doubt. */
int ledger_doubt_judge(struct vfpool *vp, struct ledger *ledger);

#endif
