/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of the history. */
#ifndef VFPOOL_LEDGER_HISTORY_H
#define VFPOOL_LEDGER_HISTORY_H

#include "ledger/db.h"

/* Adds an entry to the history of what isn't a lease's: names may be "", the VF's row `pf` 0, `vf` -1. */
int history_add(struct ledger *ledger, const char *event, const char *pool, const char *owner,
		unsigned nic, const char *mac, int64_t pf, int vf);

#endif
