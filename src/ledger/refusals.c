/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the PFs' drivers refused, and don't report either. */
#include "ledger/db.h"

#include <string.h>

/* Returns the setting of that name, 0 when this vfpool doesn't know it. */
static unsigned attr_of(const char *name)
{
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (strcmp(vfpool_attr_name(attr), name) == 0)
			return attr;
	return 0;
}

int ledger_refusals(struct ledger *ledger, int64_t pf, const char *driver,
		    struct vfpool_refusal **ret_refusals, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE struct vfpool_refusal *refusals = NULL;
	size_t n = 0;
	int r = db_prepare(ledger, &stmt,
			   "SELECT attr, value FROM refusal WHERE pf = ? AND driver = ?", "is", pf,
			   driver);

	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		struct vfpool_refusal *grown = reallocarray(refusals, n + 1, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		refusals = grown;
		grown[n].attr = attr_of(db_text(stmt, 0));
		snprintf(grown[n].value, sizeof(grown[n].value), "%s", db_text(stmt, 1));
		n += grown[n].attr != 0;
	}
	if (r < 0)
		return r;
	*ret_refusals = TAKE_PTR(refusals);
	*ret_n = n;
	return 0;
}

int ledger_add_refusal(struct ledger *ledger, int64_t pf, const char *driver,
		       const struct vfpool_refusal *refusal)
{
	return db_run(
		ledger,
		"INSERT OR REPLACE INTO refusal (pf, driver, attr, value) VALUES (?, ?, ?, ?)",
		"isss", pf, driver, vfpool_attr_name(refusal->attr), refusal->value);
}

int ledger_forget_refusal(struct ledger *ledger, int64_t pf, const struct vfpool_refusal *refusal)
{
	if (!refusal)
		return db_run(ledger, "DELETE FROM refusal WHERE pf = ?", "i", pf);
	return db_run(ledger, "DELETE FROM refusal WHERE pf = ? AND attr = ? AND value = ?", "iss",
		      pf, vfpool_attr_name(refusal->attr), refusal->value);
}
