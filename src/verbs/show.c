/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `show`: a pool and its VFs. */
#include "verbs/verb.h"
#include "verbs/json.h"
#include "verbs/missing.h"
#include "verbs/overview.h"

struct reservations {
	struct vfpool_reservation *list;
	size_t n;
};

static void reservations_end(struct reservations *reservations)
{
	vfpool_reservations_free(reservations->list, reservations->n);
}

/* Prints a lease of a pool that libvirt allocates. */
static void print_picked(const struct vfpool_lease *lease)
{
	static const struct vfpool_pci none = { 0 };
	char mac[VFPOOL_MAC_TEXT], vf[VFPOOL_PCI_TEXT];

	vfpool_mac_format(&lease->mac, mac);
	vfpool_pci_format(&lease->address, vf);
	if (vfpool_pci_equal(&lease->address, &none))
		say("leased to %s nic %u: %s, on the VF that libvirt picks\n", lease->owner,
		    lease->nic, mac);
	else
		say("leased to %s nic %u: %s, now on VF %s, which libvirt picked\n", lease->owner,
		    lease->nic, mac, vf);
}

static int show_text(struct vfpool_pool *pool, const struct vfpool_inventory *inventory,
		     struct vfpool_lease *const *leases, const struct reservations *reservations,
		     bool nodedev)
{
	struct vfpool_pool *pools[] = { pool, NULL };
	int r = overview_print(pools, inventory, leases, pool->name, nodedev);

	if (r < 0)
		return r;
	for (; leases && *leases; leases++)
		if ((*leases)->has_vf)
			overview_print_lost(*leases, inventory);
		else
			print_picked(*leases);
	for (size_t i = 0; i < reservations->n; i++) {
		char mac[VFPOOL_MAC_TEXT];

		vfpool_mac_format(&reservations->list[i].mac, mac);
		if (!reservations->list[i].leased)
			say("reserved for %s nic %u: %s\n", reservations->list[i].owner,
			    reservations->list[i].nic, mac);
	}
	missing_note(inventory, pools);
	return 0;
}

static int run_show(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(reservations_end) struct reservations reservations = { 0 };
	bool json = false, nodedev = false;
	const struct verb_option options[] = {
		OVERVIEW_OPTIONS(&json, &nodedev),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_find_pool(vp, args[0], &pool);
	if (r < 0)
		return r;
	r = vfpool_inventory(vp, &inventory);
	if (r < 0)
		return r;
	r = vfpool_leases(vp, args[0], inventory, &leases);
	if (r < 0)
		return r;
	if (leases)
		r = vfpool_reservations(vp, args[0], &reservations.list, &reservations.n);
	if (r < 0)
		return r;
	if (!json)
		return show_text(pool, inventory, leases, &reservations, nodedev);
	print_json(json_show(pool, inventory, leases, reservations.list, reservations.n));
	return 0;
}

const struct verb verb_show = {
	.name = "show",
	.args = "POOL [--json] [--nodedev]",
	.min_args = 1,
	.max_args = 1,
	.help = "a pool's VFs: programmed, free, leased, busy",
	.run = run_show,
};
