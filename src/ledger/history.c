/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who got and gave back what, when, by which command. */
#include "ledger/history.h"

#include <string.h>
#include <time.h>

int history_add(struct ledger *ledger, const char *event, const char *pool, const char *owner,
		unsigned nic, const char *mac, int64_t pf, int vf)
{
	return db_run(
		ledger,
		"INSERT INTO history (at, event, lease, pool, owner, nic, mac, pf, vf, command) "
		"VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, (SELECT ifnull(mac, address) FROM pf "
		"WHERE id = ?7), iif(?8 < 0, NULL, ?8), ?9)",
		"isssisiis", (int64_t)time(NULL), event, pool, owner, (int64_t)nic, mac, pf,
		(int64_t)vf, ledger->command);
}

void ledger_event_end(struct vfpool_event *event)
{
	free(event->event);
	free(event->pool);
	free(event->owner);
	free(event->mac);
	free(event->pf);
	free(event->command);
}

void vfpool_events_free(struct vfpool_event *events, size_t n)
{
	for (size_t i = 0; events && i < n; i++)
		ledger_event_end(&events[i]);
	free(events);
}

#define EVENT_COLUMNS \
	"SELECT at, event, lease, pool, owner, nic, mac, pf, vf, command FROM history "

static int read_event(struct ledger *ledger, sqlite3_stmt *stmt, struct vfpool_event *event)
{
	*event = (struct vfpool_event){
		.at = sqlite3_column_int64(stmt, 0),
		.event = strdup(db_text(stmt, 1)),
		.lease = (uint64_t)sqlite3_column_int64(stmt, 2),
		.pool = strdup(db_text(stmt, 3)),
		.owner = strdup(db_text(stmt, 4)),
		.nic = (unsigned)sqlite3_column_int(stmt, 5),
		.mac = strdup(db_text(stmt, 6)),
		.pf = strdup(db_text(stmt, 7)),
		.has_vf = sqlite3_column_type(stmt, 8) != SQLITE_NULL,
		.vf = (unsigned)sqlite3_column_int(stmt, 8),
		.command = strdup(db_text(stmt, 9)),
	};
	if (event->event && event->pool && event->owner && event->mac && event->pf &&
	    event->command)
		return 0;
	ledger_event_end(event);
	return fail_oom(ledger->err);
}

/* Entries of version 1 have the PF's address as it was then. */
#define OF_PF                                                                               \
	"(?2 = 0 OR (vf = ?3 AND pf IN (SELECT ifnull(mac, address) FROM pf WHERE id = ?2 " \
	"UNION SELECT address FROM pf WHERE id = ?2)))"

int ledger_history(struct ledger *ledger, const struct ledger_history_filter *filter,
		   struct vfpool_event **ret_events, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	struct vfpool_event *events = NULL;
	size_t n = 0, room = 0;
	int r = db_prepare(ledger, &stmt,
			   filter->owner ? EVENT_COLUMNS "WHERE owner = ?1 AND " OF_PF
							 " AND at >= ?4 ORDER BY id" :
					   EVENT_COLUMNS "WHERE ?1 = '' AND " OF_PF
							 " AND at >= ?4 ORDER BY id",
			   "siii", filter->owner ? filter->owner : "", filter->pf,
			   (int64_t)filter->vf, filter->since);

	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		if (n == room) {
			struct vfpool_event *grown;

			room = room ? 2 * room : 64;
			grown = reallocarray(events, room, sizeof(*grown));
			if (!grown) {
				r = fail_oom(ledger->err);
				break;
			}
			events = grown;
		}
		r = read_event(ledger, stmt, &events[n]);
		if (r < 0)
			break;
		n++;
	}
	if (r < 0) {
		vfpool_events_free(events, n);
		return r;
	}
	*ret_events = events;
	*ret_n = n;
	return 0;
}

/* ledger_end_lease() goes by whether a lease's making is in the history. */
#define IS_OLD                                                                                            \
	"(at < ?1 OR id <= ifnull((SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?2), -1)) AND " \
	"NOT (event = 'alloc' AND lease IN (SELECT id FROM lease))"

/* Others wait as long as that takes. */
#define PRUNED_AT_ONCE "5000"

int ledger_count_old_history(struct ledger *ledger, const struct ledger_history_age *age,
			     unsigned *ret_n)
{
	int64_t n;
	int r = db_number(ledger, 0, &n, "SELECT count(*) FROM history WHERE " IS_OLD, "ii",
			  age->before, (int64_t)age->rows);

	if (r < 0)
		return r;
	*ret_n = (unsigned)n;
	return 0;
}

int ledger_prune_history(struct ledger *ledger, const struct ledger_history_age *age,
			 unsigned *ret_n)
{
	int r = db_run(ledger,
		       "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE " IS_OLD
		       " ORDER BY id LIMIT " PRUNED_AT_ONCE ")",
		       "ii", age->before, (int64_t)age->rows);

	if (r < 0)
		return r;
	*ret_n = (unsigned)sqlite3_changes(ledger->db);
	return 0;
}

int ledger_last_end(struct ledger *ledger, const struct ledger_lease_filter *filter,
		    struct vfpool_event *ret_event, bool *ret_found)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char sql[512];
	int r;

	snprintf(sql, sizeof(sql),
		 EVENT_COLUMNS
		 "WHERE %s AND %s AND (?3 < 0 OR nic = ?3) AND (?4 = '' OR pool = ?4) "
		 "AND event IN ('release', 'force-release') ORDER BY id DESC LIMIT 1",
		 filter->id ? "lease = ?1" : "?1 = 0", filter->owner ? "owner = ?2" : "?2 = ''");
	r = db_prepare(ledger, &stmt, sql, "isis", filter->id, filter->owner ? filter->owner : "",
		       (int64_t)filter->nic, filter->pool ? filter->pool : "");

	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	*ret_found = r > 0;
	return r > 0 ? read_event(ledger, stmt, ret_event) : 0;
}
