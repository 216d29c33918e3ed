/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `release`: a VF comes back; its MAC stays its owner's. */
#include "verbs/verb.h"
#include "verbs/json.h"

struct release_args {
	struct vfpool_release_request request;
	struct vfpool_pci vf;
	const char *address;
	bool json;
};

static int parse_release(const struct verb *verb, int argc, char **argv, struct release_args *args)
{
	struct vfpool_release_request *request = &args->request;
	const struct verb_option options[] = {
		OPTION_TEXT("owner", &request->owner, "whose lease"),
		OPTION_NUMBER("nic", &request->nic, "which of the owner's interfaces"),
		OPTION_TEXT("vf", &args->address, "the lease of the VF with this PCI address"),
		OPTION_LEASE("lease", &request->lease, "the lease of this number"),
		OPTION_FLAG("all", &request->all, "all leases that it could mean"),
		OPTION_FLAG("forget", &request->forget, "the MAC is nobody's then"),
		OPTION_FLAG(
			"force", &request->force,
			"also when in use, or its PF can't be looked at: the VF goes into quarantine"),
		OPTION_FLAG("json", &args->json, "the lease as JSON; with --all an array"),
		OPTION_DRY_RUN(&request->dry_run),
		OPTION_END,
	};
	char **rest;
	int r = verb_parse(verb, argc, argv, options, &rest);

	if (r < 0)
		return r;
	request->pool = r > 0 ? rest[0] : NULL;
	r = request->owner ? verb_check_owner(verb, request->owner) : 0;
	if (r < 0)
		return r;
	r = args->address ? verb_parse_vf(args->address, &args->vf) : 0;
	if (r < 0)
		return r;
	request->vf = args->address ? &args->vf : NULL;
	if (!request->owner && !request->vf && !request->lease)
		return verb_fail_usage(verb, "--owner, --vf or --lease says which lease");
	return 0;
}

static void print_released(const struct vfpool_lease *lease, const struct release_args *args)
{
	bool dry_run = args->request.dry_run;
	char mac[VFPOOL_MAC_TEXT];

	vfpool_mac_format(&lease->mac, mac);
	say("%s the VF of %s nic %u; %s %s\n", dry_run ? "would release" : "released", lease->owner,
	    lease->nic, mac,
	    args->request.forget ? (dry_run ? "would be nobody's" : "is nobody's now") :
				   "stays reserved");
	if (lease->quarantined)
		warn_user(
			"note: the VF %s in quarantine, and free when 'vfpool gc' sees that nothing has it",
			dry_run ? "would be" : "is");
}

static int run_release(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	struct release_args args = { .request = VFPOOL_RELEASE_REQUEST };
	int r = parse_release(verb, argc, argv, &args);

	if (r < 0)
		return r;
	r = vfpool_release(vp, &args.request, &leases);
	if (args.json && leases && (args.request.all || !leases[0]))
		print_json(json_leases(leases));
	else if (args.json && leases)
		print_json(json_lease(leases[0]));
	for (struct vfpool_lease **lease = leases; !args.json && lease && *lease; lease++)
		print_released(*lease, &args);
	if (r == 0 && !args.json && !leases[0])
		say("%s the MACs of %s: they are nobody's now\n",
		    args.request.dry_run ? "would forget" : "forgot", args.request.owner);
	return r;
}

const struct verb verb_release = {
	.name = "release",
	.args = "[POOL] {--owner NAME [--nic N] | --vf ADDRESS | --lease N} [--all] [--forget] [--force] "
		"[--json] [--dry-run]",
	.max_args = 1,
	.help = "give a VF back; its MAC stays reserved",
	.run = run_release,
};
