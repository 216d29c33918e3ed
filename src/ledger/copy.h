/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A copy of the ledger in memory, which leaves the ledger as it is. */
#ifndef VFPOOL_LEDGER_COPY_H
#define VFPOOL_LEDGER_COPY_H

#include "ledger/db.h"

/* Makes of what is open a copy of it in memory. */
int copy_in_place(struct ledger **ledger);

/* Reads the ledger at `path`, which SQLite can't open where it is, into the copy *ret_ledger. -EAGAIN: it has a WAL, so
 * that alone it isn't whole. */
int copy_read(const char *path, struct ledger **ret_ledger, struct error *err);

#endif
