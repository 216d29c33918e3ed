/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stamp of the ledger by which this host's VFs are given out. */
#ifndef VFPOOL_LEDGER_STAMP_H
#define VFPOOL_LEDGER_STAMP_H

#include "ledger/db.h"

struct stamp {
	char ledger[33]; /* "": there is none */
	long long changes;
	long long lease; /* the highest number that was given */
};

/* In a transaction: counts one more change of the ledger; *ret_stamp says so. */
int stamp_count(struct ledger *ledger, struct stamp *ret_stamp);

/* When that is committed: writes it down. */
void stamp_note(struct ledger *ledger, const struct stamp *stamp);

/* Returns the highest number of a lease that the stamp at `path` tells of, 0 when there is none. */
long long stamp_lost_lease(const char *path);

#endif
