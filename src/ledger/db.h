/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite, opened durably and asked in one way. */
#ifndef VFPOOL_LEDGER_DB_H
#define VFPOOL_LEDGER_DB_H

#include "ledger/ledger.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <sqlite3.h>
#include <sys/types.h>

struct ledger {
	sqlite3 *db;
	const char *command;
	struct error *err;
	unsigned wait_ms;   /* how long one operation waits for others in all */
	unsigned waited_ms; /* it has waited so long */
	char *path;
	char *stamp; /* NULL: there is none to be */
	int changes; /* SQLite's count of changed rows, at the transaction's begin */
	dev_t dev;   /* of the file that is open */
	ino_t ino;
	bool is_copy; /* in memory */
	enum ledger_mode mode;
};

DEFINE_CLEANUP(struct ledger *, cleanup_ledger, ledger_close);

DEFINE_CLEANUP(sqlite3_stmt *, cleanup_stmt, sqlite3_finalize);

/* Lets the ledger's transactions wait for others' writing. */
void db_set_patience(struct ledger *ledger);

int db_errno(sqlite3 *db);
/* Turns SQLite's last failure into a message and an errno. */
int db_fail(struct ledger *ledger, const char *doing);

/* Prepares a statement with its parameters: a letter each in `types`, 's' a
 * const char *, 'i' an int64_t. */
int db_prepare(struct ledger *ledger, sqlite3_stmt **ret_stmt, const char *sql, const char *types,
	       ...);

/* Steps the statement on. 1: there is a row; 0: no more. */
int db_step(struct ledger *ledger, sqlite3_stmt *stmt);

/* Runs a statement that returns no rows. -E_TAKEN when a UNIQUE
 * constraint forbids it. */
int db_run(struct ledger *ledger, const char *sql, const char *types, ...);

/* Fills *ret_number with column 0 of the first row, or with `missing` when there is none. */
int db_number(struct ledger *ledger, int64_t missing, int64_t *ret_number, const char *sql,
	      const char *types, ...);

/* Runs SQL without parameters. */
int db_execute(struct ledger *ledger, const char *sql, const char *doing);

/* Returns a text column, never NULL. */
const char *db_text(sqlite3_stmt *stmt, int column);

#endif
