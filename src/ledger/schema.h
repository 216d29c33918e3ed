/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_LEDGER_SCHEMA_H
#define VFPOOL_LEDGER_SCHEMA_H

/* The version that ledger_schema makes, in SQLite's user_version. */
#define LEDGER_VERSION 1

/* SQLite's application_id: "vfpl". */
#define LEDGER_APPLICATION_ID 0x7666706c

extern const char ledger_schema[];

#endif
