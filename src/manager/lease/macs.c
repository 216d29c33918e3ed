/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An owner's MAC: the same for ever, and nobody else's. */
#include "manager/lease/macs.h"
#include "manager/parking.h"

#include "util/file.h"
#include "util/name.h"

#include <glob.h>
#include <string.h>
#include <time.h>

/* So many tries by hash; then the range is nearly full, and walked through. A prefix of five bytes leaves 128. */
#define MAC_ATTEMPTS 100

/* How many of the owners who keep a full range's MACs without a lease are named. */
#define NAMED_OWNERS 5

void foreign_macs_end(struct foreign_macs *macs)
{
	free(macs->links.list);
	free(macs->vfs.list);
	guests_end(&macs->guests);
}

/* Are there definitions of guests? Their files tell, where libvirt itself can't be asked. */
static bool guests_are_defined(const struct vfpool *vp)
{
	AUTO_FREE char *pattern = format_text("%s/../*.xml", vp->dirs[VFPOOL_DIR_NETWORKS]);
	glob_t found = { .gl_pathc = 0 };
	bool any = pattern && glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc > 0;

	globfree(&found);
	return any;
}

int macs_find_foreign(struct vfpool *vp, struct host *host, struct foreign_macs *macs)
{
	struct error why = vp->err;
	int r = host_links(host, &macs->links);

	if (r < 0)
		return r;
	macs->host = host;
	r = guest_list(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &macs->guests, &why);
	if (r == -ENOMEM)
		return fail_oom(&vp->err);
	if (r == -ENOENT && guests_are_defined(vp))
		note(vp,
		     "libvirt isn't running, so whether one of its guests has the MAC or names the VF isn't known");
	else if (r < 0 && r != -ENOENT)
		note(vp, "%s, so whether a guest has the MAC or names the VF isn't known",
		     why.text);
	macs->known = true;
	return 0;
}

int macs_find_vfs(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		  struct foreign_macs *macs)
{
	const struct host_link *unread;
	int r = host_vf_macs(macs->host, &macs->links, &macs->vfs, &unread);

	if (r < 0)
		return r;
	if (unread)
		note(vp,
		     "the kernel doesn't tell of the VFs of %s, so whether one of them has the MAC isn't known",
		     unread->name);
	macs->ledger = ledger;
	macs->libvirt_picks = pool->allocate == VFPOOL_BY_LIBVIRT;
	macs->vfs_known = true;
	return 0;
}

static bool guest_of_owner_has(const struct foreign_macs *foreign, const struct vfpool_mac *mac,
			       const char *owner)
{
	for (size_t i = 0; i < foreign->guests.n; i++)
		if (strcmp(foreign->guests.list[i].name, owner) == 0 &&
		    guest_has_mac(&foreign->guests.list[i], mac))
			return true;
	return false;
}

/* Is it the VF that is to get the MAC? What can't be told counts as another's. */
static bool is_own_vf(const struct foreign_macs *foreign, const struct host_vf_mac *vf)
{
	const struct vfpool_pf pf = { .has_mac = vf->has_pf_mac, .mac = vf->pf_mac };
	struct ledger_vf row = { 0 };
	int64_t id = 0;

	return foreign->own_vf && vf->has_pf_mac &&
	       ledger_pf(foreign->ledger, &pf, false, &id) == 0 && id &&
	       ledger_vf(foreign->ledger, id, vf->vf, &row) == 0 && row.id == foreign->own_vf;
}

/* Returns another VF that has the MAC, NULL: none. Where libvirt picks the VFs, a guest of the owner's name may
 * have its own already, or still. */
static const struct host_vf_mac *find_vf(const struct foreign_macs *foreign,
					 const struct vfpool_mac *mac, const char *owner)
{
	if (foreign->libvirt_picks && guest_of_owner_has(foreign, mac, owner))
		return NULL;
	for (size_t i = 0; i < foreign->vfs.n; i++)
		if (vfpool_mac_equal(&foreign->vfs.list[i].mac, mac) &&
		    !is_own_vf(foreign, &foreign->vfs.list[i]))
			return &foreign->vfs.list[i];
	return NULL;
}

static const struct host_link *find_link(const struct foreign_macs *foreign,
					 const struct vfpool_mac *mac)
{
	for (size_t i = 0; i < foreign->links.n; i++)
		for (unsigned j = 0; j < foreign->links.list[i].n_macs; j++)
			if (vfpool_mac_equal(&foreign->links.list[i].macs[j], mac))
				return &foreign->links.list[i];
	return NULL;
}

/* Returns a guest that has the MAC and isn't called as the owner is, NULL: none. */
static const struct guest *find_other_guest(const struct foreign_macs *foreign,
					    const struct vfpool_mac *mac, const char *owner)
{
	for (size_t i = 0; i < foreign->guests.n; i++)
		if (guest_has_mac(&foreign->guests.list[i], mac) &&
		    strcmp(foreign->guests.list[i].name, owner) != 0)
			return &foreign->guests.list[i];
	return NULL;
}

/* Room for who has a MAC. */
#define USER_TEXT 300

/* Has anybody outside vfpool the MAC, and who? */
static bool has_foreign_user(const struct foreign_macs *foreign, const struct vfpool_mac *mac,
			     const char *owner, char user[USER_TEXT])
{
	const struct host_vf_mac *vf = find_vf(foreign, mac, owner);
	const struct guest *guest = find_other_guest(foreign, mac, owner);

	if (find_link(foreign, mac))
		snprintf(user, USER_TEXT, "a network card of this host");
	else if (guest)
		snprintf(user, USER_TEXT, "%s", guest->name);
	else if (vf)
		snprintf(
			user, USER_TEXT,
			"VF %u of %s: 'vfpool adopt' records the VF of a guest, 'ip link set %s vf %u mac' gives "
			"it another",
			vf->vf, vf->pf, vf->pf, vf->vf);
	else
		return false;
	return true;
}

static bool is_foreign(const struct foreign_macs *foreign, const struct vfpool_mac *mac,
		       const char *owner)
{
	char user[USER_TEXT];

	return has_foreign_user(foreign, mac, owner, user);
}

/* A MAC is looked for, for that owner. */
struct search {
	const struct foreign_macs *foreign;
	const char *owner;
};

static bool is_taken(const void *arg, const struct vfpool_mac *mac)
{
	const struct search *search = arg;

	return is_foreign(search->foreign, mac, search->owner);
}

/* Reserves the MAC that the caller names. */
static int reserve_given(struct vfpool *vp, struct ledger *ledger, const char *pool,
			 const char *owner, unsigned nic, const struct vfpool_mac *mac,
			 const struct foreign_macs *foreign, int64_t *ret_id)
{
	AUTO_FREE char *who = NULL;
	char text[VFPOOL_MAC_TEXT], user[USER_TEXT];
	int r;

	vfpool_mac_format(mac, text);
	if (!parking_can_be_an_owners(mac))
		return fail(&vp->err, -EINVAL, "%s can't be an owner's MAC: it is %s", text,
			    mac->byte[0] & 1 ? "a multicast one" : "zero");
	if (foreign->compares_vfs && !foreign->vfs_known)
		return -E_VF_MACS;
	r = ledger_mac_user(ledger, mac, &who);
	if (r < 0)
		return r;
	if (who)
		return fail(&vp->err, -VFPOOL_EINUSE, "the MAC %s is %s", text, who);
	if (has_foreign_user(foreign, mac, owner, user))
		return fail(&vp->err, -VFPOOL_EINUSE, "the MAC %s is that of %s", text, user);
	return ledger_reserve(ledger, pool, owner, nic, mac, 0, ret_id);
}

/* Says that no MAC is left, and who keeps one without a lease, the one that was idle longest first. */
static int fail_full(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		     const char *owner)
{
	struct vfpool_mac first, last;
	const struct ledger_reservation_filter idle = { .idle = true,
							.first = &first,
							.last = &last };
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
		length += (size_t)snprintf(names + length, sizeof(names) - length,
					   "%s%.60s nic %u in pool %s (last used %s)",
					   i ? ", " : "", list[i].owner, list[i].nic, list[i].pool,
					   day);
	}
	vfpool_reservations_free(list, n);
	if (n == 0)
		return fail(
			&vp->err, -ENOSPC,
			"pool %s: its MAC prefix has no address left for %s, and each has a lease; "
			"take a shorter prefix",
			pool->name, owner);
	return fail(
		&vp->err, -ENOSPC,
		"pool %s: its MAC prefix has no address left for %s; %zu are kept without a lease, for %s%s: "
		"'vfpool forget --idle 90d' ends such, or take a shorter prefix",
		pool->name, owner, n, names, n > NAMED_OWNERS ? " and others" : "");
}

/* So many bytes of a prefix leave millions of MACs. */
#define LONG_RANGE_PREFIX 3

/* A MAC that is made of this host's own random seed for the first time is on none of its VFs, but by a chance of one
 * in millions. That isn't so with a seed that others have, a short range, or a ledger that has forgotten what it gave out. */
static int may_be_on_a_vf(struct ledger *ledger, const struct vfpool_pool *pool, bool *ret_may)
{
	bool is_first = true;
	int r = ledger_is_first(ledger, &is_first);

	if (r < 0)
		return r;
	*ret_may = pool->seed || pool->mac_prefix_len > LONG_RANGE_PREFIX || !is_first;
	return 0;
}

static int reserve_new(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		       const char *owner, unsigned nic, const struct foreign_macs *foreign,
		       struct ledger_reservation *reservation)
{
	const struct search search = { foreign, owner };
	const struct mac_filter filter = { is_taken, &search };
	AUTO_FREE char *seed = NULL;
	bool to_compare = false;
	char key[300];
	int r = may_be_on_a_vf(ledger, pool, &to_compare);

	if (r == 0 && to_compare && foreign->compares_vfs && !foreign->vfs_known)
		return -E_VF_MACS;
	if (r < 0)
		return r;
	r = parking_seed(vp, ledger, pool, &seed);
	snprintf(key, sizeof(key), "%s\n%u", owner, nic);
	for (unsigned attempt = 0; r == 0 && attempt < MAC_ATTEMPTS; attempt++) {
		mac_make(pool, seed, MAC_LEASE, key, attempt, &reservation->mac);
		if (!parking_can_be_an_owners(&reservation->mac) ||
		    is_foreign(foreign, &reservation->mac, owner))
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
	r = parking_find_free_mac(ledger, pool, MAC_LEASE, &reservation->mac, &filter,
				  &reservation->mac);
	if (r == -ENOENT)
		return fail_full(vp, ledger, pool, owner);
	return r < 0 ? r :
		       ledger_reserve(ledger, pool->name, owner, nic, &reservation->mac,
				      MAC_ATTEMPTS, &reservation->id);
}

/* Fails when the owner was forced out of its VF and its MAC is live on that: it can't have it on another one as
 * long. */
static int check_not_quarantined(struct vfpool *vp, struct ledger *ledger, const char *owner,
				 const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];
	struct ledger_vf vf;
	int r = ledger_quarantined_vf(ledger, mac, &vf);

	if (r < 0 || !vf.id)
		return r;
	vfpool_mac_format(mac, text);
	return fail(
		&vp->err, -VFPOOL_EINUSE,
		"the MAC %s of %s is still live on VF %u, which was released by force and which "
		"something has open, or can't be looked at; end that, then 'vfpool gc'",
		text, owner, vf.place.vf);
}

/* Fails when another guest that has the owner's MAC leases VFs by itself; else its name may be what another tool
 * calls the owner's, and it is told. */
static int check_other_guest(struct vfpool *vp, struct ledger *ledger, const char *owner,
			     const struct guest *guest, const char *mac)
{
	const struct ledger_lease_filter filter = { .owner = guest->name, .nic = -1 };
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	char word[SHELL_WORD_MAX];
	int r = ledger_leases(ledger, &filter, &leases);

	if (r < 0)
		return r;
	if (leases && *leases)
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"the MAC %s of %s is in the definition of guest %s, which is another owner: "
			"'virsh edit %s' takes it out",
			mac, owner, guest->name, name_for_shell(guest->name, word));
	note(vp, "the MAC %s of %s is in the definition of guest %s, too", mac, owner, guest->name);
	return 0;
}

/* Fails when the owner's MAC is live elsewhere, since nothing kept it from being programmed by others. */
static int check_not_elsewhere(struct vfpool *vp, struct ledger *ledger,
			       const struct vfpool_pool *pool, const char *owner,
			       const struct vfpool_mac *mac, const struct foreign_macs *foreign)
{
	const struct host_link *link = find_link(foreign, mac);
	const struct host_vf_mac *vf = find_vf(foreign, mac, owner);
	const struct guest *guest = find_other_guest(foreign, mac, owner);
	char text[VFPOOL_MAC_TEXT], word[SHELL_WORD_MAX];

	vfpool_mac_format(mac, text);
	if (vf)
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"the MAC %s of %s is live on VF %u of %s, which isn't leased to it: 'vfpool adopt' records the VF of a "
			"guest, 'vfpool apply' gives a pool's free VF its own MAC again, and 'ip link set %s vf %u mac' "
			"does it by hand",
			text, owner, vf->vf, vf->pf, vf->pf, vf->vf);
	/* A VF's own netdev keeps for a while what the VF had. */
	if (link && !host_link_is_vf(foreign->host, link))
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"the MAC %s of %s is that of the network card %s of this host: give that one its own, or end the "
			"reservation by 'vfpool release %s --owner %s --forget'",
			text, owner, link->name, pool->name, name_for_shell(owner, word));
	return guest ? check_other_guest(vp, ledger, owner, guest, text) : 0;
}

int macs_reserve(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
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
		r = reserve_given(vp, ledger, pool->name, owner, nic, mac, foreign,
				  &reservation.id);
	} else if (!reservation.id) {
		r = reserve_new(vp, ledger, pool, owner, nic, foreign, &reservation);
	} else if (mac && !vfpool_mac_equal(mac, &reservation.mac)) {
		vfpool_mac_format(&reservation.mac, is);
		vfpool_mac_format(mac, asked);
		return fail(
			&vp->err, -VFPOOL_EINUSE,
			"the MAC of %s nic %u is %s, and %s was asked for; 'vfpool release --forget' "
			"ends the first",
			owner, nic, is, asked);
	} else {
		r = check_not_quarantined(vp, ledger, owner, &reservation.mac);
		if (r < 0)
			return r;
		if (foreign->compares_vfs)
			r = !foreign->vfs_known ? -E_VF_MACS :
						  check_not_elsewhere(vp, ledger, pool, owner,
								      &reservation.mac, foreign);
	}
	if (r < 0)
		return r;
	*ret_reservation = reservation;
	return 0;
}
