/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `attach` and `detach`. */
#include "verbs/verb.h"
#include "verbs/findings.h"
#include "verbs/interface.h"
#include "verbs/json.h"

#include <stdio.h>

struct attach_args {
	struct vfpool_attach_request request;
	bool live, config, current, json, refresh;
	unsigned wait;
};

/* `waits`: it is detach, which may have to. */
static int parse(const struct verb *verb, int argc, char **argv, bool waits,
		 struct attach_args *args)
{
	struct vfpool_attach_request *request = &args->request;
	const struct verb_option options[] = {
		OPTION_NUMBER("nic", &request->nic, "which of the guest's interfaces"),
		OPTION_FLAG("live", &args->live, "the running guest"),
		OPTION_FLAG("config", &args->config, "its next start"),
		OPTION_FLAG(
			"current", &args->current,
			waits ? "the running guest, or one that is shut off; else: all that has it" :
				"the running guest, or one that is shut off: the default"),
		OPTION_FLAG("json", &args->json, "the lease as JSON"),
		OPTION_FLAG("dry-run", &request->dry_run, "say what would be done, change nothing"),
		waits ? (struct verb_option)
				OPTION_COUNT("timeout", &request->timeout_s,
					     "seconds that a running guest may take (60)") :
			OPTION_FLAG(
				"refresh", &args->refresh,
				"instead: mend guests that name their VF by an address that it had"),
		OPTION_COUNT(
			waits ? NULL : "wait", &args->wait,
			"with --refresh: so many seconds at most until libvirt has told its guests (5)"),
		OPTION_END,
	};
	char **rest;
	int r = verb_parse(verb, argc, argv, options, 0, 2, &rest);

	if (r < 0)
		return r;
	if (args->refresh ? r > 1 : r < (waits ? 1 : 2)) {
		warn_user("%s: %s arguments", verb->name, args->refresh ? "too many" : "missing");
		return -VERB_USAGE;
	}
	if (args->refresh ? args->live || args->config || args->current || request->nic >= 0 :
			    args->wait) {
		warn_user(
			"%s: --refresh goes with --wait, --json and --dry-run alone, and --wait with --refresh",
			verb->name);
		return -VERB_USAGE;
	}
	if (args->current && (args->live || args->config)) {
		warn_user("%s: --current excludes --live and --config", verb->name);
		return -VERB_USAGE;
	}
	request->where = (args->live ? VFPOOL_GUEST_LIVE : 0) |
			 (args->config ? VFPOOL_GUEST_CONFIG : 0) |
			 (args->current ? VFPOOL_GUEST_CURRENT : 0);
	request->pool = r > 1 ? rest[0] : NULL;
	request->guest = r > 0 ? rest[r - 1] : NULL;
	return request->guest ? verb_check_owner(verb, request->guest) : 0;
}

static int print(struct vfpool *vp, const struct vfpool_lease *lease,
		 const struct attach_args *args, const char *what)
{
	const struct interface_args interface = { .json = args->json };
	struct vfpool_lease *const leases[] = { (struct vfpool_lease *)lease, NULL };
	char mac[VFPOOL_MAC_TEXT], vf[VFPOOL_PCI_TEXT] = "";

	if (args->json && lease->state != VFPOOL_LEASE_RELEASED)
		return print_interfaces(vp, leases, &interface);
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

static int refresh(struct vfpool *vp, const struct attach_args *args)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	int r = vfpool_refresh(vp, args->request.guest, args->request.dry_run, args->wait, &found);

	print_findings(found, args->json, args->request.dry_run);
	return r;
}

static int run_attach(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct attach_args args = { .request = VFPOOL_ATTACH_REQUEST };
	int r = parse(verb, argc, argv, false, &args);

	if (r < 0)
		return r;
	if (args.refresh)
		return refresh(vp, &args);
	r = vfpool_attach(vp, &args.request, &lease);
	if (r < 0)
		return r;
	return print(vp, lease, &args, args.request.dry_run ? "would be attached" : "is attached");
}

static int run_detach(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct attach_args args = { .request = VFPOOL_ATTACH_REQUEST };
	int r = parse(verb, argc, argv, true, &args);

	if (r < 0)
		return r;
	r = vfpool_detach(vp, &args.request, &lease);
	if (r < 0)
		return r;
	return print(vp, lease, &args,
		     args.request.dry_run                  ? "would be detached and released" :
		     lease->state == VFPOOL_LEASE_RELEASED ? "is detached and released" :
							     "is detached; its lease stays");
}

const struct verb verb_attach = {
	"attach",
	"POOL GUEST [--nic N] [--live] [--config] [--current] [--json] [--dry-run] | --refresh [GUEST] [--wait N]",
	"a VF of the pool into a guest of libvirt",
	run_attach,
};

const struct verb verb_detach = {
	"detach",
	"[POOL] GUEST [--nic N] [--live] [--config] [--current] [--timeout N] [--json] [--dry-run]",
	"a guest's VF out of it, and back into the pool",
	run_detach,
};
