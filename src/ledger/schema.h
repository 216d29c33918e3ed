/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_LEDGER_SCHEMA_H
#define VFPOOL_LEDGER_SCHEMA_H

/* The newest version, in SQLite's user_version. */
#define LEDGER_VERSION 4

/* SQLite's application_id: "vfpl". */
#define LEDGER_APPLICATION_ID 0x7666706c

/* ledger_versions[n] makes version n + 1 out of version n. */
extern const char *const ledger_versions[LEDGER_VERSION];

#endif
