/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is it the ledger by which this host's VFs are given out? Its stamp tells; where that is lost, the VFs do. */
#include "manager/ledger_doubt.h"
#include "manager/claims.h"
#include "manager/definition_files.h"
#include "manager/parking.h"

#include "util/name.h"

#include <string.h>

#define PARKING_TRIES 8

/* Whose first bytes libvirt and QEMU give their own guests: such a MAC proves nothing. */
static const uint8_t qemu_prefix[] = { 0x52, 0x54, 0x00 };

static bool is_made_by_vfpool(const struct vfpool_pool *pool, const struct vfpool_mac *mac)
{
	return memcmp(mac->byte, pool->mac_prefix, pool->mac_prefix_len) == 0 &&
	       memcmp(mac->byte, qemu_prefix, sizeof(qemu_prefix)) != 0;
}

/* Is the MAC one with which any ledger of that seed parks the VF? Then it tells nothing of which. */
static int is_parking(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		      unsigned vf, const struct vfpool_mac *mac, bool *ret_is)
{
	AUTO_FREE char *seed = NULL;
	char key[PARKING_KEY];
	int r = 0;

	*ret_is = false;
	if (!ledger && !claim->pool->seed)
		return 0;
	r = parking_seed(vp, ledger, claim->pool, &seed);
	parking_key(claim->pf, vf, key);
	for (unsigned attempt = 0; r == 0 && attempt < PARKING_TRIES && !*ret_is; attempt++) {
		struct vfpool_mac own;

		mac_make(claim->pool, seed, MAC_PARKING, key, attempt, &own);
		*ret_is = vfpool_mac_equal(&own, mac);
	}
	return r;
}

/* Was the VF programmed by another ledger, or by this one when it knew more? */
static int is_foreign(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		      const struct vfpool_vf *vf, bool *ret_is)
{
	const struct vfpool_settings *is = &vf->programmed;
	AUTO_FREE char *who = NULL;
	bool parked = false;
	int r = 0;

	*ret_is = false;
	if (!(is->have & VFPOOL_ATTR_MAC) || !is_made_by_vfpool(claim->pool, &is->mac))
		return 0;
	if (ledger)
		r = ledger_mac_user(ledger, &is->mac, &who);
	if (r < 0)
		return r;
	if (!who)
		r = is_parking(vp, ledger, claim, vf->index, &is->mac, &parked);
	*ret_is = r == 0 && !who && !parked;
	return r;
}

static int judge_claim(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim)
{
	const struct vfpool_pf *pf = claim->pf;
	char mac[VFPOOL_MAC_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && pf && i < pf->n_vfs; i++) {
		bool foreign = false;

		if (vfpool_pool_has_vf(claim->want, pf->vfs[i].index))
			r = is_foreign(vp, ledger, claim, &pf->vfs[i], &foreign);
		if (!foreign)
			continue;
		vfpool_mac_format(&pf->vfs[i].programmed.mac, mac);
		fail(&vp->doubt, 0,
		     "VF %u of %s has the MAC %s, which vfpool gave it by a ledger that isn't there any more: %s",
		     pf->vfs[i].index, pf_name(pf, "its PF"), mac,
		     ledger ? "this one is another, or older" : "there is none now");
		return 0;
	}
	return r;
}

/* Judges the ledger by what the VFs have, when there is no stamp: since boot nobody has looked, or the run
 * directory was emptied. */
static int judge_by_vfs(struct vfpool *vp, struct ledger *ledger)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	size_t n_claims = 0;
	int r = definition_load_unsettled(vp, &pools);

	if (r < 0 || !pools[0])
		return r;
	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_read_inventory(&host, HOST_ALL_VFS, &inventory);
	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, inventory, &claims, &n_claims);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n_claims && !vp->doubt.text[0]; i++)
		r = judge_claim(vp, ledger, &claims[i]);
	vp->ledger_is_proven = r == 0 && !vp->doubt.text[0];
	return r;
}

int ledger_doubt_judge(struct vfpool *vp, struct ledger *ledger)
{
	const char *state = vp->dirs[VFPOOL_DIR_STATE];
	enum ledger_standing standing;
	int r = ledger_look(ledger, vp->dirs[VFPOOL_DIR_RUN], &standing, &vp->err);

	vp->doubt.text[0] = '\0';
	vp->ledger_is_proven = false;
	if (r < 0)
		return r;
	switch (standing) {
	case LEDGER_PROVEN:
		return 0;
	case LEDGER_UNPROVEN:
		return judge_by_vfs(vp, ledger);
	case LEDGER_ANOTHER:
		return fail(
			&vp->doubt, 0,
			"%s/ledger.db isn't the ledger by which this host's VFs were given out until now",
			state);
	case LEDGER_OLDER:
		return fail(&vp->doubt, 0,
			    "%s/ledger.db is older than what was given out by it until now", state);
	case LEDGER_GONE:
		return fail(
			&vp->doubt, 0,
			"%s/ledger.db, by which this host's VFs were given out until now, is gone",
			state);
	}
	return 0;
}
