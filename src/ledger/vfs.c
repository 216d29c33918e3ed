/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's PFs and VFs. */
#include "ledger/history.h"

#include <string.h>

int ledger_seed(struct ledger *ledger, char **ret_seed)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char *seed;
	int r = db_prepare(ledger, &stmt, "SELECT seed FROM host", "");

	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	if (r == 0)
		return fail(ledger->err, -EUCLEAN, "the ledger has lost its seed");
	seed = strdup(db_text(stmt, 0));
	if (!seed)
		return fail_oom(ledger->err);
	*ret_seed = seed;
	return 0;
}

static int add_pf(struct ledger *ledger, const struct vfpool_pf *pf, const char *address,
		  const char *mac, int64_t *ret_id)
{
	int r = db_run(ledger, "INSERT INTO pf (mac, address, numa) VALUES (iif(?, ?, NULL), ?, ?)",
		       "issi", (int64_t)pf->has_mac, mac, address, (int64_t)pf->numa_node);

	if (r < 0)
		return r;
	*ret_id = sqlite3_last_insert_rowid(ledger->db);
	return 0;
}

int ledger_pf(struct ledger *ledger, const struct vfpool_pf *pf, bool add, int64_t *ret_id)
{
	char address[VFPOOL_PCI_TEXT], mac[VFPOOL_MAC_TEXT];
	int64_t id;
	int r;

	vfpool_pci_format(&pf->address, address);
	vfpool_mac_format(&pf->mac, mac);
	if (pf->has_mac)
		r = db_number(ledger, 0, &id, "SELECT id FROM pf WHERE mac = ?", "s", mac);
	else
		r = db_number(ledger, 0, &id,
			      "SELECT id FROM pf WHERE address = ? ORDER BY id DESC LIMIT 1", "s",
			      address);
	if (r < 0)
		return r;
	if (id == 0 && add)
		r = add_pf(ledger, pf, address, mac, &id);
	else if (add)
		r = db_run(ledger,
			   "UPDATE pf SET address = ?1, numa = ?2 "
			   "WHERE id = ?3 AND (address <> ?1 OR numa <> ?2)",
			   "sii", address, (int64_t)pf->numa_node, id);
	if (r < 0)
		return r;
	*ret_id = id;
	return 0;
}

int ledger_pool_pfs(struct ledger *ledger, const char *pool, struct ledger_pool_pf **ret_places,
		    size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE struct ledger_pool_pf *places = NULL;
	size_t n = 0;
	int r = db_prepare(
		ledger, &stmt,
		"SELECT pf.id, pf.numa, pf.held IS NOT NULL, free, leased "
		"FROM pool_pf JOIN pf ON pf.id = pool_pf.pf WHERE pool = ? ORDER BY position",
		"s", pool);

	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		struct ledger_pool_pf *grown = reallocarray(places, n + 1, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		places = grown;
		places[n++] = (struct ledger_pool_pf){
			.pf = sqlite3_column_int64(stmt, 0),
			.numa = sqlite3_column_int(stmt, 1),
			.held = sqlite3_column_int(stmt, 2) != 0,
			.free = (unsigned)sqlite3_column_int(stmt, 3),
			.leased = (unsigned)sqlite3_column_int(stmt, 4),
		};
	}
	if (r < 0)
		return r;
	*ret_places = TAKE_PTR(places);
	*ret_n = n;
	return 0;
}

static bool has_places(const struct ledger_pool_pf *places, size_t n_places, const int64_t *pfs,
		       size_t n)
{
	for (size_t i = 0; i < n && n == n_places; i++)
		if (places[i].pf != pfs[i])
			return false;
	return n == n_places;
}

int ledger_set_pool_pfs(struct ledger *ledger, const char *pool, const int64_t *pfs, size_t n)
{
	AUTO_FREE struct ledger_pool_pf *places = NULL;
	size_t n_places;
	int r = ledger_pool_pfs(ledger, pool, &places, &n_places);

	if (r < 0 || has_places(places, n_places, pfs, n))
		return r;
	r = db_run(ledger, "DELETE FROM pool_pf WHERE pool = ?", "s", pool);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = db_run(
			ledger,
			"INSERT INTO pool_pf (pool, position, pf, free, leased) "
			"SELECT ?1, ?2, ?3, total(lease IS NULL AND avoid = 0 AND held IS NULL AND "
			"quarantine IS NULL), count(lease) FROM vf WHERE pool = ?1 AND pf = ?3",
			"sii", pool, (int64_t)i, pfs[i]);
	return r;
}

#define VF_COLUMNS                                                                        \
	"vf.id, vf.idx, vf.parking, ifnull(vf.lease, 0), pf.address, vf.pool, vf.avoid, " \
	"pf.mac, vf.held IS NOT NULL, pf.held IS NOT NULL, vf.quarantine"
#define VF_FROM " FROM vf JOIN pf ON pf.id = vf.pf "

static int read_vf(struct ledger *ledger, sqlite3_stmt *stmt, struct ledger_vf *vf)
{
	*vf = (struct ledger_vf){
		.id = sqlite3_column_int64(stmt, 0),
		.place.vf = (unsigned)sqlite3_column_int(stmt, 1),
		.lease = sqlite3_column_int64(stmt, 3),
		.avoid = sqlite3_column_int(stmt, 6) != 0,
		.place.has_pf_mac = sqlite3_column_type(stmt, 7) != SQLITE_NULL,
		.held = sqlite3_column_int(stmt, 8) != 0,
		.pf_held = sqlite3_column_int(stmt, 9) != 0,
		.quarantined = sqlite3_column_type(stmt, 10) != SQLITE_NULL,
	};
	snprintf(vf->pool, sizeof(vf->pool), "%s", db_text(stmt, 5));
	if (vfpool_mac_parse(db_text(stmt, 2), &vf->parking) < 0 ||
	    vfpool_pci_parse(db_text(stmt, 4), &vf->place.pf) < 0 ||
	    (vf->place.has_pf_mac && vfpool_mac_parse(db_text(stmt, 7), &vf->place.pf_mac) < 0) ||
	    (vf->quarantined && vfpool_mac_parse(db_text(stmt, 10), &vf->quarantine) < 0))
		return fail(ledger->err, -EUCLEAN, "the ledger's row of VF %u can't be understood",
			    vf->place.vf);
	return 0;
}

/* Fills *ret_vf with the statement's first row, or with id 0 when it has none. */
static int first_vf(struct ledger *ledger, sqlite3_stmt *stmt, struct ledger_vf *ret_vf)
{
	int r = db_step(ledger, stmt);

	if (r < 0)
		return r;
	*ret_vf = (struct ledger_vf){ 0 };
	return r ? read_vf(ledger, stmt, ret_vf) : 0;
}

int ledger_vf(struct ledger *ledger, int64_t pf, unsigned index, struct ledger_vf *ret_vf)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt,
			   "SELECT " VF_COLUMNS VF_FROM "WHERE vf.pf = ? AND vf.idx = ?", "ii", pf,
			   (int64_t)index);

	return r < 0 ? r : first_vf(ledger, stmt, ret_vf);
}

int ledger_vf_again(struct ledger *ledger, const struct ledger_vf *vf, struct ledger_vf *ret_vf)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt, "SELECT " VF_COLUMNS VF_FROM "WHERE vf.id = ?", "i",
			   vf->id);

	return r < 0 ? r : first_vf(ledger, stmt, ret_vf);
}

int ledger_add_vf(struct ledger *ledger, int64_t pf, unsigned index, const char *pool,
		  const struct vfpool_mac *parking)
{
	char mac[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(parking, mac);
	r = db_run(ledger, "INSERT INTO mac (mac, half) VALUES (?, 'parking')", "s", mac);
	if (r < 0)
		return r;
	return db_run(ledger, "INSERT INTO vf (pf, idx, pool, parking) VALUES (?, ?, ?, ?)", "iiss",
		      pf, (int64_t)index, pool, mac);
}

int ledger_remove_vf(struct ledger *ledger, const struct ledger_vf *vf)
{
	char mac[VFPOOL_MAC_TEXT];
	int r = db_run(ledger,
		       "DELETE FROM vf WHERE id = ? AND lease IS NULL AND quarantine IS NULL", "i",
		       vf->id);

	if (r < 0)
		return r;
	if (sqlite3_changes(ledger->db) != 1)
		return fail(ledger->err, -EUCLEAN, "VF %u has a lease or is in quarantine",
			    vf->place.vf);
	vfpool_mac_format(&vf->parking, mac);
	return r < 0 ? r : db_run(ledger, "DELETE FROM mac WHERE mac = ?", "s", mac);
}

int ledger_vfs(struct ledger *ledger, const char *pool, struct ledger_vf **ret_vfs, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE struct ledger_vf *vfs = NULL;
	size_t n = 0;
	int r = db_prepare(ledger, &stmt,
			   "SELECT " VF_COLUMNS VF_FROM
			   "WHERE ?1 = '' OR vf.pool = ?1 ORDER BY vf.pf, vf.idx",
			   "s", pool ? pool : "");

	if (r < 0)
		return r;
	for (r = db_step(ledger, stmt); r > 0; r = db_step(ledger, stmt)) {
		struct ledger_vf *grown = reallocarray(vfs, n + 1, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		vfs = grown;
		r = read_vf(ledger, stmt, &vfs[n++]);
		if (r < 0)
			break;
	}
	if (r < 0)
		return r;
	*ret_vfs = TAKE_PTR(vfs);
	*ret_n = n;
	return 0;
}

int ledger_free_vf(struct ledger *ledger, const char *pool, int64_t pf, struct ledger_vf *ret_vf)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(ledger, &stmt,
			   "SELECT " VF_COLUMNS VF_FROM
			   "WHERE vf.pool = ? AND vf.pf = ? AND vf.lease IS NULL AND vf.avoid = 0 "
			   "AND vf.held IS NULL AND vf.quarantine IS NULL ORDER BY vf.idx LIMIT 1",
			   "si", pool, pf);

	return r < 0 ? r : first_vf(ledger, stmt, ret_vf);
}

int ledger_quarantined_vf(struct ledger *ledger, const struct vfpool_mac *mac,
			  struct ledger_vf *ret_vf)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char text[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	r = db_prepare(ledger, &stmt, "SELECT " VF_COLUMNS VF_FROM "WHERE vf.quarantine = ?", "s",
		       text);
	return r < 0 ? r : first_vf(ledger, stmt, ret_vf);
}

int ledger_avoid_leased(struct ledger *ledger, int64_t id)
{
	return db_run(ledger, "UPDATE vf SET avoid = 1 WHERE lease = ?", "i", id);
}

int ledger_avoid_vf(struct ledger *ledger, int64_t vf)
{
	return db_run(ledger,
		      "UPDATE vf SET avoid = 1 WHERE id = ? AND lease IS NULL AND avoid = 0", "i",
		      vf);
}

int ledger_forgive_vf(struct ledger *ledger, int64_t vf)
{
	return db_run(ledger, "UPDATE vf SET avoid = 0 WHERE id = ?", "i", vf);
}

/* ---- maintenance ---- */

int ledger_held(struct ledger *ledger, int64_t pf, int index, char **ret_reason)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int r = db_prepare(
		ledger, &stmt,
		index < 0 ? "SELECT held FROM pf WHERE id = ? AND held IS NOT NULL" :
			    "SELECT held FROM vf WHERE pf = ? AND idx = ? AND held IS NOT NULL",
		index < 0 ? "i" : "ii", pf, (int64_t)index);

	if (r < 0)
		return r;
	r = db_step(ledger, stmt);
	if (r < 0)
		return r;
	*ret_reason = r ? strdup(db_text(stmt, 0)) : NULL;
	return r && !*ret_reason ? fail_oom(ledger->err) : 0;
}

int ledger_hold(struct ledger *ledger, int64_t pf, int index, const char *reason, char **ret_reason)
{
	AUTO_FREE char *before = NULL;
	int r = ledger_held(ledger, pf, index, &before);

	/* An empty reason is none: NULL in the table. */
	if (r < 0)
		return r;
	r = db_run(ledger,
		   index < 0 ? "UPDATE pf SET held = nullif(?, '') WHERE id = ?" :
			       "UPDATE vf SET held = nullif(?, '') WHERE pf = ? AND idx = ?",
		   index < 0 ? "si" : "sii", reason ? reason : "", pf, (int64_t)index);
	if (r < 0)
		return r;
	if (!before != !reason)
		r = history_add(ledger, reason ? "hold" : "unhold", "", "", 0, "", pf, index);
	if (r < 0)
		return r;
	*ret_reason = TAKE_PTR(before);
	return 0;
}
