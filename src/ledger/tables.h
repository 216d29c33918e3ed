/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which version of the tables a ledger has, and how they become those of the newest. */
#ifndef VFPOOL_LEDGER_TABLES_H
#define VFPOOL_LEDGER_TABLES_H

#include "ledger/db.h"

/* Tells by *ret_version of which version the ledger is, whose file is `path`; 0: it is empty. -EUCLEAN: it is no
 * ledger. -EPROTO: a newer vfpool wrote it. */
int tables_check_version(struct ledger *ledger, const char *path, int64_t *ret_version);

/* Makes the newest version's tables out of what the ledger has. Several processes may find it without tables, or with
 * those of an older vfpool: one makes them. */
int tables_make(struct ledger *ledger);

#endif
