/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger/db.h"
#include "ledger/holder.h"

#include "util/clock.h"

#include <stdarg.h>
#include <string.h>

/* How long one operation waits for others that don't get on. A commit takes far less than the first rests of
 * each wait: those aren't counted, since thousands may come together. */
#define WAIT_MS 60000
#define SHORT_RESTS 10
#define LONG_REST_MS 50
#define UNCOUNTED_RESTS 30

/* Returns the errno of SQLite's last failure: what the system said, where that says more. */
int db_errno(sqlite3 *db)
{
	int said = sqlite3_system_errno(db), result = sqlite3_extended_errcode(db) & 0xff;
	const char *file =
		sqlite3_db_filename(db, "main"); /* NULL when not even that could be opened */

	/* The WAL can't be opened beside a ledger that can: SQLite has no errno for it. */
	if (result == SQLITE_CANTOPEN && file && access(file, W_OK) < 0 && errno == EROFS)
		return -EROFS;

	if ((result == SQLITE_IOERR || result == SQLITE_CANTOPEN) &&
	    (said == ENOSPC || said == EDQUOT || said == EROFS || said == EACCES))
		return -said;
	switch (result) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -ETIMEDOUT;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

/* Rests, as SQLite's busy handler, which is called for the n-th time; returns 0 to give up. What has waited in vain
 * once waits no more. */
static int wait_for_others(void *arg, int n)
{
	struct ledger *ledger = arg;
	long long from = clock_ms();

	if (ledger->waited_ms >= ledger->wait_ms)
		return 0;
	rest_ms(n < SHORT_RESTS ? (unsigned)n + 1 : LONG_REST_MS);
	if (n >= UNCOUNTED_RESTS)
		ledger->waited_ms += (unsigned)(clock_ms() - from);
	return 1;
}

void db_set_patience(struct ledger *ledger)
{
	ledger->wait_ms = WAIT_MS;
	sqlite3_busy_handler(ledger->db, wait_for_others, ledger);
}

static int fail_busy(struct ledger *ledger, const char *doing)
{
	const unsigned seconds = ledger->wait_ms < 1000 ?
					 1 :
					 ledger->wait_ms / 1000; /* the uncounted rests' one */
	char pid[16], command[160];

	if (!holder_name(ledger->db, pid, command, sizeof(command)))
		return fail(ledger->err, -ETIMEDOUT,
			    "%s: others have kept the ledger from being written for %u s", doing,
			    seconds);
	return fail(
		ledger->err, -ETIMEDOUT,
		"%s: process %s (%s) has kept the ledger from being written for %u s; is it stuck? "
		"'cat /proc/%s/stack' tells",
		doing, pid, command, seconds, pid);
}

static const char *path_of(const struct ledger *ledger)
{
	return ledger->path ? ledger->path : "the ledger";
}

int db_fail(struct ledger *ledger, const char *doing)
{
	int r = db_errno(ledger->db);

	if (r == -ETIMEDOUT)
		return fail_busy(ledger, doing);
	if (r == -EUCLEAN)
		return fail(ledger->err, r, "%s: the ledger is damaged (%s); nothing was changed",
			    doing, sqlite3_errmsg(ledger->db));
	if (r == -ENOSPC || r == -EDQUOT)
		return fail(
			ledger->err, r,
			"%s: no room is left on the file system of %s (%s): make some, and ask again; what the "
			"ledger has is safe",
			doing, path_of(ledger), error_text(r));
	if (r == -EROFS)
		return fail(
			ledger->err, r,
			"%s: the file system of %s is read-only: mount it to be written, and ask again; what "
			"the ledger has is safe",
			doing, path_of(ledger));
	return fail(ledger->err, r, "%s: %s (%s)", doing, sqlite3_errmsg(ledger->db),
		    error_text(r));
}

static int prepare_va(struct ledger *ledger, sqlite3_stmt **ret_stmt, const char *sql,
		      const char *types, va_list args)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int result = sqlite3_prepare_v2(ledger->db, sql, -1, &stmt, NULL);

	for (int i = 0; result == SQLITE_OK && types[i]; i++)
		result = types[i] == 's' ?
				 sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1,
						   SQLITE_TRANSIENT) :
				 sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
	if (result != SQLITE_OK)
		return db_fail(ledger, "asking the ledger");
	*ret_stmt = TAKE_PTR(stmt);
	return 0;
}

int db_prepare(struct ledger *ledger, sqlite3_stmt **ret_stmt, const char *sql, const char *types,
	       ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = prepare_va(ledger, ret_stmt, sql, types, args);
	va_end(args);
	return r;
}

/* Says which rule of the schema, which holds what must always hold, the change would have broken. SQLite names the
 * columns behind a colon. */
static int fail_constraint(struct ledger *ledger, int result)
{
	const char *columns = strchr(sqlite3_errmsg(ledger->db), ':');

	columns = columns ? columns + 2 : "";
	if (result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY)
		return fail(ledger->err, -E_TAKEN,
			    "the ledger has another entry with the same %s: nothing was changed",
			    columns);
	return fail(
		ledger->err, -EIO,
		"the ledger takes no change that contradicts what else is in it (%s): nothing was "
		"changed; ask again, since another vfpool may have changed that meanwhile, and if that doesn't help "
		"'vfpool doctor' looks at the ledger",
		result == SQLITE_CONSTRAINT_FOREIGNKEY ? "an entry that another one needs" :
		*columns                               ? columns :
							 "a rule of its tables");
}

int db_step(struct ledger *ledger, sqlite3_stmt *stmt)
{
	int result = sqlite3_step(stmt);

	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	result = sqlite3_extended_errcode(ledger->db);
	return (result & 0xff) == SQLITE_CONSTRAINT ? fail_constraint(ledger, result) :
						      db_fail(ledger, "the ledger");
}

int db_run(struct ledger *ledger, const char *sql, const char *types, ...)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = prepare_va(ledger, &stmt, sql, types, args);
	va_end(args);
	return r < 0 ? r : db_step(ledger, stmt);
}

int db_number(struct ledger *ledger, int64_t missing, int64_t *ret_number, const char *sql,
	      const char *types, ...)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = prepare_va(ledger, &stmt, sql, types, args);
	va_end(args);
	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	*ret_number = r ? sqlite3_column_int64(stmt, 0) : missing;
	return 0;
}

const char *db_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

int db_execute(struct ledger *ledger, const char *sql, const char *doing)
{
	return sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
		       0 :
		       db_fail(ledger, doing);
}

/* ---- what every ledger that is open has ---- */

void ledger_set_wait(struct ledger *ledger, unsigned ms)
{
	ledger->wait_ms = ms;
}

void ledger_set_command(struct ledger *ledger, const char *command)
{
	ledger->command = command;
	ledger->waited_ms = 0;
}

bool ledger_takes_no_more(int r)
{
	return r == -EROFS || r == -ENOSPC || r == -EDQUOT;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_close(ledger->db);
	free(ledger->path);
	free(ledger->stamp);
	free(ledger);
}
