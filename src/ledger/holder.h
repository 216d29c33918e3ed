/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which process keeps the ledger from being written. */
#ifndef VFPOOL_LEDGER_HOLDER_H
#define VFPOOL_LEDGER_HOLDER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Names the process that keeps others from writing, and its command line. False: it doesn't show. */
bool holder_name(sqlite3 *db, char pid[16], char *command, size_t size);

#endif
