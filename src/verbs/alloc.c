/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `alloc`: a free VF and a stable MAC for an owner. */
#include "verbs/verb.h"
#include "verbs/interface.h"

#include <string.h>

/* Reads --numa: "1" asks for a VF rather there, "1=only" for none from elsewhere. Returns 0, or
 * -VERB_USAGE after a message. */
static int parse_numa_option(const char *text, struct vfpool_alloc_request *request)
{
	char *end;
	long node = strtol(text, &end, 10);

	request->numa_only = strcmp(end, "=only") == 0;
	if (end == text || node < 0 || node > 4095 || (*end && !request->numa_only)) {
		warn_user("--numa takes a node's number, or N=only, not '%s'", text);
		return -VERB_USAGE;
	}
	request->numa = (int)node;
	return 0;
}

static int parse_mac_option(const char *text, struct vfpool_alloc_request *request)
{
	if (vfpool_mac_parse(text, &request->mac) < 0) {
		warn_user("--mac takes an address like d2:56:46:01:02:03, not '%s'", text);
		return -VERB_USAGE;
	}
	request->has_mac = true;
	return 0;
}

struct alloc_args {
	struct vfpool_alloc_request request;
	int count; /* -1: not given */
	const char *numa, *mac;
	struct interface_args interface;
};

static int parse_alloc(const struct verb *verb, int argc, char **argv, struct alloc_args *args,
		       char ***ret_rest)
{
	struct vfpool_alloc_request *request = &args->request;
	const struct verb_option options[] = {
		OPTION_TEXT("owner", &request->owner, "whose VF it is: a guest's name"),
		OPTION_COUNT("nic", &request->nic, "which of the owner's interfaces (0)"),
		OPTION_NUMBER("count", &args->count, "nics 0 to N-1, all or none"),
		OPTION_TEXT("numa", &args->numa, "rather on this NUMA node; N=only: nowhere else"),
		OPTION_TEXT("pf", &request->pf, "a VF of this PF: netdev, PCI address or MAC"),
		OPTION_NUMBER("vf", &request->vf, "the VF of this index"),
		OPTION_TEXT("mac", &args->mac, "the owner's MAC, instead of one made for it"),
		OPTION_NUMBER("vlan", &request->vlan, "instead of the pool's; 0: none"),
		INTERFACE_OPTIONS(&args->interface),
		OPTION_FLAG("until-stop", &request->until_stop,
			    "a new lease ends when its guest stops, by libvirt's hook"),
		OPTION_DRY_RUN(&request->dry_run),
		OPTION_END,
	};
	int r = verb_parse(verb, argc, argv, options, ret_rest);

	if (r < 0)
		return r;
	if (!request->owner)
		return verb_fail_usage(verb, "--owner says whose VF it is");
	if (args->count >= 0 && request->nic)
		return verb_fail_usage(verb, "--nic and --count exclude each other");
	r = verb_check_owner(verb, request->owner);
	if (r < 0)
		return r;
	request->count = args->count >= 0 ? (unsigned)args->count : 1;
	args->interface.array = args->count >= 0;
	r = interface_check_args(verb, &args->interface);
	if (r < 0)
		return r;
	r = args->numa ? parse_numa_option(args->numa, request) : 0;
	if (r < 0)
		return r;
	return args->mac ? parse_mac_option(args->mac, request) : 0;
}

static int run_alloc(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	struct alloc_args args = { .request = VFPOOL_ALLOC_REQUEST, .count = -1 };
	char **rest;
	int r = parse_alloc(verb, argc, argv, &args, &rest);

	if (r < 0)
		return r;
	r = interface_check_pool(vp, rest[0], &args.interface, args.request.count);
	if (r < 0)
		return r;
	r = vfpool_alloc(vp, rest[0], &args.request, &leases);
	if (r < 0)
		return r;
	return interface_print(vp, leases, &args.interface);
}

const struct verb verb_alloc = {
	.name = "alloc",
	.args = "POOL --owner NAME [--nic N | --count N] [--numa N[=only]] [--pf PF] [--vf N] [--mac MAC] "
		"[--vlan ID] [--until-stop] [--format F] [--dry-run]",
	.min_args = 1,
	.max_args = 1,
	.help = "a free VF and a stable MAC, as <interface>",
	.run = run_alloc,
};
