/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libvirt network of a pool that libvirt allocates. */
#include "manager/manager.h"

#include "util/file.h"

static int load_network_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = load_pool(vp, name, &pool);

	if (r < 0)
		return r;
	if (pool->allocate != VFPOOL_BY_LIBVIRT)
		return fail(&vp->err, -EINVAL,
			    "pool %s is allocated by vfpool, so it is no libvirt network: use "
			    "'vfpool alloc %s', or define it with <allocate by='libvirt'/>", name, name);
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

/* A VF that something outside libvirt holds would make a guest's start fail:
 * libvirt takes the first address that it believes free. One with a lease is
 * still another pool's. */
static bool belongs_in_list(const struct vfpool_vf *vf)
{
	return !vf->owner && !vf->held &&
	       (vf->holder == VFPOOL_HELD_BY_NOBODY || vf->holder == VFPOOL_HELD_BY_LIBVIRT);
}

/* Why it is left out. */
static int note_left_out(struct vfpool *vp, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
			 char **notes)
{
	char *text = format_text("%s%sVF %u of %s is left out: %s%s", *notes ? *notes : "",
				 *notes ? "; " : "", vf->index, pf->netdev ? pf->netdev : "a PF",
				 vf->owner ? "leased to " : vf->held ? "held: " : "",
				 vf->owner ? vf->owner : vf->held ? vf->held : vf->busy);

	if (!text)
		return fail_oom(&vp->err);
	free(*notes);
	*notes = text;
	return 0;
}

static int list_addresses(struct vfpool *vp, const struct pool_use *uses, size_t n_uses,
			  struct vfpool_pci **ret_addresses, size_t *ret_n, char **ret_notes)
{
	AUTO_FREE struct vfpool_pci *addresses = NULL;
	AUTO_FREE char *notes = NULL;
	size_t n = 0, room = 1;

	for (size_t i = 0; i < n_uses; i++)
		room += uses[i].pf->n_vfs;
	addresses = calloc(room, sizeof(*addresses));
	if (!addresses)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n_uses; i++)
		for (size_t j = 0; j < uses[i].pf->n_vfs; j++) {
			const struct vfpool_vf *vf = &uses[i].pf->vfs[j];

			if (!vfpool_pool_has_vf(uses[i].want, vf->index))
				continue;
			if (belongs_in_list(vf))
				addresses[n++] = vf->address;
			else if (note_left_out(vp, uses[i].pf, vf, &notes) < 0)
				return -ENOMEM;
		}
	*ret_notes = TAKE_PTR(notes);
	*ret_addresses = TAKE_PTR(addresses);
	*ret_n = n;
	return 0;
}

/* libvirt takes one whole PF by its name, or a list of VFs. */
static const char *whole_pf(const struct pool_use *uses, size_t n_uses, size_t n_addresses)
{
	const struct vfpool_pf *pf = uses[0].pf;

	return n_uses == 1 && pf->netdev && n_addresses == pf->n_vfs ? pf->netdev : NULL;
}

/* The PFs with their VFs' leases and holders. */
static int look_at_host(struct vfpool *vp, struct host *host,
			struct vfpool_inventory **ret_inventory)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	struct ledger *ledger;
	int r;

	if ((r = host_read(host, HOST_ALL_VFS, &inventory)) < 0 ||
	    (r = open_ledger(vp, LEDGER_READ, &ledger)) < 0)
		return r;
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		host_name_holders(host, &inventory->pfs[i]);
		r = mark_uses(vp, ledger, NULL, 0, &inventory->pfs[i]);
		if (r < 0)
			return r;
	}
	*ret_inventory = TAKE_PTR(inventory);
	return 0;
}

static int make_xml(struct vfpool *vp, struct vfpool_pool *pool, char **ret_xml, char **ret_notes)
{
	struct vfpool_pool *pools[] = { pool, NULL };
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_FREE struct vfpool_pci *addresses = NULL;
	AUTO_FREE struct pool_use *uses = NULL;
	AUTO_HOST struct host host = NO_HOST;
	size_t n_uses = 0, n = 0;
	int r;

	if ((r = open_host(vp, &host)) < 0 ||
	    (r = look_at_host(vp, &host, &inventory)) < 0 ||
	    (r = resolve_uses(vp, pools, inventory, &uses, &n_uses)) < 0)
		return r;
	for (size_t i = 0; i < n_uses; i++)
		if (!uses[i].pf)
			return fail_missing_pf(vp, &host, &uses[i]);
	r = list_addresses(vp, uses, n_uses, &addresses, &n, ret_notes);
	if (r < 0)
		return r;
	if (n == 0)
		return fail(&vp->err, -VFPOOL_ENOVF,
			    "pool %s has no VFs now; 'vfpool apply %s' makes them", pool->name,
			    pool->name);
	r = guest_network_xml(pool, whole_pf(uses, n_uses, n), addresses, n, ret_xml);
	return r < 0 ? fail_oom(&vp->err) : 0;
}

/* With what the admin's own definition has beside it. */
static int complete(struct vfpool *vp, const char *from, char **xml)
{
	AUTO_FREE char *own = NULL;
	char *whole;
	size_t size;
	int r = read_file(from, POOL_TEXT_MAX, &own, &size, &vp->err);

	if (r == 0)
		r = guest_network_complete(own, *xml, &whole);
	if (r == -EBADMSG)
		return fail(&vp->err, -EINVAL, "%s isn't a libvirt <network> with the <name> that the pool's "
			    "definition has", from);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(&vp->err) : r;
	free(*xml);
	*xml = whole;
	return 0;
}

static int wanted_xml(struct vfpool *vp, struct vfpool_pool *pool, const char *from, char **ret_xml,
		      char **ret_notes)
{
	AUTO_FREE char *xml = NULL;
	int r = make_xml(vp, pool, &xml, ret_notes);

	if (r == 0 && from)
		r = complete(vp, from, &xml);
	if (r == 0)
		*ret_xml = TAKE_PTR(xml);
	return r;
}

int vfpool_network_xml(struct vfpool *vp, const char *name, const char *from, char **ret_xml,
		       char **ret_notes)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = load_network_pool(vp, name, &pool);

	return r < 0 ? r : wanted_xml(vp, pool, from, ret_xml, ret_notes);
}

/* Where vfpool's unit starts it after libvirt's daemons, libvirt's own autostart is off: the list
 * of VFs may be another one by then. */
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
	note(arg, failure ? "guest %s has autostart, and doesn't start: %s" : "guest %s is started", guest,
	     failure);
	return 0;
}

int vfpool_network_define(struct vfpool *vp, const char *name,
			  const struct vfpool_network_request *request, bool *ret_changed,
			  char **ret_notes)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *xml = NULL;
	bool started = false;
	int r;

	if ((r = check_root(vp, "defining a network")) < 0 || (r = load_network_pool(vp, name, &pool)) < 0)
		return r;
	if (request->undefine)
		return guest_network_undefine(vp->uri, pool->network, ret_changed, &vp->err);
	r = wanted_xml(vp, pool, request->from, &xml, ret_notes);
	if (r == 0)
		r = guest_network_define(vp->uri, pool->network, xml, autostart_of(vp, pool, request),
					 request->start || request->sync, ret_changed, &started, &vp->err);
	if (r == 0 && started && request->sync)
		r = guest_start_on_network(vp->uri, pool->network, note_started, vp, &vp->err);
	return r;
}

static int normal(struct vfpool *vp, const char *xml, char **ret_text)
{
	int r = guest_network_normal(xml, ret_text);

	return r < 0 ? fail(&vp->err, r, "what libvirt says of the network can't be understood") : 0;
}

int vfpool_network_compare(struct vfpool *vp, const char *name, const char *from, char **ret_is,
			   char **ret_wanted)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	AUTO_FREE char *is = NULL, *wanted = NULL, *notes = NULL, *text = NULL;
	int r;

	if ((r = load_network_pool(vp, name, &pool)) < 0 ||
	    (r = wanted_xml(vp, pool, from, &wanted, &notes)) < 0 ||
	    (r = guest_ask(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], guest_network_get, pool->network, &is,
			   &vp->err)) < 0 ||
	    (is && (r = normal(vp, is, &text)) < 0) || (r = normal(vp, wanted, ret_wanted)) < 0)
		return r;
	*ret_is = TAKE_PTR(text);
	return 0;
}
