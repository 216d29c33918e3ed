/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's leases. */
#include "ledger/history.h"

#include "util/mac.h"

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
	free(lease->guest);
	free(lease->uri);
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

#define LEASE_COLUMNS \
	"SELECT id, pool, owner, nic, mac, state, vf, pf, pf_mac, vlan, guest, uri, until_stop FROM held "

/* Copies the column's text to *ret_text, and NULL as NULL. False: out of memory. */
static bool copy_text(sqlite3_stmt *stmt, int column, char **ret_text)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return true;
	*ret_text = strdup(db_text(stmt, column));
	return *ret_text;
}

/* Finds the state of that name. False: there is none. */
static bool read_state(const char *text, enum vfpool_lease_state *ret_state)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (state_names[i] && strcmp(state_names[i], text) == 0) {
			*ret_state = (enum vfpool_lease_state)i;
			return true;
		}
	return false;
}

static int read_lease(struct ledger *ledger, sqlite3_stmt *stmt, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = calloc(1, sizeof(*lease));

	if (!lease || !copy_text(stmt, 1, &lease->pool) || !copy_text(stmt, 2, &lease->owner) ||
	    !copy_text(stmt, 10, &lease->guest) || !copy_text(stmt, 11, &lease->uri))
		return fail_oom(ledger->err);
	lease->id = (uint64_t)sqlite3_column_int64(stmt, 0);
	lease->nic = (unsigned)sqlite3_column_int(stmt, 3);
	lease->has_vf = sqlite3_column_type(stmt, 6) != SQLITE_NULL;
	lease->place.vf = (unsigned)sqlite3_column_int(stmt, 6);
	lease->place.has_pf_mac = sqlite3_column_type(stmt, 8) != SQLITE_NULL;
	lease->until_stop = sqlite3_column_int(stmt, 12) != 0;
	lease->was_started = sqlite3_column_int(stmt, 12) == 2;
	lease->vlan = sqlite3_column_type(stmt, 9) == SQLITE_NULL ? -1 :
								    sqlite3_column_int(stmt, 9);
	if (!read_state(db_text(stmt, 5), &lease->state) ||
	    vfpool_mac_parse(db_text(stmt, 4), &lease->mac) < 0 ||
	    (lease->has_vf && vfpool_pci_parse(db_text(stmt, 7), &lease->place.pf) < 0) ||
	    (lease->place.has_pf_mac &&
	     vfpool_mac_parse(db_text(stmt, 8), &lease->place.pf_mac) < 0))
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
	if (r < 0)
		return r;
	*ret_lease = NULL;
	return 0;
}

int ledger_find_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		      struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, LEASE_COLUMNS "WHERE pool = ? AND owner = ? AND nic = ?",
			   "ssi", pool, owner, (int64_t)nic);

	return r < 0 ? r : first_lease(ledger, stmt, ret_lease);
}

int ledger_find_mac(struct ledger *ledger, const struct vfpool_mac *mac,
		    struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char text[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	r = db_prepare(ledger, &stmt, LEASE_COLUMNS "WHERE mac = ?", "s", text);
	return r < 0 ? r : first_lease(ledger, stmt, ret_lease);
}

int ledger_get_lease(struct ledger *ledger, int64_t id, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, LEASE_COLUMNS "WHERE id = ?", "i", id);

	return r < 0 ? r : first_lease(ledger, stmt, ret_lease);
}

int ledger_leases(struct ledger *ledger, const struct ledger_lease_filter *filter,
		  struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = calloc(1, sizeof(*leases));
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char sql[512];
	size_t n = 0;
	int r;

	if (!leases)
		return fail_oom(ledger->err);
	/* What isn't asked for isn't in the question, so that SQLite finds the rest by its indexes. */
	snprintf(sql, sizeof(sql),
		 LEASE_COLUMNS "WHERE %s AND %s AND %s AND %s ORDER BY pool, owner, nic",
		 filter->pool ? "pool = ?1" : "?1 = ''", filter->owner ? "owner = ?2" : "?2 = ''",
		 filter->nic >= 0 ? "nic = ?3" : "?3 < 0", filter->id ? "id = ?4" : "?4 = 0");
	r = db_prepare(ledger, &stmt, sql, "ssii", filter->pool ? filter->pool : "",
		       filter->owner ? filter->owner : "", (int64_t)filter->nic, filter->id);
	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
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
	int r = db_number(ledger, 0, &n, "SELECT leases FROM pool WHERE name = ?", "s", pool);

	if (r < 0)
		return r;
	*ret_n = (unsigned)n;
	return 0;
}

int ledger_lease_numa(struct ledger *ledger, int64_t id, int *ret_numa)
{
	int64_t numa;
	int r = db_number(ledger, -1, &numa,
			  "SELECT pf.numa FROM pf JOIN vf ON vf.pf = pf.id WHERE vf.lease = ?", "i",
			  id);

	if (r < 0)
		return r;
	*ret_numa = (int)numa;
	return 0;
}

static int add_lease_event(struct ledger *ledger, int64_t lease, const char *event)
{
	return db_run(
		ledger,
		"INSERT INTO history (at, event, lease, pool, owner, nic, mac, pf, vf, command) "
		"SELECT ?, ?, id, pool, owner, nic, mac, ifnull(pf_mac, pf), vf, ? FROM held "
		"WHERE id = ?",
		"issi", (int64_t)time(NULL), event, ledger->command, lease);
}

int ledger_add_lease(struct ledger *ledger, int64_t reservation, int64_t vf, int vlan,
		     int64_t *ret_id)
{
	int64_t id;
	int r = db_run(ledger,
		       "INSERT INTO lease (reservation, state, since, vlan) "
		       "VALUES (?1, 'pending', ?2, iif(?3 < 0, NULL, ?3))",
		       "iii", reservation, (int64_t)time(NULL), (int64_t)vlan);

	if (r < 0)
		return r;
	id = sqlite3_last_insert_rowid(ledger->db);
	if (vf)
		r = db_run(ledger, "UPDATE vf SET lease = ? WHERE id = ? AND lease IS NULL", "ii",
			   id, vf);
	if (r < 0)
		return r;
	if (vf && sqlite3_changes(ledger->db) != 1)
		return fail(ledger->err, -EUCLEAN, "the VF that was free is leased");
	*ret_id = id;
	return 0;
}

int ledger_end_at_stop(struct ledger *ledger, int64_t id)
{
	return db_run(ledger, "UPDATE lease SET until_stop = 1 WHERE id = ?", "i", id);
}

int ledger_start_lease(struct ledger *ledger, int64_t id)
{
	return db_run(ledger, "UPDATE lease SET until_stop = 2 WHERE id = ? AND until_stop = 1",
		      "i", id);
}

static int fail_stale(struct ledger *ledger, int64_t id, enum vfpool_lease_state from)
{
	return fail(ledger->err, -E_CHANGED,
		    "lease %lld isn't %s any more: another vfpool has changed it", (long long)id,
		    state_names[from]);
}

int ledger_move_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from,
		      enum vfpool_lease_state to)
{
	int r = db_run(ledger, "UPDATE lease SET state = ? WHERE id = ? AND state = ?", "sis",
		       state_names[to], id, state_names[from]);

	if (r < 0)
		return r;
	if (sqlite3_changes(ledger->db) != 1)
		return fail_stale(ledger, id, from);
	return to == VFPOOL_LEASE_ACTIVE ? add_lease_event(ledger, id, "alloc") : 0;
}

/* Removes the lease, which has to be in the state `from`, and leaves its VF to the caller. -E_CHANGED: it isn't in
 * that state. */
static int remove_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from)
{
	int r = db_run(ledger, "DELETE FROM lease WHERE id = ? AND state = ?", "is", id,
		       state_names[from]);

	if (r < 0)
		return r;
	return sqlite3_changes(ledger->db) == 1 ? 0 : fail_stale(ledger, id, from);
}

int ledger_end_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from)
{
	int64_t told;
	int r = db_number(ledger, 0, &told, "SELECT 1 FROM history WHERE lease = ?", "i", id);

	if (r < 0)
		return r;
	if (told) /* one that was never active was nobody's */
		r = add_lease_event(ledger, id, "release");
	if (r < 0)
		return r;
	r = db_run(ledger,
		   "UPDATE vf SET lease = NULL WHERE lease = "
		   "(SELECT id FROM lease WHERE id = ? AND state = ?)",
		   "is", id, state_names[from]);
	return r < 0 ? r : remove_lease(ledger, id, from);
}

int ledger_quarantine(struct ledger *ledger, int64_t id, enum vfpool_lease_state from)
{
	int r = add_lease_event(ledger, id, "force-release");

	if (r < 0)
		return r;
	r = db_run(ledger,
		   "UPDATE vf SET lease = NULL, quarantine = (SELECT mac FROM held WHERE id = ?1) "
		   "WHERE lease = (SELECT id FROM lease WHERE id = ?1 AND state = ?2)",
		   "is", id, state_names[from]);
	return r < 0 ? r : remove_lease(ledger, id, from);
}

/* Makes the MAC nobody's, unless a reservation has it or it is live on a VF in quarantine. */
static int drop_mac(struct ledger *ledger, const char *mac)
{
	return db_run(ledger,
		      "DELETE FROM mac WHERE mac = ?1 AND half = 'lease' AND "
		      "NOT EXISTS (SELECT 1 FROM reservation WHERE reservation.mac = ?1) AND "
		      "NOT EXISTS (SELECT 1 FROM vf WHERE vf.quarantine = ?1)",
		      "s", mac);
}

int ledger_end_quarantine(struct ledger *ledger, const struct ledger_vf *vf)
{
	char mac[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(&vf->quarantine, mac);
	r = db_run(ledger, "UPDATE vf SET quarantine = NULL WHERE id = ? AND quarantine = ?", "is",
		   vf->id, mac);
	return r < 0 ? r : drop_mac(ledger, mac);
}

int ledger_see_guest(struct ledger *ledger, int64_t id, const char *uuid, const char *uri)
{
	int r = db_run(ledger, "UPDATE lease SET guest = ?, uri = ? WHERE id = ?", "ssi", uuid, uri,
		       id);

	return r < 0 ? r : add_lease_event(ledger, id, "guest");
}

/* ---- reservations ---- */

int ledger_reservation(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       struct ledger_reservation *ret_reservation)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(
		ledger, &stmt,
		"SELECT id, mac FROM reservation WHERE pool = ? AND owner = ? AND nic = ?", "ssi",
		pool, owner, (int64_t)nic);

	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	*ret_reservation = (struct ledger_reservation){ 0 };
	if (r == 0)
		return 0;
	ret_reservation->id = sqlite3_column_int64(stmt, 0);
	if (vfpool_mac_parse(db_text(stmt, 1), &ret_reservation->mac) < 0)
		return fail(ledger->err, -EUCLEAN, "the ledger's MAC of %s can't be understood",
			    owner);
	return 0;
}

int ledger_reserve(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		   const struct vfpool_mac *mac, unsigned attempt, int64_t *ret_id)
{
	char text[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	r = db_run(ledger, "INSERT INTO mac (mac, half) VALUES (?, 'lease')", "s", text);
	if (r < 0)
		return r;
	r = db_run(ledger,
		   "INSERT INTO reservation (pool, owner, nic, mac, attempt, used) "
		   "VALUES (?, ?, ?, ?, ?, ?)",
		   "ssisii", pool, owner, (int64_t)nic, text, (int64_t)attempt,
		   (int64_t)time(NULL));
	if (r < 0)
		return r;
	*ret_id = sqlite3_last_insert_rowid(ledger->db);
	return 0;
}

int ledger_forget(struct ledger *ledger, const char *pool, const char *owner, unsigned nic)
{
	struct ledger_reservation reservation;
	char mac[VFPOOL_MAC_TEXT];
	int r = ledger_reservation(ledger, pool, owner, nic, &reservation);

	if (r < 0)
		return r;
	if (!reservation.id)
		return fail(ledger->err, -E_NONE, "%s nic %u has no MAC in pool %s", owner, nic,
			    pool);
	vfpool_mac_format(&reservation.mac, mac);
	r = db_run(ledger, "DELETE FROM reservation WHERE id = ?", "i", reservation.id);
	if (r < 0)
		return r;
	r = history_add(ledger, "forget", pool, owner, nic, mac, 0, -1);
	return r < 0 ? r : drop_mac(ledger, mac);
}

int ledger_drop_untold(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       unsigned count)
{
	int r = db_run(ledger,
		       "DELETE FROM reservation WHERE pool = ?1 AND owner = ?2 AND nic >= ?3 AND "
		       "nic < ?3 + ?4 AND told = 0 AND NOT EXISTS (SELECT 1 FROM lease WHERE "
		       "lease.reservation = reservation.id)",
		       "ssii", pool, owner, (int64_t)nic, (int64_t)count);

	if (r < 0 || sqlite3_changes(ledger->db) == 0)
		return r;
	return db_run(ledger,
		      "DELETE FROM mac WHERE half = 'lease' AND "
		      "NOT EXISTS (SELECT 1 FROM reservation WHERE reservation.mac = mac.mac) AND "
		      "NOT EXISTS (SELECT 1 FROM vf WHERE vf.quarantine = mac.mac)",
		      "");
}

void vfpool_reservations_free(struct vfpool_reservation *reservations, size_t n)
{
	for (size_t i = 0; reservations && i < n; i++) {
		free(reservations[i].pool);
		free(reservations[i].owner);
	}
	free(reservations);
}

static int read_reservation(struct ledger *ledger, sqlite3_stmt *stmt,
			    struct vfpool_reservation *reservation)
{
	reservation->nic = (unsigned)sqlite3_column_int(stmt, 2);
	reservation->leased = sqlite3_column_int(stmt, 4) != 0;
	reservation->used = sqlite3_column_int64(stmt, 5);
	if (!copy_text(stmt, 0, &reservation->pool) || !copy_text(stmt, 1, &reservation->owner))
		return fail_oom(ledger->err);
	if (vfpool_mac_parse(db_text(stmt, 3), &reservation->mac) < 0)
		return fail(ledger->err, -EUCLEAN, "the ledger's MAC of %s can't be understood",
			    reservation->owner);
	return 0;
}

int ledger_reservations(struct ledger *ledger, const struct ledger_reservation_filter *filter,
			struct vfpool_reservation **ret_reservations, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	struct vfpool_reservation *reservations = NULL;
	char first[VFPOOL_MAC_TEXT] = "", last[VFPOOL_MAC_TEXT] = "g";
	size_t n = 0;
	int r;

	if (filter->first)
		vfpool_mac_format(filter->first, first);
	if (filter->last)
		vfpool_mac_format(filter->last, last);
	r = db_prepare(ledger, &stmt,
		       "SELECT pool, owner, nic, mac, lease.id IS NOT NULL, used FROM reservation "
		       "LEFT JOIN lease ON lease.reservation = reservation.id "
		       "WHERE (?1 = '' OR pool = ?1) AND (?2 = 0 OR lease.id IS NULL) AND "
		       "(?3 = 0 OR used < ?3) AND mac BETWEEN ?4 AND ?5 "
		       "ORDER BY iif(?2, used, 0), pool, owner, nic",
		       "siiss", filter->pool ? filter->pool : "", (int64_t)filter->idle,
		       filter->before, first, last);
	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		struct vfpool_reservation *grown = reallocarray(reservations, n + 1,
								sizeof(*grown));

		if (!grown) {
			r = fail_oom(ledger->err);
			break;
		}
		reservations = grown;
		reservations[n] = (struct vfpool_reservation){ 0 };
		r = read_reservation(ledger, stmt, &reservations[n++]);
		if (r < 0)
			break;
	}
	if (r < 0) {
		vfpool_reservations_free(reservations, n);
		return r;
	}
	*ret_reservations = reservations;
	*ret_n = n;
	return 0;
}

int ledger_rename(struct ledger *ledger, const char *owner, const char *new_owner, unsigned *ret_n)
{
	int r = db_run(ledger, "UPDATE reservation SET owner = ? WHERE owner = ?", "ss", new_owner,
		       owner);

	if (r < 0)
		return r;
	*ret_n = (unsigned)sqlite3_changes(ledger->db);
	return *ret_n ? history_add(ledger, "rename", "", new_owner, 0, "", 0, -1) : 0;
}

int ledger_knows_pool(struct ledger *ledger, const char *pool, bool *ret_known)
{
	int64_t known;
	int r = db_number(ledger, 0, &known,
			  "SELECT EXISTS (SELECT 1 FROM reservation WHERE pool = ?1) OR "
			  "EXISTS (SELECT 1 FROM vf WHERE pool = ?1)",
			  "s", pool);

	if (r < 0)
		return r;
	*ret_known = known != 0;
	return 0;
}

int ledger_rename_pool(struct ledger *ledger, const char *pool, const char *new_pool)
{
	/* The VFs' triggers move the counters of pool_pf. */
	static const char *const changes[] = {
		"DELETE FROM pool_pf WHERE pool = ?2 AND EXISTS (SELECT 1 FROM pool_pf WHERE pool = ?1)",
		"INSERT INTO pool_pf (pool, position, pf) SELECT ?2, position, pf FROM pool_pf WHERE pool = ?1",
		"UPDATE vf SET pool = ?2 WHERE pool = ?1",
		"DELETE FROM pool_pf WHERE pool = ?1 AND ?2 <> ''",
		"UPDATE reservation SET pool = ?2 WHERE pool = ?1",
		"INSERT INTO pool (name, leases) SELECT ?2, leases FROM pool WHERE name = ?1 "
		"ON CONFLICT (name) DO UPDATE SET leases = leases + excluded.leases",
		"DELETE FROM pool WHERE name = ?1 AND ?2 <> ''",
	};
	bool known;
	int r = ledger_knows_pool(ledger, pool, &known);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(changes); i++)
		r = db_run(ledger, changes[i], "ss", pool, new_pool);
	if (r < 0)
		return r;
	if (known)
		r = history_add(ledger, "rename", new_pool, "", 0, "", 0, -1);
	return r;
}

/* ---- MACs ---- */

int ledger_free_mac(struct ledger *ledger, const struct vfpool_mac *first,
		    const struct vfpool_mac *last, struct vfpool_mac *ret_mac)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char from[VFPOOL_MAC_TEXT], to[VFPOOL_MAC_TEXT];
	uint64_t number = mac_number(first);
	struct vfpool_mac taken;
	int r;

	vfpool_mac_format(first, from);
	vfpool_mac_format(last, to);
	r = db_prepare(ledger, &stmt, "SELECT mac FROM mac WHERE mac BETWEEN ? AND ? ORDER BY mac",
		       "ss", from, to);
	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		r = vfpool_mac_parse(db_text(stmt, 0), &taken);
		if (r < 0)
			return fail(ledger->err, -EUCLEAN,
				    "the ledger's MAC '%s' can't be understood", db_text(stmt, 0));
		if (mac_number(&taken) != number)
			break; /* a gap */
		number++;
	}
	if (r < 0)
		return r;
	if (number > mac_number(last))
		return -ENOENT;
	*ret_mac = mac_of_number(number);
	return 0;
}

int ledger_mac_user(struct ledger *ledger, const struct vfpool_mac *mac, char **ret_who)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char text[VFPOOL_MAC_TEXT];
	char *who = NULL;
	int r;

	vfpool_mac_format(mac, text);
	r = db_prepare(
		ledger, &stmt,
		"SELECT ifnull((SELECT 'that of ' || owner || ' nic ' || nic || ' in pool ' || pool "
		"FROM reservation WHERE reservation.mac = mac.mac), iif(half = 'parking', "
		"'that of a free VF', 'still live on a VF in quarantine')) FROM mac WHERE mac = ?",
		"s", text);
	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r > 0 && !copy_text(stmt, 0, &who))
		return fail_oom(ledger->err);
	if (r < 0)
		return r;
	*ret_who = who;
	return 0;
}

int ledger_idle_reservation(struct ledger *ledger, const char *pool, const struct vfpool_mac *mac,
			    int64_t *ret_id)
{
	char text[VFPOOL_MAC_TEXT];

	vfpool_mac_format(mac, text);
	return db_number(ledger, 0, ret_id,
			 "SELECT id FROM reservation WHERE pool = ? AND mac = ? AND NOT EXISTS "
			 "(SELECT 1 FROM lease WHERE lease.reservation = reservation.id)",
			 "ss", pool, text);
}
