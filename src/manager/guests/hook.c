/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libvirt's hook does. libvirt waits for it, so it never calls libvirt. */
#include "manager/guests/hook.h"
#include "manager/definitions.h"
#include "manager/lease/lease.h"
#include "manager/lease/release.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>

/* Of the two seconds there are, beside the ledger's first rests, so that there is time to say who it was. */
#define LEDGER_WAIT_MS 200

struct hook {
	struct vfpool *vp;
	const struct hook_call *call;
	struct ledger *ledger;
	struct host host;
	struct guest guest;
	char stale_pool[64];          /* of the lease from which the guest's definition differs */
	char stale_vlans[VLANS_TEXT]; /* what that says and the lease doesn't, "": nothing */
};

void hook_answer(const struct hook_call *call, int r, const char *text)
{
	dprintf(call->out, "%d %s\n", r, text);
}

static void hook_end(struct hook *hook)
{
	ledger_rollback(hook->ledger);
	guest_end(&hook->guest);
	host_end(&hook->host);
}

/* ---- which leases ---- */

/* Finds the ledger's row of the VF that the guest's definition names; id 0: it names none, or none of a pool's. */
static int find_row(struct hook *hook, const struct guest_nic *nic, struct ledger_vf *ret_row)
{
	*ret_row = (struct ledger_vf){ 0 };
	if (!nic->has_address)
		return 0;
	return lease_find_row(&hook->host, hook->ledger, &nic->address, ret_row);
}

/* Tells whether the lease is the guest's by this device. The lease's MAC is proof enough, whatever its tool calls the
 * guest; a plain <hostdev> has none. */
static bool is_its(const struct hook *hook, const struct guest_nic *nic,
		   const struct vfpool_lease *lease)
{
	return nic->has_mac ? vfpool_mac_equal(&nic->mac, &lease->mac) :
			      lease_is_guests(lease, &hook->guest);
}

/* Finds the lease of the VF that the guest names, or of its interface on a libvirt network; NULL: it
 * has none by this device. */
static int find_lease(struct hook *hook, const struct guest_nic *nic,
		      struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row;
	int r = find_row(hook, nic, &row);

	*ret_lease = NULL;
	if (r < 0)
		return r;
	if (row.lease)
		r = ledger_get_lease(hook->ledger, row.lease, &lease);
	else if (nic->has_mac && (row.id || nic->network))
		r = ledger_find_mac(hook->ledger, &nic->mac, &lease);
	if (r < 0 || !lease)
		return r;
	if (!row.lease && lease->has_vf) /* its MAC, on another VF or network */
		return 0;
	if (is_its(hook, nic, lease))
		*ret_lease = TAKE_PTR(lease);
	return 0;
}

/* ---- before the guest starts ---- */

/* Tells whether the guest has a VF by this MAC, somewhere else than its definition says. */
static bool has_moved(struct hook *hook, const struct guest_nic *nic)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;

	return nic->has_mac && ledger_find_mac(hook->ledger, &nic->mac, &lease) == 0 && lease &&
	       lease->has_vf && lease_is_guests(lease, &hook->guest);
}

static int refuse_leased(struct hook *hook, const struct guest_nic *nic, const char *pool,
			 const char *vf, const struct vfpool_lease *lease, const char *named,
			 const char *help)
{
	char has[VFPOOL_MAC_TEXT], own[2 * SHELL_WORD_MAX + 100];
	char old_name[SHELL_WORD_MAX], new_name[SHELL_WORD_MAX];

	if (lease->state == VFPOOL_LEASE_RELEASING)
		return fail(&hook->vp->err, -VFPOOL_EINUSE,
			    "VF %s of pool %s is being released by %s nic %u: 'vfpool gc' "
			    "finishes it",
			    vf, pool, lease->owner, lease->nic);
	vfpool_mac_format(&lease->mac, has);
	/* Its tool may call the guest by another name than libvirt does. */
	snprintf(own, sizeof(own),
		 "if that is the guest of this lease, 'vfpool rename %s %s' says so",
		 name_for_shell(lease->owner, old_name),
		 name_for_shell(hook->guest.name, new_name));
	return fail(&hook->vp->err, -VFPOOL_EINUSE,
		    "VF %s of pool %s is leased to %s nic %u with the MAC %s, and guest %s "
		    "names it%s: %s",
		    vf, pool, lease->owner, lease->nic, has, hook->guest.name, named,
		    nic->has_mac ? help : own);
}

static int refuse(struct hook *hook, const struct guest_nic *nic, const struct ledger_vf *row,
		  const struct vfpool_lease *lease)
{
	const char *remedy = has_moved(hook, nic) ?
				     "'vfpool attach --refresh %s' mends that" :
				     "'vfpool interface %s' prints what the guest has";
	char vf[VFPOOL_PCI_TEXT], mac[VFPOOL_MAC_TEXT], help[SHELL_WORD_MAX + 100],
		named[60] = " in a plain <hostdev>", word[SHELL_WORD_MAX];
	const char *name = name_for_shell(hook->guest.name, word);

	vfpool_pci_format(&nic->address, vf);
	if (nic->has_mac) {
		vfpool_mac_format(&nic->mac, mac);
		snprintf(named, sizeof(named), " with the MAC %s", mac);
	}
	snprintf(help, sizeof(help), remedy, name);
	if (lease)
		return refuse_leased(hook, nic, row->pool, vf, lease, named, help);
	return fail(&hook->vp->err, -VFPOOL_EINUSE,
		    "VF %s of pool %s is leased to nobody, and guest %s names it%s: %s, "
		    "'vfpool adopt %s' records this",
		    vf, row->pool, hook->guest.name, named, help, name);
}

/* Refuses a device by which the guest would take what isn't its. A lease of that VF is the ledger's word alone,
 * whatever became of its pool's definition. */
static int check_nic(struct hook *hook, const struct guest_nic *nic)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row;
	int r = find_row(hook, nic, &row);

	if (r < 0 || !row.id)
		return r;
	if (row.lease) {
		r = ledger_get_lease(hook->ledger, row.lease, &lease);
		if (r < 0 || !lease)
			return r;
		if (lease->state != VFPOOL_LEASE_RELEASING && is_its(hook, nic, lease))
			return 0;
		return refuse(hook, nic, &row, lease);
	}
	/* Only the definition says whether libvirt gives it out. */
	r = definition_load(hook->vp, row.pool, &pool);
	if (r < 0 || pool->allocate == VFPOOL_BY_LIBVIRT)
		return r;
	return refuse(hook, nic, &row, NULL);
}

/* Checks all of the guest's devices: what can't be found out about one is no reason to let another go. */
static int prepare(struct hook *hook)
{
	struct first_failure first = { 0 };

	for (size_t i = 0; i < hook->guest.n_nics; i++) {
		int r = check_nic(hook, &hook->guest.nics[i]);

		if (r == -VFPOOL_EINUSE)
			return r;
		first_failure_keep(&first, r, &hook->vp->err);
	}
	return first_failure_tell(&first, &hook->vp->err);
}

/* ---- when libvirt has programmed its VFs, and it doesn't run yet ---- */

static int mend(struct hook *hook, const struct vfpool_lease *lease, enum mending when)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = definition_load(hook->vp, lease->pool, &pool);

	return r < 0 ? r : vf_mend(&hook->host, hook->ledger, pool, lease, when);
}

static int refuse_vlan(struct hook *hook, const char *why)
{
	const struct error is = hook->vp->err;
	char name[SHELL_WORD_MAX];

	return fail(&hook->vp->err, -VFPOOL_EINUSE,
		    "the definition of guest %s says %s, of pool %s, which couldn't be programmed "
		    "(%.300s): 'vfpool attach --refresh %s' mends the definition",
		    hook->guest.name, hook->stale_vlans, hook->stale_pool, why ? why : is.text,
		    name_for_shell(hook->guest.name, name));
}

/* libvirt has set the VLAN of the guest's definition. Nothing has run with it yet, and nothing is to where that is
 * another than the lease's: should the kernel sleep from here on, the answer is a refusal. So the ledger alone is asked.
 * What fails here fails again when the lease is mended. */
static void guard_vlan(struct hook *hook, const struct guest_nic *nic)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = nic->has_mac ? ledger_find_mac(hook->ledger, &nic->mac, &lease) : 0;

	if (r < 0 || !lease || lease->state != VFPOOL_LEASE_ACTIVE ||
	    definition_load(hook->vp, lease->pool, &pool) < 0 ||
	    !vf_vlan_is_stale(pool, lease, nic->vlan, hook->stale_vlans))
		return;
	snprintf(hook->stale_pool, sizeof(hook->stale_pool), "%s", pool->name);
	hook_answer(hook->call, refuse_vlan(hook, "not in time"), hook->vp->err.text);
}

/* ---- when it runs ---- */

static int note_start(struct hook *hook, const struct vfpool_lease *lease)
{
	CLEANUP(rollback) struct ledger *ledger = hook->ledger;
	int r = ledger_begin(ledger);

	if (r < 0)
		return r;
	r = ledger_start_lease(ledger, (int64_t)lease->id);
	return r < 0 ? r : ledger_commit(ledger);
}

/* Mends what libvirt programs, and then notes who has the lease: a ledger that is busy costs the note alone. */
static int started(struct hook *hook, const struct vfpool_lease *lease)
{
	const int mended = mend(hook, lease, MEND_RUNNING);
	int r = lease_see_guest(hook->vp, hook->ledger, lease, hook->guest.uuid);

	r = r < 0 || !lease->until_stop || lease->was_started ? r : note_start(hook, lease);
	return mended < 0 ? mended : r;
}

/* ---- when it has stopped ---- */

/* Tells whether the guest was saved: libvirt says so itself, or has the guest's memory. */
static bool is_saved(const struct hook *hook, const char *extra)
{
	AUTO_FREE char *path = format_text("%s/qemu/save/%s.save",
					   hook->vp->dirs[VFPOOL_DIR_LIBVIRT_STATE],
					   hook->guest.name);

	return strcmp(extra, "saved") == 0 ||
	       (path && !strchr(hook->guest.name, '/') && access(path, F_OK) == 0);
}

static int released(struct hook *hook, struct vfpool_lease *lease, bool saved)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	struct ending ending = { .vp = hook->vp, .ledger = hook->ledger, .host = &hook->host };
	int r;

	if (!lease->was_started || saved || !lease_is_guests(lease, &hook->guest))
		return mend(hook, lease, MEND_STOPPED);
	r = definition_load_or_default(hook->vp, lease->pool, &pool);
	ending.pool = pool;
	return r < 0 ? r : lease_end(&ending, lease);
}

/* ---- all of it ---- */

enum phase { STARTING, RUNNING, STOPPED, SAVED };

/* Does what the phase asks for the lease that the guest has by that device, if it has one. */
static int do_phase(struct hook *hook, enum phase phase, const struct guest_nic *nic)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = find_lease(hook, nic, &lease);

	if (r < 0 || !lease)
		return r;
	if (phase == STARTING)
		return mend(hook, lease, MEND_STARTING);
	return phase == RUNNING ? started(hook, lease) : released(hook, lease, phase == SAVED);
}

/* Does what the phase asks for each lease of the guest; the first failure is told, the rest goes on. */
static int for_each_lease(struct hook *hook, enum phase phase)
{
	struct first_failure first = { 0 };

	for (size_t i = 0; i < hook->guest.n_nics; i++) {
		int r = do_phase(hook, phase, &hook->guest.nics[i]);

		first_failure_keep(&first, r, &hook->vp->err);
	}
	return first_failure_tell(&first, &hook->vp->err);
}

/* Mends the guest's VFs before it runs. What couldn't be done stops a guest whose definition is of old, and no other. */
static int start(struct hook *hook)
{
	int r;

	for (size_t i = 0; i < hook->guest.n_nics; i++)
		guard_vlan(hook, &hook->guest.nics[i]);
	r = for_each_lease(hook, STARTING);
	if (r < 0 && *hook->stale_vlans)
		return refuse_vlan(hook, NULL);
	return r == -VFPOOL_EINUSE ? -EBUSY : r;
}

static int run_qemu(struct hook *hook, const char *operation, const char *extra, const char *xml)
{
	int r = guest_read_domain(xml, &hook->guest);

	/* Its name may be one that no owner has: it must not take what is another's all the same. */
	if (r < 0 || !hook->guest.name || !*hook->guest.uuid)
		return fail(&hook->vp->err, -EBADMSG,
			    "what libvirt says of the guest can't be understood");
	if (strcmp(operation, "prepare") == 0)
		return prepare(hook);
	if (strcmp(operation, "start") == 0)
		return start(hook);
	if (strcmp(operation, "started") == 0 || strcmp(operation, "reconnect") == 0)
		return for_each_lease(hook, RUNNING);
	if (strcmp(operation, "release") == 0)
		return for_each_lease(hook, is_saved(hook, extra) ? SAVED : STOPPED);
	return 0;
}

/* On hot plug only this hook runs. The VF isn't programmed yet: whose it is is all there is to do. */
static int run_network(struct hook *hook, const char *operation, const char *xml)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct guest_port port;
	int r;

	if (strcmp(operation, "port-created") != 0)
		return 0;
	if (guest_read_port(xml, &port) < 0)
		return fail(&hook->vp->err, -EBADMSG,
			    "what libvirt says of the port can't be understood");
	r = ledger_find_mac(hook->ledger, &port.mac, &lease);
	return r == 0 && lease ? lease_see_guest(hook->vp, hook->ledger, lease, port.uuid) : r;
}

int hook_run(struct vfpool *vp, const struct hook_call *call)
{
	CLEANUP(hook_end) struct hook hook = { .vp = vp, .call = call, .host = NO_HOST };
	int r = check_root(vp, "libvirt's hook");

	if (r < 0)
		return r;
	r = open_ledger(vp, LEDGER_CHANGE, &hook.ledger);
	if (ledger_takes_no_more(r))
		/* Whose VF it is can be told all the same; the process ends with the copy. */
		r = open_ledger_copy(vp, &hook.ledger);
	if (r < 0)
		return r;
	if (!hook.ledger) /* there is no pool yet */
		return 0;
	ledger_set_wait(hook.ledger, LEDGER_WAIT_MS);
	r = open_host(vp, &hook.host);
	if (r < 0)
		return r;
	if (strcmp(call->driver, "qemu") == 0)
		return run_qemu(&hook, call->operation, call->extra, call->xml);
	return run_network(&hook, call->operation, call->xml);
}
