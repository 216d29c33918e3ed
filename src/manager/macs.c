/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An owner's MAC: the same for ever, and nobody else's. */
#include "manager/manager.h"

#include "util/file.h"
#include "util/mac.h"

#include <glob.h>
#include <string.h>
#include <time.h>

/* So many tries by hash; then the range is nearly full, and walked through. A prefix of five bytes leaves 128. */
#define MAC_ATTEMPTS 100

/* How many of the owners who keep a full range's MACs without a lease are named. */
#define NAMED_OWNERS 5

void foreign_macs_end(struct foreign_macs *macs)
{
	free(macs->cards);
	guests_end(&macs->guests);
}

/* By the files of their definitions, where libvirt itself can't be asked. */
static bool guests_are_defined(const struct vfpool *vp)
{
	AUTO_FREE char *pattern = format_text("%s/../*.xml", vp->dirs[VFPOOL_DIR_NETWORKS]);
	glob_t found = { .gl_pathc = 0 };
	bool any = pattern && glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc > 0;

	globfree(&found);
	return any;
}

int find_foreign_macs(struct vfpool *vp, struct host *host, struct foreign_macs *ret_macs)
{
	struct foreign_macs macs = { .known = true };
	struct error why = vp->err;
	int r = host_macs(host, &macs.cards, &macs.n_cards);

	if (r < 0)
		return r;
	r = guest_list(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &macs.guests, &why);
	if (r == -ENOMEM) {
		foreign_macs_end(&macs);
		return fail_oom(&vp->err);
	}
	if (r == -ENOENT && guests_are_defined(vp))
		note(vp, "libvirt isn't running, so whether one of its guests has the MAC or names the VF isn't known");
	else if (r < 0 && r != -ENOENT)
		note(vp, "%s, so whether a guest has the MAC or names the VF isn't known", why.text);
	*ret_macs = macs;
	return 0;
}

/* Who outside vfpool has the MAC, NULL: nobody. A guest of the owner's own name may have it. */
static const char *foreign_user(const struct foreign_macs *foreign, const struct vfpool_mac *mac,
				const char *owner)
{
	for (size_t i = 0; i < foreign->n_cards; i++)
		if (vfpool_mac_equal(&foreign->cards[i], mac))
			return "a network card of this host";
	for (size_t i = 0; i < foreign->guests.n; i++)
		if (guest_has_mac(&foreign->guests.list[i], mac) &&
		    strcmp(foreign->guests.list[i].name, owner) != 0)
			return foreign->guests.list[i].name;
	return NULL;
}

static bool can_be_an_owners(const struct vfpool_mac *mac)
{
	static const struct vfpool_mac zero = { 0 };

	return !(mac->byte[0] & 1) && !vfpool_mac_equal(mac, &zero);
}

/* The MAC that the caller names. */
static int reserve_given(struct vfpool *vp, struct ledger *ledger, const char *pool,
			 const char *owner, unsigned nic, const struct vfpool_mac *mac,
			 const struct foreign_macs *foreign, int64_t *ret_id)
{
	const char *user = foreign_user(foreign, mac, owner);
	AUTO_FREE char *who = NULL;
	char text[VFPOOL_MAC_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	if (!can_be_an_owners(mac))
		return fail(&vp->err, -EINVAL, "%s can't be an owner's MAC: it is %s", text,
			    mac->byte[0] & 1 ? "a multicast one" : "zero");
	if (user)
		return fail(&vp->err, -VFPOOL_EINUSE, "the MAC %s is that of %s", text, user);
	r = ledger_mac_user(ledger, mac, &who);
	if (r < 0)
		return r;
	if (who)
		return fail(&vp->err, -VFPOOL_EINUSE, "the MAC %s is %s", text, who);
	return ledger_reserve(ledger, pool, owner, nic, mac, 0, ret_id);
}

/* The first of the closed range that nobody has, here or outside. -ENOENT, without a message: none. */
static int find_in_range(struct ledger *ledger, uint64_t first, uint64_t last, const char *owner,
			 const struct foreign_macs *foreign, struct vfpool_mac *ret_mac)
{
	while (first <= last) {
		const struct vfpool_mac from = mac_of_number(first), to = mac_of_number(last);
		int r = ledger_free_mac(ledger, &from, &to, ret_mac);

		if (r < 0 || (can_be_an_owners(ret_mac) &&
			      (!foreign || !foreign_user(foreign, ret_mac, owner))))
			return r;
		first = mac_number(ret_mac) + 1;
	}
	return -ENOENT;
}

int find_free_mac(struct ledger *ledger, const struct vfpool_pool *pool, enum mac_half half,
		  const struct vfpool_mac *from, const char *owner, const struct foreign_macs *foreign,
		  struct vfpool_mac *ret_mac)
{
	struct vfpool_mac first, last;
	const uint64_t start = mac_number(from);
	int r;

	mac_range(pool, half, &first, &last);
	r = find_in_range(ledger, start, mac_number(&last), owner, foreign, ret_mac);
	if (r == -ENOENT && start > mac_number(&first))
		r = find_in_range(ledger, mac_number(&first), start - 1, owner, foreign, ret_mac);
	return r;
}

/* No MAC is left: who keeps one without a lease, the one that was idle longest first. */
static int fail_full(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		     const char *owner)
{
	struct vfpool_mac first, last;
	const struct ledger_reservation_filter idle = { .idle = true, .first = &first, .last = &last };
	struct vfpool_reservation *list = NULL;
	char names[700] = "";
	size_t n = 0, length = 0;
	int r;

	mac_range(pool, MAC_LEASE, &first, &last);
	r = ledger_reservations(ledger, &idle, &list, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && i < NAMED_OWNERS && length < sizeof(names) - 1; i++) {
		char day[16] = "";
		struct tm tm;

		if (localtime_r(&(time_t){ list[i].used }, &tm))
			strftime(day, sizeof(day), "%F", &tm);
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%.60s nic %u in pool %s (last used %s)",
					   i ? ", " : "", list[i].owner, list[i].nic, list[i].pool, day);
	}
	vfpool_reservations_free(list, n);
	if (n == 0)
		return fail(&vp->err, -ENOSPC, "pool %s: its MAC prefix has no address left for %s, and each has a lease; "
			    "take a shorter prefix", pool->name, owner);
	return fail(&vp->err, -ENOSPC,
		    "pool %s: its MAC prefix has no address left for %s; %zu are kept without a lease, for %s%s: "
		    "'vfpool forget --idle 90d' ends such, or take a shorter prefix", pool->name, owner, n, names,
		    n > NAMED_OWNERS ? " and others" : "");
}

static int reserve_new(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		       const char *owner, unsigned nic, const struct foreign_macs *foreign,
		       struct ledger_reservation *reservation)
{
	AUTO_FREE char *seed = NULL;
	char key[300];
	int r = pool_seed(vp, ledger, pool, &seed);

	snprintf(key, sizeof(key), "%s\n%u", owner, nic);
	for (unsigned attempt = 0; r == 0 && attempt < MAC_ATTEMPTS; attempt++) {
		mac_make(pool, seed, MAC_LEASE, key, attempt, &reservation->mac);
		if (!can_be_an_owners(&reservation->mac) ||
		    foreign_user(foreign, &reservation->mac, owner))
			continue;
		r = ledger_reserve(ledger, pool->name, owner, nic, &reservation->mac, attempt,
				   &reservation->id);
		if (r != -E_TAKEN)
			return r;
		r = 0;
	}
	if (r < 0)
		return r;
	mac_make(pool, seed, MAC_LEASE, key, 0, &reservation->mac);
	r = find_free_mac(ledger, pool, MAC_LEASE, &reservation->mac, owner, foreign, &reservation->mac);
	if (r == -ENOENT)
		return fail_full(vp, ledger, pool, owner);
	return r < 0 ? r : ledger_reserve(ledger, pool->name, owner, nic, &reservation->mac, MAC_ATTEMPTS,
					  &reservation->id);
}

/* Forced out of its VF, the owner can't have its MAC on another one as long as it
 * is live on the first. */
static int check_not_quarantined(struct vfpool *vp, struct ledger *ledger, const char *owner,
				 const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];
	struct ledger_vf vf;
	int r = ledger_quarantined_vf(ledger, mac, &vf);

	if (r < 0 || !vf.id)
		return r;
	vfpool_mac_format(mac, text);
	return fail(&vp->err, -VFPOOL_EINUSE,
		    "the MAC %s of %s is still live on VF %u, which was released by force and which "
		    "something has open, or can't be looked at; end that, then 'vfpool gc'", text, owner, vf.index);
}

int reserve_mac(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		const char *owner, unsigned nic, const struct vfpool_mac *mac,
		const struct foreign_macs *foreign, struct ledger_reservation *ret_reservation)
{
	struct ledger_reservation reservation;
	char is[VFPOOL_MAC_TEXT], asked[VFPOOL_MAC_TEXT];
	int r = ledger_reservation(ledger, pool->name, owner, nic, &reservation);

	if (r < 0)
		return r;
	if (!reservation.id && mac) {
		reservation.mac = *mac;
		r = reserve_given(vp, ledger, pool->name, owner, nic, mac, foreign, &reservation.id);
	} else if (!reservation.id) {
		r = reserve_new(vp, ledger, pool, owner, nic, foreign, &reservation);
	} else if (mac && !vfpool_mac_equal(mac, &reservation.mac)) {
		vfpool_mac_format(&reservation.mac, is);
		vfpool_mac_format(mac, asked);
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "the MAC of %s nic %u is %s, and %s was asked for; 'vfpool release --forget' "
			    "ends the first", owner, nic, is, asked);
	} else {
		r = check_not_quarantined(vp, ledger, owner, &reservation.mac);
	}
	if (r == 0)
		*ret_reservation = reservation;
	return r;
}
