/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `attach`: a VF of a pool goes into a guest of libvirt; --refresh mends guests that name theirs
 * wrongly by now. */
#include "verbs/verb.h"
#include "verbs/findings.h"
#include "verbs/guest_args.h"

struct attach_args {
	struct guest_args guest;
	bool refresh;
	unsigned wait;
};

/* Checks which of the options and `n` arguments go together. Returns 0, or -VERB_USAGE after a
 * message. */
static int check_args(const struct verb *verb, const struct attach_args *args, int n)
{
	const struct guest_args *guest = &args->guest;

	if (args->refresh ? n > 1 : n < 2) {
		warn_user("%s: %s arguments", verb->name, args->refresh ? "too many" : "missing");
		return -VERB_USAGE;
	}
	if (args->refresh ?
		    guest->live || guest->config || guest->current || guest->request.nic >= 0 :
		    args->wait) {
		warn_user(
			"%s: --refresh goes with --wait, --json and --dry-run alone, and --wait with --refresh",
			verb->name);
		return -VERB_USAGE;
	}
	return 0;
}

static int refresh(struct vfpool *vp, const struct attach_args *args)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	const struct vfpool_attach_request *request = &args->guest.request;
	int r = vfpool_refresh(vp, request->guest, request->dry_run, args->wait, &found);

	findings_print(found, args->guest.json, request->dry_run);
	return r;
}

static int run_attach(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct attach_args args = { .guest.request = VFPOOL_ATTACH_REQUEST };
	const struct verb_option options[] = {
		GUEST_OPTIONS(&args.guest,
			      "the running guest, or one that is shut off: the default"),
		OPTION_FLAG("refresh", &args.refresh,
			    "instead: mend guests that name their VF by an address that it had"),
		OPTION_COUNT(
			"wait", &args.wait,
			"with --refresh: so many seconds at most until libvirt has told its guests (5)"),
		OPTION_END,
	};
	char **rest;
	int n = verb_parse(verb, argc, argv, options, &rest), r;

	if (n < 0)
		return n;
	r = check_args(verb, &args, n);
	if (r < 0)
		return r;
	r = guest_args_complete(verb, &args.guest, rest, n);
	if (r < 0)
		return r;
	if (args.refresh)
		return refresh(vp, &args);
	r = vfpool_attach(vp, &args.guest.request, &lease);
	if (r < 0)
		return r;
	return guest_args_print(vp, lease, &args.guest,
				args.guest.request.dry_run ? "would be attached" : "is attached");
}

const struct verb verb_attach = {
	.name = "attach",
	.args = "POOL GUEST [--nic N] [--live] [--config] [--current] [--json] [--dry-run] | --refresh [GUEST] [--wait N]",
	.max_args = 2,
	.help = "a VF of the pool into a guest of libvirt",
	.run = run_attach,
};
