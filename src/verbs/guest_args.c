/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `attach` and `detach` have in common. */
#include "verbs/guest_args.h"
#include "verbs/interface.h"
#include "verbs/json.h"

int guest_args_complete(const struct verb *verb, struct guest_args *args, char **rest, int n)
{
	struct vfpool_attach_request *request = &args->request;

	if (args->current && (args->live || args->config)) {
		warn_user("%s: --current excludes --live and --config", verb->name);
		return -VERB_USAGE;
	}
	request->where = (args->live ? VFPOOL_GUEST_LIVE : 0) |
			 (args->config ? VFPOOL_GUEST_CONFIG : 0) |
			 (args->current ? VFPOOL_GUEST_CURRENT : 0);
	request->pool = n > 1 ? rest[0] : NULL;
	request->guest = n > 0 ? rest[n - 1] : NULL;
	return request->guest ? verb_check_owner(verb, request->guest) : 0;
}

int guest_args_print(struct vfpool *vp, const struct vfpool_lease *lease,
		     const struct guest_args *args, const char *what)
{
	const struct interface_args interface = { .json = args->json };
	struct vfpool_lease *const leases[] = { (struct vfpool_lease *)lease, NULL };
	char mac[VFPOOL_MAC_TEXT], vf[VFPOOL_PCI_TEXT] = "";

	if (args->json && lease->state != VFPOOL_LEASE_RELEASED)
		return interface_print(vp, leases, &interface);
	if (args->json) {
		print_json(json_lease(lease));
		return 0;
	}
	vfpool_mac_format(&lease->mac, mac);
	if (lease->has_vf)
		vfpool_pci_format(&lease->address, vf);
	say("%s nic %u: MAC %s%s%s %s\n", lease->owner, lease->nic, mac,
	    lease->has_vf ? ", VF " : "", vf, what);
	return 0;
}
