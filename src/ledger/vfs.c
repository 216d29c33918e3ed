/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's PFs and VFs. */
#include "ledger/db.h"

#include <string.h>

int ledger_seed(struct ledger *ledger, char **ret_seed)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	char *seed;
	int r = db_prepare(ledger, &stmt, "SELECT seed FROM host", "");

	if (r == 0)
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
	if (r == 0 && id == 0 && add) {
		r = db_run(ledger, "INSERT INTO pf (mac, address) VALUES (iif(?, ?, NULL), ?)", "iss",
			   (int64_t)pf->has_mac, mac, address);
		id = sqlite3_last_insert_rowid(ledger->db);
	} else if (r == 0 && add) {
		r = db_run(ledger, "UPDATE pf SET address = ?1 WHERE id = ?2 AND address <> ?1", "si",
			   address, id);
	}
	if (r == 0)
		*ret_id = id;
	return r;
}

int ledger_pool_pfs(struct ledger *ledger, const char *pool, int64_t **ret_pfs, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE int64_t *pfs = NULL;
	size_t n = 0;
	int r = db_prepare(ledger, &stmt, "SELECT pf FROM pool_pf WHERE pool = ? ORDER BY position",
			   "s", pool);

	if (r < 0)
		return r;
	while ((r = db_step(ledger, stmt)) > 0) {
		int64_t *grown = reallocarray(pfs, n + 1, sizeof(*grown));

		if (!grown)
			return fail_oom(ledger->err);
		pfs = grown;
		pfs[n++] = sqlite3_column_int64(stmt, 0);
	}
	if (r < 0)
		return r;
	*ret_pfs = TAKE_PTR(pfs);
	*ret_n = n;
	return 0;
}

int ledger_set_pool_pfs(struct ledger *ledger, const char *pool, const int64_t *pfs, size_t n)
{
	AUTO_FREE int64_t *is = NULL;
	size_t n_is;
	int r = ledger_pool_pfs(ledger, pool, &is, &n_is);

	if (r < 0 || (n == n_is && (n == 0 || memcmp(is, pfs, n * sizeof(*pfs)) == 0)))
		return r;
	r = db_run(ledger, "DELETE FROM pool_pf WHERE pool = ?", "s", pool);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = db_run(ledger, "INSERT INTO pool_pf (pool, position, pf) VALUES (?, ?, ?)", "sii",
			   pool, (int64_t)i, pfs[i]);
	return r;
}

#define VF_COLUMNS "vf.id, vf.idx, vf.parking, ifnull(vf.lease, 0), pf.address, vf.pool, vf.avoid, pf.mac"
#define VF_FROM " FROM vf JOIN pf ON pf.id = vf.pf "

static int read_vf(struct ledger *ledger, sqlite3_stmt *stmt, struct ledger_vf *vf)
{
	*vf = (struct ledger_vf){
		.id = sqlite3_column_int64(stmt, 0),
		.index = (unsigned)sqlite3_column_int(stmt, 1),
		.lease = sqlite3_column_int64(stmt, 3),
		.avoid = sqlite3_column_int(stmt, 6) != 0,
		.has_pf_mac = sqlite3_column_type(stmt, 7) != SQLITE_NULL,
	};
	snprintf(vf->pool, sizeof(vf->pool), "%s", db_text(stmt, 5));
	if (vfpool_mac_parse(db_text(stmt, 2), &vf->parking) < 0 ||
	    vfpool_pci_parse(db_text(stmt, 4), &vf->pf) < 0 ||
	    (vf->has_pf_mac && vfpool_mac_parse(db_text(stmt, 7), &vf->pf_mac) < 0))
		return fail(ledger->err, -EUCLEAN, "the ledger's row of VF %u can't be understood",
			    vf->index);
	return 0;
}

/* The first row, or one with id 0. */
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
	int r = db_run(ledger, "DELETE FROM vf WHERE id = ? AND lease IS NULL", "i", vf->id);

	vfpool_mac_format(&vf->parking, mac);
	return r < 0 ? r : db_run(ledger, "DELETE FROM mac WHERE mac = ?", "s", mac);
}

int ledger_vfs(struct ledger *ledger, const char *pool, struct ledger_vf **ret_vfs, size_t *ret_n)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	AUTO_FREE struct ledger_vf *vfs = NULL;
	size_t n = 0;
	int r = db_prepare(ledger, &stmt,
			   "SELECT " VF_COLUMNS VF_FROM "WHERE vf.pool = ? ORDER BY vf.pf, vf.idx", "s",
			   pool);

	if (r < 0)
		return r;
	while ((r = db_step(ledger, stmt)) > 0) {
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

int ledger_free_vf(struct ledger *ledger, const char *pool, int64_t pf, struct ledger_vf *ret_vf,
		   unsigned *ret_leased)
{
	CLEANUP(cleanup_stmt) sqlite3_stmt *stmt = NULL;
	int64_t leased;
	int r = db_number(ledger, 0, &leased,
			  "SELECT count(*) FROM vf WHERE pool = ? AND pf = ? AND lease IS NOT NULL",
			  "si", pool, pf);

	if (r == 0)
		r = db_prepare(ledger, &stmt,
			       "SELECT " VF_COLUMNS VF_FROM
			       "WHERE vf.pool = ? AND vf.pf = ? AND vf.lease IS NULL AND vf.avoid = 0 "
			       "ORDER BY vf.idx LIMIT 1",
			       "si", pool, pf);
	if (r == 0)
		r = first_vf(ledger, stmt, ret_vf);
	if (r == 0)
		*ret_leased = (unsigned)leased;
	return r;
}

int ledger_forgive_vf(struct ledger *ledger, int64_t vf)
{
	return db_run(ledger, "UPDATE vf SET avoid = 0 WHERE id = ?", "i", vf);
}

int ledger_mac_taken(struct ledger *ledger, const struct vfpool_mac *mac, bool *ret_taken)
{
	char text[VFPOOL_MAC_TEXT];
	int64_t n;
	int r;

	vfpool_mac_format(mac, text);
	r = db_number(ledger, 0, &n, "SELECT count(*) FROM mac WHERE mac = ?", "s", text);
	if (r == 0)
		*ret_taken = n > 0;
	return r;
}
