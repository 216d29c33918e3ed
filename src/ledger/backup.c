/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the ledger whole, and a copy of it. */
#include "ledger/db.h"

#include "util/file.h"

#include <string.h>

static int check(struct ledger *ledger, const char *sql, const char *good)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, sql, "");

	if (r == 0)
		r = db_step(ledger, stmt);
	if (r <= 0 || strcmp(db_text(stmt, 0), good) == 0)
		return r < 0 ? r : 0;
	return fail(ledger->err, -EUCLEAN,
		    "the ledger is damaged: %s (%s); put a backup in its place", db_text(stmt, 0), sql);
}

int ledger_check(struct ledger *ledger)
{
	int r = check(ledger, "PRAGMA integrity_check", "ok");

	return r < 0 ? r : check(ledger, "PRAGMA foreign_key_check", "");
}

/* All pages in one step: whoever writes meanwhile waits. */
static int copy(struct ledger *ledger, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", ledger->db, "main");
	int result = backup ? sqlite3_backup_step(backup, -1) : SQLITE_NOMEM;

	if (backup && sqlite3_backup_finish(backup) != SQLITE_OK && result == SQLITE_DONE)
		result = SQLITE_IOERR;
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* The copy is one plain file, checked, and on the disk when it is closed. */
static int fill(struct ledger *ledger, const char *path)
{
	struct ledger to = { .command = "", .err = ledger->err };
	int r = 0;

	if (sqlite3_open_v2(path, &to.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		r = fail(ledger->err, -EIO, "opening it failed");
	else if (copy(ledger, to.db) != SQLITE_OK)
		r = db_fail(&to, "copying the ledger");
	if (r == 0)
		r = db_execute(&to, "PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE",
			       "closing the copy");
	if (r == 0)
		r = ledger_check(&to);
	sqlite3_close(to.db);
	return r;
}

int ledger_backup(struct ledger *ledger, const char *path)
{
	AUTO_FREE char *temporary = NULL;
	int r = new_temporary(path, &temporary, ledger->err);

	if (r < 0)
		return r;
	r = fill(ledger, temporary);
	if (r == 0)
		r = sync_and_rename(temporary, path, ledger->err);
	if (r < 0)
		unlink(temporary);
	return r;
}
