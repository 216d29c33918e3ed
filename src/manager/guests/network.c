/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libvirt network of a pool that libvirt allocates. */
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/inventory.h"
#include "manager/iommu.h"
#include "manager/open_ledger.h"

#include "util/file.h"
#include "util/name.h"

static int load_network_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = definition_load(vp, name, &pool);

	if (r < 0)
		return r;
	if (pool->allocate != VFPOOL_BY_LIBVIRT)
		return fail(&vp->err, -EINVAL,
			    "pool %s is allocated by vfpool, so it is no libvirt network: use "
			    "'vfpool alloc %s', or define it with <allocate by='libvirt'/>",
			    name, name);
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

/* Tells whether libvirt may have the VF. One that something outside libvirt holds would make a guest's start fail:
 * libvirt takes the first address that it believes free. One with a lease is still another pool's. */
static bool belongs_in_list(const struct vfpool_vf *vf)
{
	return !vf->owner && !vf->held && !vf->obstacle &&
	       (vf->holder == VFPOOL_HELD_BY_NOBODY || vf->holder == VFPOOL_HELD_BY_LIBVIRT);
}

/* Adds to the notes why the VF is left out. */
static int note_left_out(struct vfpool *vp, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
			 char **notes)
{
	char *text = format_text("%s%sVF %u of %s is left out: %s%s", *notes ? *notes : "",
				 *notes ? "; " : "", vf->index, pf_name(pf, "a PF"),
				 vf->owner ? "leased to " :
				 vf->held  ? "held: " :
					     "",
				 vf->owner ? vf->owner :
				 vf->held  ? vf->held :
				 vf->busy  ? vf->busy :
					     vf->obstacle);

	if (!text)
		return fail_oom(&vp->err);
	free(*notes);
	*notes = text;
	return 0;
}

/* Fills `obstacle` of the pool's VFs that libvirt would give to guests in vain; of those of one group the first
 * isn't in vain, nor one that a guest has. */
static int look_for_obstacles(struct host *host, const struct pool_claim *claim,
			      struct vfpool_pf *pf)
{
	for (size_t i = 0; i < pf->n_vfs; i++) {
		struct vfpool_vf *vf = &pf->vfs[i];
		struct vfpool_pf one = *pf;
		char *obstacle = NULL;
		int r;

		one.vfs = vf;
		one.n_vfs = 1;
		if (vf->busy || !vfpool_pool_has_vf(claim->want, vf->index))
			continue;
		r = iommu_find_obstacle(host, NULL, claim->pool, &one, NULL, 0, &obstacle);
		free(vf->obstacle);
		vf->obstacle = r < 0 ? NULL : obstacle;
		if (r < 0)
			return r;
	}
	return 0;
}

/* What libvirt is to have, and all VFs of the pool. */
struct wanted_network {
	char *xml;
	struct vfpool_pci *vfs;
	size_t n_vfs;
};

static void wanted_network_end(struct wanted_network *wanted)
{
	free(wanted->xml);
	free(wanted->vfs);
}

static int list_addresses(struct vfpool *vp, const struct pool_claim *claims, size_t n_claims,
			  struct wanted_network *wanted, struct vfpool_pci **ret_addresses,
			  size_t *ret_n, char **ret_notes)
{
	AUTO_FREE struct vfpool_pci *addresses = NULL;
	AUTO_FREE char *notes = NULL;
	size_t n = 0, room = 1;

	for (size_t i = 0; i < n_claims; i++)
		room += claims[i].pf->n_vfs;
	addresses = calloc(room, sizeof(*addresses));
	wanted->vfs = calloc(room, sizeof(*wanted->vfs));
	if (!addresses || !wanted->vfs)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n_claims; i++)
		for (size_t j = 0; j < claims[i].pf->n_vfs; j++) {
			const struct vfpool_vf *vf = &claims[i].pf->vfs[j];

			if (!vfpool_pool_has_vf(claims[i].want, vf->index))
				continue;
			wanted->vfs[wanted->n_vfs++] = vf->address;
			if (belongs_in_list(vf))
				addresses[n++] = vf->address;
			else if (note_left_out(vp, claims[i].pf, vf, &notes) < 0)
				return -ENOMEM;
		}
	*ret_notes = TAKE_PTR(notes);
	*ret_addresses = TAKE_PTR(addresses);
	*ret_n = n;
	return 0;
}

/* libvirt takes one whole PF by its name, or a list of VFs. */
static const char *whole_pf(const struct pool_claim *claims, size_t n_claims, size_t n_addresses)
{
	const struct vfpool_pf *pf = claims[0].pf;

	return n_claims == 1 && pf->netdev && n_addresses == pf->n_vfs ? pf->netdev : NULL;
}

/* Reads the PFs with their VFs' leases and holders. */
static int look_at_host(struct vfpool *vp, struct host *host,
			struct vfpool_inventory **ret_inventory)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	struct ledger *ledger;
	int r = inventory_read_host(vp, host, HOST_ALL_VFS, &inventory);

	if (r < 0)
		return r;
	r = open_ledger(vp, LEDGER_READ, &ledger);
	if (r < 0)
		return r;
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		host_name_holders(host, &inventory->pfs[i]);
		r = inventory_mark_vfs(vp, ledger, NULL, 0, &inventory->pfs[i]);
		if (r < 0)
			return r;
	}
	*ret_inventory = TAKE_PTR(inventory);
	return 0;
}

static int make_xml(struct vfpool *vp, struct vfpool_pool *pool, struct wanted_network *wanted,
		    char **ret_notes)
{
	struct vfpool_pool *pools[] = { pool, NULL };
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_FREE struct vfpool_pci *addresses = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	size_t n_claims = 0, n = 0;
	int r = open_host(vp, &host);

	if (r < 0)
		return r;
	r = look_at_host(vp, &host, &inventory);
	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, inventory, &claims, &n_claims);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_claims; i++)
		if (!claims[i].pf)
			return claims_fail_missing_pf(vp, &host, &claims[i]);
	for (size_t i = 0; i < n_claims; i++) {
		r = look_for_obstacles(&host, &claims[i],
				       &inventory->pfs[claims[i].pf - inventory->pfs]);
		if (r < 0)
			return r;
	}
	r = list_addresses(vp, claims, n_claims, wanted, &addresses, &n, ret_notes);
	if (r < 0)
		return r;
	if (n == 0)
		return fail(&vp->err, -VFPOOL_ENOVF,
			    "pool %s has no VFs now; 'vfpool apply %s' makes them", pool->name,
			    pool->name);
	r = guest_network_xml(pool, whole_pf(claims, n_claims, n), addresses, n, &wanted->xml);
	return r < 0 ? fail_oom(&vp->err) : 0;
}

/* Completes the network's XML with what the admin's own definition has beside it. */
static int complete(struct vfpool *vp, const char *from, char **xml)
{
	AUTO_FREE char *own = NULL;
	char *whole;
	size_t size;
	int r = read_given_file(from, POOL_TEXT_MAX, &own, &size, &vp->err);

	r = r < 0 ? r : guest_network_complete(own, *xml, &whole);
	if (r == -EBADMSG)
		return fail(&vp->err, -EINVAL,
			    "%s isn't a libvirt <network> with the <name> that the pool's "
			    "definition has",
			    from);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(&vp->err) : r;
	free(*xml);
	*xml = whole;
	return 0;
}

static int want_network(struct vfpool *vp, struct vfpool_pool *pool, const char *from,
			struct wanted_network *wanted, char **ret_notes)
{
	int r = make_xml(vp, pool, wanted, ret_notes);

	return r == 0 && from ? complete(vp, from, &wanted->xml) : r;
}

int vfpool_network_xml(struct vfpool *vp, const char *name, const char *from, char **ret_xml,
		       char **ret_notes)
{
	CLEANUP(wanted_network_end) struct wanted_network wanted = { .n_vfs = 0 };
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = load_network_pool(vp, name, &pool);

	if (r < 0)
		return r;
	r = want_network(vp, pool, from, &wanted, ret_notes);
	if (r < 0)
		return r;
	*ret_xml = TAKE_PTR(wanted.xml);
	return 0;
}

/* ---- given to libvirt ---- */

/* Returns what libvirt's autostart of the network is to be. Where vfpool's unit starts it after libvirt's daemons it is
 * off: the list of VFs may be another one by then. */
static enum guest_autostart autostart_of(const struct vfpool *vp, const struct vfpool_pool *pool,
					 const struct vfpool_network_request *request)
{
	if (request->autostart)
		return GUEST_AUTOSTART_ON;
	if (!pool->network_autostart)
		return GUEST_AUTOSTART_AS_IS;
	return unit_is_enabled(vp, LATE_UNIT) ? GUEST_AUTOSTART_OFF : GUEST_AUTOSTART_ON;
}

static int note_started(void *arg, const char *guest, const char *failure)
{
	note(arg, failure ? "guest %s has autostart, and doesn't start: %s" : "guest %s is started",
	     guest, failure);
	return 0;
}

static int note_waiting(void *arg, const char *guest, const char *failure)
{
	(void)failure;
	note(arg, "guest %s has autostart and is off: it waits for that network", guest);
	return 0;
}

/* Notes, after a sync that failed, who is off for it. */
static void note_guests(struct vfpool *vp, const struct vfpool_pool *pool)
{
	struct error ignored;

	guest_each_on_network(vp->uri, pool->network, false, note_waiting, vp, &ignored);
}

static int define_network(struct vfpool *vp, struct vfpool_pool *pool,
			  const struct vfpool_network_request *request, bool *ret_changed,
			  char **ret_notes)
{
	CLEANUP(wanted_network_end) struct wanted_network wanted = { .n_vfs = 0 };
	struct guest_network_result result = { .changed = false };
	int r = want_network(vp, pool, request->from, &wanted, ret_notes);
	const struct guest_network network = {
		.name = pool->network,
		.xml = wanted.xml,
		.autostart = autostart_of(vp, pool, request),
		.start = request->start || request->sync,
		.force = request->force,
		.vfs = wanted.vfs,
		.n_vfs = wanted.n_vfs,
	};

	if (r < 0)
		return r;
	r = guest_network_define(vp->uri, &network, &result, &vp->err);
	if (r < 0)
		return r;
	if (result.started && request->sync) {
		r = guest_each_on_network(vp->uri, pool->network, true, note_started, vp, &vp->err);
		if (r < 0)
			return r;
	}
	*ret_changed = result.changed;
	return 0;
}

int vfpool_network_define(struct vfpool *vp, const char *name,
			  const struct vfpool_network_request *request, bool *ret_changed,
			  char **ret_notes)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = check_root(vp, "defining a network");

	if (r < 0)
		return r;
	r = load_network_pool(vp, name, &pool);
	if (r < 0)
		return r;
	if (request->undefine)
		return guest_network_undefine(vp->uri, pool->network, request->force, ret_changed,
					      &vp->err);
	r = define_network(vp, pool, request, ret_changed, ret_notes);
	if (r < 0 && request->sync)
		note_guests(vp, pool);
	return r;
}

static int normal(struct vfpool *vp, const char *xml, char **ret_text)
{
	int r = guest_network_normal(xml, ret_text);

	return r < 0 ? fail(&vp->err, r, "what libvirt says of the network can't be understood") :
		       0;
}

/* Reads the network that libvirt has, unless that isn't to be replaced. */
static int read_network(struct vfpool *vp, const struct vfpool_pool *pool, char **ret_text)
{
	enum guest_network_kind kind = GUEST_NETWORK_OURS;
	AUTO_FREE char *is = NULL, *what = NULL;
	int r = guest_ask(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], guest_network_get,
			  pool->network, &is, &vp->err);

	if (r < 0 || !is)
		return r;
	guest_network_look(is, &kind, &what);
	if (kind == GUEST_NETWORK_OTHER)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "network %s is somebody else's (%s); " GUEST_OTHER_NAME, pool->network,
			    what);
	return normal(vp, is, ret_text);
}

int vfpool_network_compare(struct vfpool *vp, const char *name, const char *from, char **ret_is,
			   char **ret_wanted)
{
	CLEANUP(wanted_network_end) struct wanted_network wanted = { .n_vfs = 0 };
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *notes = NULL, *text = NULL;
	int r = load_network_pool(vp, name, &pool);

	if (r < 0)
		return r;
	r = read_network(vp, pool, &text);
	if (r < 0)
		return r;
	r = want_network(vp, pool, from, &wanted, &notes);
	if (r < 0)
		return r;
	r = normal(vp, wanted.xml, ret_wanted);
	if (r < 0)
		return r;
	*ret_is = TAKE_PTR(text);
	return 0;
}
