/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger/db.h"
#include "ledger/schema.h"

#include "util/clock.h"
#include "util/file.h"

#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

/* How long one operation waits for others that don't get on. A commit takes far less than the first rests of
 * each wait: those aren't counted, since thousands may come together. */
#define WAIT_MS 60000
#define SHORT_RESTS 10
#define LONG_REST_MS 50
#define UNCOUNTED_RESTS 30

DEFINE_CLEANUP(struct ledger *, cleanup_ledger, ledger_close);

/* Of SQLite's last failure: what the system said, where that says more. */
static int errno_of(sqlite3 *db)
{
	int said = sqlite3_system_errno(db), result = sqlite3_extended_errcode(db) & 0xff;
	const char *file = sqlite3_db_filename(db, "main"); /* NULL when not even that could be opened */

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

/* SQLite's busy handler: 0 gives up. What has waited in vain once waits no more. */
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

static int fail_busy(struct ledger *ledger, const char *doing)
{
	const unsigned seconds = ledger->wait_ms < 1000 ? 1 : ledger->wait_ms / 1000; /* the uncounted rests' one */
	char pid[16], command[160];

	if (!db_name_writer(ledger->db, pid, command, sizeof(command)))
		return fail(ledger->err, -ETIMEDOUT, "%s: others have kept the ledger from being written for %u s",
			    doing, seconds);
	return fail(ledger->err, -ETIMEDOUT,
		    "%s: process %s (%s) has kept the ledger from being written for %u s; is it stuck? "
		    "'cat /proc/%s/stack' tells", doing, pid, command, seconds, pid);
}

int db_fail(struct ledger *ledger, const char *doing)
{
	int r = errno_of(ledger->db);

	if (r == -ETIMEDOUT)
		return fail_busy(ledger, doing);
	if (r == -EUCLEAN)
		return fail(ledger->err, r, "%s: the ledger is damaged (%s); nothing was changed",
			    doing, sqlite3_errmsg(ledger->db));
	return fail(ledger->err, r, "%s: %s (%s)", doing, sqlite3_errmsg(ledger->db), error_text(r));
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

/* What must always hold, the schema holds. SQLite names the columns behind a colon. */
static int fail_constraint(struct ledger *ledger, int result)
{
	const char *columns = strchr(sqlite3_errmsg(ledger->db), ':');

	columns = columns ? columns + 2 : "";
	if (result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY)
		return fail(ledger->err, -E_TAKEN, "the ledger has another entry with the same %s: nothing was changed",
			    columns);
	return fail(ledger->err, -EIO, "the ledger takes no change that contradicts what else is in it (%s): nothing was "
		    "changed; ask again, since another vfpool may have changed that meanwhile, and if that doesn't help "
		    "'vfpool doctor' looks at the ledger",
		    result == SQLITE_CONSTRAINT_FOREIGNKEY ? "an entry that another one needs" : *columns ? columns : "a rule of its tables");
}

int db_step(struct ledger *ledger, sqlite3_stmt *stmt)
{
	int result = sqlite3_step(stmt);

	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	result = sqlite3_extended_errcode(ledger->db);
	return (result & 0xff) == SQLITE_CONSTRAINT ? fail_constraint(ledger, result) : db_fail(ledger, "the ledger");
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
	if (r == 0)
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

/* ---- opening ---- */

int db_execute(struct ledger *ledger, const char *sql, const char *doing)
{
	return sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 :
									       db_fail(ledger, doing);
}

int ledger_begin(struct ledger *ledger)
{
	return db_execute(ledger, "BEGIN IMMEDIATE", "beginning a change of the ledger");
}

int ledger_begin_read(struct ledger *ledger)
{
	return db_execute(ledger, "BEGIN", "reading the ledger");
}

int ledger_commit(struct ledger *ledger)
{
	return db_execute(ledger, "COMMIT", "writing the ledger");
}

bool ledger_is_busy(const struct ledger *ledger)
{
	return ledger && !sqlite3_get_autocommit(ledger->db);
}

void ledger_rollback(struct ledger *ledger)
{
	if (ledger && !sqlite3_get_autocommit(ledger->db))
		sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
}

static int make_seed(char seed[33])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(seed + 2 * i, "%02x", bytes[i]);
	return 0;
}

static int add_seed(struct ledger *ledger)
{
	char seed[33];
	int r = make_seed(seed);

	if (r < 0)
		return fail_errno(ledger->err, r, "getting random bytes");
	return db_run(ledger, "INSERT INTO host (id, seed) VALUES (1, ?)", "s", seed);
}

static int make_tables(struct ledger *ledger, int64_t version)
{
	char sql[128];
	int r = 0;

	for (int64_t v = version; r == 0 && v < LEDGER_VERSION; v++)
		r = db_execute(ledger, ledger_versions[v], "making the ledger's tables");
	if (r == 0 && version == 0)
		r = add_seed(ledger);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 LEDGER_APPLICATION_ID, LEDGER_VERSION);
	return r < 0 ? r : db_execute(ledger, sql, "making the ledger's tables");
}

static int check_version(struct ledger *ledger, const char *path, int64_t *ret_version)
{
	int64_t application, version;
	int r;

	if ((r = db_number(ledger, 0, &application, "PRAGMA application_id", "")) < 0 ||
	    (r = db_number(ledger, 0, &version, "PRAGMA user_version", "")) < 0)
		return r;
	if (version > LEDGER_VERSION)
		return fail(ledger->err, -EPROTO,
			    "%s was written by a newer vfpool (version %lld, this one knows %d); "
			    "nothing was changed", path, (long long)version, LEDGER_VERSION);
	if (version > 0 && application != LEDGER_APPLICATION_ID)
		return fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool", path);
	*ret_version = version;
	return 0;
}

/* Several processes may find the ledger without tables, or with those of an older
 * vfpool: one makes them. */
static int make_tables_once(struct ledger *ledger, const char *path)
{
	int64_t version;
	int r = ledger_begin(ledger);

	if (r < 0)
		return r;
	r = check_version(ledger, path, &version);
	if (r == 0 && version < LEDGER_VERSION)
		r = make_tables(ledger, version);
	if (r == 0)
		r = ledger_commit(ledger);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

/* mmap_size: pages are read without a system call each, so that the ledger of
 * many VFs costs no more of them than that of few. */
#define SETTINGS "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA mmap_size = 67108864"

static int set_up(struct ledger *ledger, enum ledger_mode mode, const char *path,
		  int64_t *ret_version)
{
	int r;

	sqlite3_busy_handler(ledger->db, wait_for_others, ledger);
	r = db_execute(ledger, SETTINGS, "opening the ledger");
	if (r == 0 && mode == LEDGER_WRITE)
		r = db_execute(ledger, "PRAGMA journal_mode = WAL", "opening the ledger");
	if (r == 0)
		r = check_version(ledger, path, ret_version);
	if (r == 0 && *ret_version < LEDGER_VERSION && (mode == LEDGER_WRITE || *ret_version > 0))
		r = make_tables_once(ledger, path);
	return r;
}

void ledger_set_wait(struct ledger *ledger, unsigned ms)
{
	ledger->wait_ms = ms;
}

void ledger_set_command(struct ledger *ledger, const char *command)
{
	ledger->command = command;
	ledger->waited_ms = 0;
}

int ledger_open(const char *state_dir, enum ledger_mode mode, struct ledger **ret_ledger,
		struct error *err)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	AUTO_FREE char *path = format_text("%s/ledger.db", state_dir);
	int flags = SQLITE_OPEN_READWRITE, r;
	int64_t version = 0;

	if (!path || !(ledger = calloc(1, sizeof(*ledger))))
		return fail_oom(err);
	ledger->err = err;
	ledger->command = "";
	ledger->wait_ms = WAIT_MS;
	if (mode == LEDGER_WRITE) {
		r = make_dirs(state_dir, 0700, err);
		if (r < 0)
			return r;
		flags |= SQLITE_OPEN_CREATE;
	} else if (access(path, F_OK) < 0 && errno == ENOENT) {
		*ret_ledger = NULL;
		return 0;
	}
	if (sqlite3_open_v2(path, &ledger->db, flags, NULL) != SQLITE_OK) {
		if (!ledger->db)
			return fail_oom(err);
		r = errno_of(ledger->db);
		return fail_errno(err, r, "opening the ledger %s", path);
	}
	r = set_up(ledger, mode, path, &version);
	if (r < 0)
		return r;
	/* One that was interrupted before it had tables is none yet. */
	*ret_ledger = version == 0 && mode == LEDGER_READ ? NULL : TAKE_PTR(ledger);
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_close(ledger->db);
	free(ledger);
}
