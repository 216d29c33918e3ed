/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's leases and reservations. */
#include "ledger/db.h"

#include <string.h>
#include <time.h>

static const char *const state_names[] = {
	[VFPOOL_LEASE_PENDING] = "pending",
	[VFPOOL_LEASE_ACTIVE] = "active",
	[VFPOOL_LEASE_RELEASING] = "releasing",
};

void vfpool_lease_free(struct vfpool_lease *lease)
{
	if (!lease)
		return;
	free(lease->pool);
	free(lease->owner);
	free(lease);
}

void vfpool_leases_free(struct vfpool_lease **leases)
{
	for (struct vfpool_lease **lease = leases; lease && *lease; lease++)
		vfpool_lease_free(*lease);
	free(leases);
}

DEFINE_CLEANUP(struct vfpool_lease *, cleanup_lease, vfpool_lease_free);
DEFINE_CLEANUP(struct vfpool_lease **, cleanup_leases, vfpool_leases_free);

#define LEASE_COLUMNS "SELECT id, pool, owner, nic, mac, state, vf, pf, pf_mac FROM held "

static int read_lease(struct ledger *ledger, sqlite3_stmt *stmt, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return fail_oom(ledger->err);
	lease->id = (uint64_t)sqlite3_column_int64(stmt, 0);
	lease->pool = strdup(db_text(stmt, 1));
	lease->owner = strdup(db_text(stmt, 2));
	lease->nic = (unsigned)sqlite3_column_int(stmt, 3);
	lease->has_vf = sqlite3_column_type(stmt, 6) != SQLITE_NULL;
	lease->vf = (unsigned)sqlite3_column_int(stmt, 6);
	lease->has_pf_mac = sqlite3_column_type(stmt, 8) != SQLITE_NULL;
	if (!lease->pool || !lease->owner)
		return fail_oom(ledger->err);
	while (strcmp(state_names[lease->state], db_text(stmt, 5)) != 0 &&
	       lease->state < VFPOOL_LEASE_RELEASING)
		lease->state++;
	if (vfpool_mac_parse(db_text(stmt, 4), &lease->mac) < 0 ||
	    (lease->has_vf && vfpool_pci_parse(db_text(stmt, 7), &lease->pf) < 0) ||
	    (lease->has_pf_mac && vfpool_mac_parse(db_text(stmt, 8), &lease->pf_mac) < 0))
		return fail(ledger->err, -EUCLEAN, "the ledger's lease %llu can't be understood",
			    (unsigned long long)lease->id);
	*ret_lease = TAKE_PTR(lease);
	return 0;
}

static int first_lease(struct ledger *ledger, sqlite3_stmt *stmt, struct vfpool_lease **ret_lease)
{
	int r = db_step(ledger, stmt);

	if (r > 0)
		return read_lease(ledger, stmt, ret_lease);
	if (r == 0)
		*ret_lease = NULL;
	return r;
}

int ledger_find_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		      struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt,
			   LEASE_COLUMNS "WHERE pool = ? AND owner = ? AND nic = ?", "ssi", pool,
			   owner, (int64_t)nic);

	return r < 0 ? r : first_lease(ledger, stmt, ret_lease);
}

int ledger_get_lease(struct ledger *ledger, int64_t id, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, LEASE_COLUMNS "WHERE id = ?", "i", id);

	return r < 0 ? r : first_lease(ledger, stmt, ret_lease);
}

int ledger_leases(struct ledger *ledger, const char *pool, struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = calloc(1, sizeof(*leases));
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r;

	if (!leases)
		return fail_oom(ledger->err);
	r = db_prepare(ledger, &stmt,
		       LEASE_COLUMNS "WHERE ?1 = '' OR pool = ?1 ORDER BY pool, owner, nic", "s",
		       pool ? pool : "");
	if (r < 0)
		return r;
	while ((r = db_step(ledger, stmt)) > 0) {
		struct vfpool_lease **grown = reallocarray(leases, n + 2, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		leases = grown;
		leases[n + 1] = NULL;
		r = read_lease(ledger, stmt, &leases[n]);
		if (r < 0)
			return r;
		n++;
	}
	if (r < 0)
		return r;
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

int ledger_count_leases(struct ledger *ledger, const char *pool, unsigned *ret_n)
{
	int64_t n;
	int r = db_number(ledger, 0, &n, "SELECT count(*) FROM held WHERE pool = ?", "s", pool);

	if (r == 0)
		*ret_n = (unsigned)n;
	return r;
}

int ledger_reservation(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       struct vfpool_mac *ret_mac, bool *ret_found)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt,
			   "SELECT mac FROM reservation WHERE pool = ? AND owner = ? AND nic = ?",
			   "ssi", pool, owner, (int64_t)nic);

	if (r == 0)
		r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	if (r > 0 && vfpool_mac_parse(db_text(stmt, 0), ret_mac) < 0)
		return fail(ledger->err, -EUCLEAN, "the ledger's MAC of %s can't be understood", owner);
	*ret_found = r > 0;
	return 0;
}

int ledger_reserve(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		   const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	r = db_run(ledger, "INSERT INTO mac (mac, half) VALUES (?, 'lease')", "s", text);
	if (r < 0)
		return r;
	return db_run(ledger, "INSERT INTO reservation (pool, owner, nic, mac) VALUES (?, ?, ?, ?)",
		      "ssis", pool, owner, (int64_t)nic, text);
}

static int add_history(struct ledger *ledger, int64_t lease, const char *event)
{
	return db_run(ledger,
		      "INSERT INTO history (at, event, lease, pool, owner, nic, mac, pf, vf) "
		      "SELECT ?, ?, id, pool, owner, nic, mac, pf, vf FROM held WHERE id = ?",
		      "isi", (int64_t)time(NULL), event, lease);
}

int ledger_add_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		     int64_t vf, int64_t *ret_id)
{
	int64_t id;
	int r = db_run(ledger,
		       "INSERT INTO lease (reservation, state, since) "
		       "SELECT id, 'pending', ? FROM reservation WHERE pool = ? AND owner = ? AND nic = ?",
		       "issi", (int64_t)time(NULL), pool, owner, (int64_t)nic);

	if (r < 0)
		return r;
	id = sqlite3_last_insert_rowid(ledger->db);
	if (vf)
		r = db_run(ledger, "UPDATE vf SET lease = ? WHERE id = ? AND lease IS NULL", "ii", id, vf);
	if (r == 0 && vf && sqlite3_changes(ledger->db) != 1)
		return fail(ledger->err, -EUCLEAN, "the VF that was free is leased");
	if (r == 0)
		*ret_id = id;
	return r;
}

int ledger_move_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from,
		      enum vfpool_lease_state to)
{
	int r = db_run(ledger, "UPDATE lease SET state = ? WHERE id = ? AND state = ?", "sis",
		       state_names[to], id, state_names[from]);

	if (r < 0)
		return r;
	if (sqlite3_changes(ledger->db) != 1)
		return -ESTALE;
	return to == VFPOOL_LEASE_ACTIVE ? add_history(ledger, id, "alloc") : 0;
}

int ledger_avoid_leased(struct ledger *ledger, int64_t id)
{
	return db_run(ledger, "UPDATE vf SET avoid = 1 WHERE lease = ?", "i", id);
}

int ledger_end_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from)
{
	int r;

	if (from == VFPOOL_LEASE_RELEASING) {
		r = add_history(ledger, id, "release");
		if (r < 0)
			return r;
	}
	r = db_run(ledger,
		   "UPDATE vf SET lease = NULL WHERE lease IN (SELECT id FROM lease WHERE id = ? AND state = ?)",
		   "is", id, state_names[from]);
	if (r < 0)
		return r;
	r = db_run(ledger, "DELETE FROM lease WHERE id = ? AND state = ?", "is", id,
		   state_names[from]);
	if (r < 0)
		return r;
	return sqlite3_changes(ledger->db) == 1 ? 0 : -ESTALE;
}
