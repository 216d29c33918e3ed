/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ledger becomes another one, which gives no lease a number that was given before. */
#include "ledger/epoch.h"
#include "ledger/history.h"
#include "ledger/stamp.h"
#include "ledger/transaction.h"

#include <time.h>

/* Makes the next lease's number higher than `lost`, and than any that a lost ledger has given. Those are lower than
 * the clock in ms, since nobody allocates a thousand times a second for long. */
static int set_lease_number(struct ledger *ledger, long long lost)
{
	const long long now = time(NULL) * 1000LL, least = now > lost ? now : lost;
	int r = db_run(ledger,
		       "INSERT INTO sqlite_sequence (name, seq) SELECT 'lease', 0 WHERE NOT EXISTS "
		       "(SELECT 1 FROM sqlite_sequence WHERE name = 'lease')",
		       "");

	if (r < 0)
		return r;
	return db_run(ledger, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'lease'",
		      "i", (int64_t)least);
}

/* No ledger's first million million leases take so long. */
#define FIRST_EPOCH_MAX 1000000000000LL

int ledger_is_first(struct ledger *ledger, bool *ret_is)
{
	int64_t number;
	int r = db_number(ledger, 0, &number,
			  "SELECT seq FROM sqlite_sequence WHERE name = 'lease'", "");

	if (r < 0)
		return r;
	*ret_is = number < FIRST_EPOCH_MAX;
	return 0;
}

int epoch_begin(struct ledger *ledger, const char *stamp, const char *event)
{
	CLEANUP(rollback) struct ledger *begun = ledger;
	int r = ledger_begin(ledger);

	if (r < 0)
		return r;
	r = set_lease_number(ledger, stamp_lost_lease(stamp));
	if (r < 0)
		return r;
	r = db_run(ledger, "UPDATE host SET ledger = lower(hex(randomblob(16)))", "");
	if (r < 0)
		return r;
	r = history_add(ledger, event, "", "", 0, "", 0, -1);
	return r < 0 ? r : ledger_commit(ledger);
}

int ledger_begin_epoch(struct ledger *ledger)
{
	int r = epoch_begin(ledger, ledger->stamp, "epoch");

	return r < 0 ? r : ledger_replace_stamp(ledger);
}
