/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which version of the tables a ledger has, and how they become those of the newest. */
#include "ledger/tables.h"
#include "ledger/schema.h"
#include "ledger/transaction.h"

#include <sys/random.h>

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
	return db_run(
		ledger,
		"INSERT INTO host (id, seed, ledger) VALUES (1, ?, lower(hex(randomblob(16))))",
		"s", seed);
}

/* Makes the newest version's tables out of those of that version, in the caller's transaction. */
static int make(struct ledger *ledger, int64_t version)
{
	char sql[128];
	int r = 0;

	for (int64_t v = version; r == 0 && v < LEDGER_VERSION; v++)
		r = db_execute(ledger, ledger_versions[v], "making the ledger's tables");
	if (r < 0)
		return r;
	if (version == 0)
		r = add_seed(ledger);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 LEDGER_APPLICATION_ID, LEDGER_VERSION);
	return r < 0 ? r : db_execute(ledger, sql, "making the ledger's tables");
}

/* Fails when the file has tables: it is another program's then, which mostly has no version. */
static int check_is_empty(struct ledger *ledger, const char *path)
{
	int64_t n;
	int r = db_number(ledger, 0, &n, "SELECT count(*) FROM sqlite_schema", "");

	return r < 0 || n == 0 ? r :
				 fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool", path);
}

int tables_check_version(struct ledger *ledger, const char *path, int64_t *ret_version)
{
	int64_t application, version;
	int r;

	r = db_number(ledger, 0, &application, "PRAGMA application_id", "");
	if (r < 0)
		return r;
	r = db_number(ledger, 0, &version, "PRAGMA user_version", "");
	if (r < 0)
		return r;
	if (version != 0 && application != LEDGER_APPLICATION_ID)
		return fail(ledger->err, -EUCLEAN, "%s is not a ledger of vfpool", path);
	if (version > LEDGER_VERSION)
		return fail(ledger->err, -EPROTO,
			    "%s was written by a newer vfpool (version %lld, this one knows %d); "
			    "nothing was changed",
			    path, (long long)version, LEDGER_VERSION);
	if (version < 0)
		return fail(ledger->err, -EUCLEAN, "%s has the version %lld, which no ledger has",
			    path, (long long)version);
	*ret_version = version;
	return version ? 0 : check_is_empty(ledger, path);
}

int tables_make(struct ledger *ledger)
{
	CLEANUP(rollback) struct ledger *begun = NULL;
	int64_t version;
	int r = ledger_begin(ledger);

	if (r < 0)
		return r;
	begun = ledger;
	r = tables_check_version(ledger, ledger->path, &version);
	if (r < 0 || version == LEDGER_VERSION)
		return r;
	r = make(ledger, version);
	return r < 0 ? r : ledger_commit(begun);
}
