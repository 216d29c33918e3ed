/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How MACs are made, and those of VFs that nobody has: each is parked with one of its own, which the ledger has. */
#include "manager/parking.h"

#include "util/mac.h"

#include <string.h>

int parking_seed(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		 char **ret_seed)
{
	char *seed;

	if (!pool->seed && ledger)
		return ledger_seed(ledger, ret_seed);
	/* Without a ledger there is no seed yet: a dry run shows some MAC. */
	seed = strdup(pool->seed ? pool->seed : "");
	if (!seed)
		return fail_oom(&vp->err);
	*ret_seed = seed;
	return 0;
}

void parking_key(const struct vfpool_pf *pf, unsigned vf, char ret_key[PARKING_KEY])
{
	char mac[VFPOOL_MAC_TEXT], address[VFPOOL_PCI_TEXT];

	vfpool_mac_format(&pf->mac, mac);
	vfpool_pci_format(&pf->address, address);
	snprintf(ret_key, PARKING_KEY, "%s\n%u", pf->has_mac ? mac : address, vf);
}

bool parking_can_be_an_owners(const struct vfpool_mac *mac)
{
	static const struct vfpool_mac zero = { 0 };

	return !(mac->byte[0] & 1) && !vfpool_mac_equal(mac, &zero);
}

/* Finds the first MAC of the closed range that nobody has, in the ledger or by the filter. -ENOENT, without a
 * message: none. */
static int find_in_range(struct ledger *ledger, uint64_t first, uint64_t last,
			 const struct mac_filter *filter, struct vfpool_mac *ret_mac)
{
	while (first <= last) {
		const struct vfpool_mac from = mac_of_number(first), to = mac_of_number(last);
		int r = ledger_free_mac(ledger, &from, &to, ret_mac);

		if (r < 0 || (parking_can_be_an_owners(ret_mac) &&
			      (!filter || !filter->is_taken(filter->arg, ret_mac))))
			return r;
		first = mac_number(ret_mac) + 1;
	}
	return -ENOENT;
}

int parking_find_free_mac(struct ledger *ledger, const struct vfpool_pool *pool, enum mac_half half,
			  const struct vfpool_mac *from, const struct mac_filter *filter,
			  struct vfpool_mac *ret_mac)
{
	struct vfpool_mac first, last;
	const uint64_t start = mac_number(from);
	int r;

	mac_range(pool, half, &first, &last);
	r = find_in_range(ledger, start, mac_number(&last), filter, ret_mac);
	if (r == -ENOENT && start > mac_number(&first))
		r = find_in_range(ledger, mac_number(&first), start - 1, filter, ret_mac);
	return r;
}

/* ---- a VF's own ---- */

bool parking_is_anothers(const struct pool_claim *claim, const struct ledger_vf *row)
{
	return row->id && (row->lease || row->quarantined) &&
	       strcmp(row->pool, claim->pool->name) != 0;
}

/* So many tries by hash; then the range is nearly full, and walked through. */
#define PARKING_ATTEMPTS 100

/* A VF of a pool. */
struct parked {
	struct vfpool *vp;
	struct ledger *ledger; /* NULL: none yet */
	const struct pool_claim *claim;
	int64_t pf_id; /* the row of its PF, 0: none yet */
	unsigned vf;
};

/* Chooses a new MAC for the VF; `record`: the VF gets a row with it. */
static int choose_parking(const struct parked *parked, bool record, struct vfpool_mac *ret_mac)
{
	const struct vfpool_pool *pool = parked->claim->pool;
	char key[PARKING_KEY];
	AUTO_FREE char *seed = NULL;
	int r = parking_seed(parked->vp, parked->ledger, pool, &seed);

	if (r < 0)
		return r;
	parking_key(parked->claim->pf, parked->vf, key);
	for (unsigned attempt = 0; attempt < PARKING_ATTEMPTS; attempt++) {
		mac_make(pool, seed, MAC_PARKING, key, attempt, ret_mac);
		if (record) {
			r = ledger_add_vf(parked->ledger, parked->pf_id, parked->vf, pool->name,
					  ret_mac);
			if (r != -E_TAKEN)
				return r;
		} else {
			AUTO_FREE char *user = NULL;

			r = parked->ledger ? ledger_mac_user(parked->ledger, ret_mac, &user) : 0;
			if (r < 0 || !user)
				return r;
		}
	}
	mac_make(pool, seed, MAC_PARKING, key, 0, ret_mac);
	r = parking_find_free_mac(parked->ledger, pool, MAC_PARKING, ret_mac, NULL, ret_mac);
	if (r == 0)
		return record ? ledger_add_vf(parked->ledger, parked->pf_id, parked->vf, pool->name,
					      ret_mac) :
				0;
	if (r != -ENOENT)
		return r;
	return fail(&parked->vp->err, -EADDRNOTAVAIL,
		    "pool %s: its MAC prefix leaves too few addresses to park its free VFs; "
		    "take a shorter prefix",
		    pool->name);
}

/* Moves the VF, which another pool had, to the one that the definitions now give it to. */
static int take_over(const struct parked *parked, const struct ledger_vf *row)
{
	AUTO_FREE char *reason = NULL, *before = NULL;
	struct vfpool_mac mac;
	int r = 0;

	if (parking_is_anothers(parked->claim, row))
		return 0; /* the plan says why it isn't worked on */
	if (row->held)
		r = ledger_held(parked->ledger, parked->pf_id, (int)row->place.vf, &reason);
	if (r < 0)
		return r;
	r = ledger_remove_vf(parked->ledger, row);
	if (r < 0)
		return r;
	r = choose_parking(parked, true, &mac);
	if (r < 0 || !reason)
		return r;
	/* A bad port is bad in every pool. */
	return ledger_hold(parked->ledger, parked->pf_id, (int)row->place.vf, reason, &before);
}

/* Finds the VF's row; *ret_is_pools tells whether it is one of that pool. */
static int find_row(const struct parked *parked, struct ledger_vf *row, bool *ret_is_pools)
{
	int r = parked->pf_id ? ledger_vf(parked->ledger, parked->pf_id, parked->vf, row) : 0;

	*ret_is_pools = r == 0 && row->id && strcmp(row->pool, parked->claim->pool->name) == 0;
	return r;
}

int parking_record_vf(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		      int64_t pf_id, unsigned vf)
{
	const struct parked parked = { vp, ledger, claim, pf_id, vf };
	struct ledger_vf row = { 0 };
	struct vfpool_mac mac;
	bool is_pools;
	int r = find_row(&parked, &row, &is_pools);

	if (r < 0 || is_pools)
		return r;
	return row.id ? take_over(&parked, &row) : choose_parking(&parked, true, &mac);
}

int parking_foresee(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		    int64_t pf_id, unsigned vf, struct vfpool_mac *ret_mac)
{
	const struct parked parked = { vp, ledger, claim, pf_id, vf };
	struct ledger_vf row = { 0 };
	bool is_pools;
	int r = find_row(&parked, &row, &is_pools);

	*ret_mac = row.parking;
	return r < 0 || is_pools ? r : choose_parking(&parked, false, ret_mac);
}
