/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several changes, or many questions, to one state of the ledger. */
#include "ledger/transaction.h"
#include "ledger/stamp.h"

#include <sys/stat.h>

/* Is the open file still the one of that name? Whoever goes on with a ledger that was deleted or has
 * another in its place gives VFs that somebody else has. */
static int check_in_place(struct ledger *ledger)
{
	struct stat is;
	int r;

	if (ledger->is_copy)
		return 0;
	r = stat(ledger->path, &is) < 0 ? -errno : 0;
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return fail_errno(ledger->err, r, "looking at the ledger %s", ledger->path);
	if (r == 0 && is.st_dev == ledger->dev && is.st_ino == ledger->ino)
		return 0;
	return fail(
		ledger->err, -VFPOOL_ELEDGER,
		"the ledger %s was %s while this vfpool had it open, so nothing is written any more: ask again",
		ledger->path, r == 0 ? "replaced" : "deleted");
}

static int begin(struct ledger *ledger, const char *sql, const char *doing)
{
	CLEANUP(rollback) struct ledger *begun = ledger;
	int r = db_execute(ledger, sql, doing);

	ledger->changes = sqlite3_total_changes(ledger->db);
	if (r < 0)
		return r;
	r = check_in_place(ledger);
	if (r < 0)
		return r;
	begun = NULL; /* the caller's to end */
	return 0;
}

int ledger_begin(struct ledger *ledger)
{
	return begin(ledger, "BEGIN IMMEDIATE", "beginning a change of the ledger");
}

int ledger_begin_read(struct ledger *ledger)
{
	return begin(ledger, "BEGIN", "reading the ledger");
}

int ledger_commit(struct ledger *ledger)
{
	const bool is_changed = !ledger->is_copy &&
				sqlite3_total_changes(ledger->db) != ledger->changes;
	struct stamp stamp;
	int r = check_in_place(ledger);

	if (r < 0)
		return r;
	if (is_changed)
		r = stamp_count(ledger, &stamp);
	if (r < 0)
		return r;
	r = db_execute(ledger, "COMMIT", "writing the ledger");
	if (r == 0 && is_changed)
		stamp_note(ledger, &stamp);
	return r;
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
