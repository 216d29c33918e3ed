/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which PF, which MAC. */
#include "pool/pool.h"

#include "util/siphash.h"

#include <stdio.h>
#include <string.h>

static bool is_better(enum vfpool_placement policy, const struct placement_pf *pf,
		      const struct placement_pf *best)
{
	if (pf->preferred != best->preferred)
		return pf->preferred;
	return policy == VFPOOL_SPREAD && pf->n_leased < best->n_leased;
}

int placement_choose(enum vfpool_placement policy, const struct placement_pf *pfs, size_t n)
{
	int best = -VFPOOL_ENOVF;

	for (size_t i = 0; i < n; i++)
		if (pfs[i].n_free > 0 && (best < 0 || is_better(policy, &pfs[i], &pfs[best])))
			best = (int)i;
	return best;
}

/* Makes the 16 bytes that SipHash wants of a seed, which is text of any length. */
static void key_from_seed(const char *seed, uint8_t key[16])
{
	for (uint8_t half = 0; half < 2; half++) {
		const uint8_t which[16] = { half };
		uint64_t hash = siphash24(which, seed, strlen(seed));

		for (int i = 0; i < 8; i++)
			key[half * 8 + i] = (uint8_t)(hash >> (8 * i));
	}
}

void mac_make(const struct vfpool_pool *pool, const char *seed, enum mac_half half, const char *key,
	      unsigned attempt, struct vfpool_mac *ret_mac)
{
	const unsigned n = pool->mac_prefix_len;
	uint8_t hash_key[16];
	char text[512];
	uint64_t hash;
	int length;

	/* Keys are shorter by far: pool and owner are checked at the door. */
	length = snprintf(text, sizeof(text), "%s\n%s\n%s\n%u",
			  half == MAC_LEASE ? "lease" : "parking", pool->name, key, attempt);
	key_from_seed(seed, hash_key);
	hash = siphash24(hash_key, text,
			 (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
	memcpy(ret_mac->byte, pool->mac_prefix, n);
	for (unsigned i = n; i < 6; i++, hash >>= 8)
		ret_mac->byte[i] = (uint8_t)hash;
	ret_mac->byte[n] = (uint8_t)((ret_mac->byte[n] & 0x7f) | (half == MAC_PARKING ? 0x80 : 0));
}

void mac_range(const struct vfpool_pool *pool, enum mac_half half, struct vfpool_mac *ret_first,
	       struct vfpool_mac *ret_last)
{
	const unsigned n = pool->mac_prefix_len;

	*ret_first = (struct vfpool_mac){ 0 };
	memset(ret_last, 0xff, sizeof(*ret_last));
	memcpy(ret_first->byte, pool->mac_prefix, n);
	memcpy(ret_last->byte, pool->mac_prefix, n);
	if (half == MAC_PARKING)
		ret_first->byte[n] = 0x80;
	else
		ret_last->byte[n] = 0x7f;
}
