/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `detach`: a guest's VF comes out of it, and back into the pool. */
#include "verbs/guest_args.h"
#include "verbs/verb.h"

static int run_detach(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct guest_args args = { .request = VFPOOL_ATTACH_REQUEST };
	const struct verb_option options[] = {
		GUEST_OPTIONS(&args,
			      "the running guest, or one that is shut off; else: all that has it"),
		OPTION_COUNT("timeout", &args.request.timeout_s,
			     "seconds that a running guest may take (60)"),
		OPTION_END,
	};
	char **rest;
	int n = verb_parse(verb, argc, argv, options, &rest), r;

	if (n < 0)
		return n;
	if (n == 0) {
		warn_user("%s: missing arguments", verb->name);
		return -VERB_USAGE;
	}
	r = guest_args_complete(verb, &args, rest, n);
	if (r < 0)
		return r;
	r = vfpool_detach(vp, &args.request, &lease);
	if (r < 0)
		return r;
	return guest_args_print(vp, lease, &args,
				args.request.dry_run ? "would be detached and released" :
				lease->state == VFPOOL_LEASE_RELEASED ?
						       "is detached and released" :
						       "is detached; its lease stays");
}

const struct verb verb_detach = {
	.name = "detach",
	.args = "[POOL] GUEST [--nic N] [--live] [--config] [--current] [--timeout N] [--json] [--dry-run]",
	.max_args = 2,
	.help = "a guest's VF out of it, and back into the pool",
	.run = run_detach,
};
