/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `network`: the libvirt network of a pool. */
#include "verbs/verb.h"
#include "verbs/diff.h"

struct network_args {
	struct vfpool_network_request request;
	bool define, diff, dry_run;
};

/* Reads the arguments and checks which of them go together; *ret_pool is NULL for --sync of all.
 * Returns 0, or as verb_parse(). */
static int take_network_args(const struct verb *verb, int argc, char **argv,
			     struct network_args *args, const char **ret_pool)
{
	struct vfpool_network_request *request = &args->request;
	const struct verb_option options[] = {
		OPTION_FLAG("define", &args->define, "give the network to libvirt"),
		OPTION_FLAG("start", &request->start, "with --define: start it too"),
		OPTION_FLAG("autostart", &request->autostart,
			    "with --define: libvirt starts it at boot"),
		OPTION_FLAG("undefine", &request->undefine, "stop it, and take it from libvirt"),
		OPTION_FLAG("diff", &args->diff,
			    "what --define would change; exit code 1: something"),
		OPTION_FLAG("sync", &request->sync,
			    "as at boot: each network with autostart='yes' defined as it "
			    "should be now, started, and its guests too"),
		OPTION_FLAG("force", &request->force,
			    "with --define or --undefine: one of VFs that isn't vfpool's, too"),
		OPTION_TEXT("from", &request->from,
			    "your own <network>, completed with the pool's VFs"),
		OPTION_FLAG("dry-run", &args->dry_run, "only print what libvirt would be given"),
		OPTION_END,
	};
	char **rest;
	int r = verb_parse(verb, argc, argv, options, &rest);

	if (r < 0)
		return r;
	if (args->define + request->undefine + args->diff + request->sync > 1 ||
	    ((request->start || request->autostart) && !args->define) ||
	    (request->force && !args->define && !request->undefine)) {
		warn_user(
			"network: --define, --undefine, --diff and --sync exclude each other; --start and "
			"--autostart go with --define, --force with that and --undefine");
		return -VERB_USAGE;
	}
	if (r == 0 && (!request->sync || request->from)) {
		warn_user("network: which POOL's?");
		return -VERB_USAGE;
	}
	*ret_pool = r > 0 ? rest[0] : NULL;
	return 0;
}

/* Defines or undefines the pool's network, and says what was done. Returns 0 or a negative
 * errno. */
static int change_network(struct vfpool *vp, const char *pool, const struct network_args *args)
{
	const struct vfpool_network_request *request = &args->request;
	AUTO_FREE char *notes = NULL;
	bool changed;
	int r = vfpool_network_define(vp, pool, request, &changed, &notes);

	if (r == 0 && request->undefine)
		say("the network of pool %s %s\n", pool,
		    changed ? "is undefined" : "isn't in libvirt");
	else if (r == 0)
		say("the network of pool %s %s\n", pool,
		    !changed                        ? "is in libvirt as it should be" :
		    request->start || request->sync ? "is defined and started" :
						      "is defined");
	if (notes)
		warn_user("note: %s", notes);
	return r;
}

/* Prints what defining the pool's network would change. Returns 0, -VERB_SAID when there is
 * anything, or a negative errno. */
static int compare_network(struct vfpool *vp, const char *pool, const struct network_args *args)
{
	AUTO_FREE char *is = NULL, *wanted = NULL;
	int r = vfpool_network_compare(vp, pool, args->request.from, &is, &wanted);

	return r < 0 ? r : diff_print("libvirt", is ? is : "", pool, wanted);
}

/* Does what `args` says to the network of each pool that a boot brings back. A failure is told, and
 * the rest goes on. Returns 0, or -VERB_SAID after one. */
static int sync_networks(struct vfpool *vp, const struct network_args *args)
{
	struct vfpool_pool **pools;
	int result = 0, r = vfpool_pools(vp, &pools);

	if (r < 0)
		return r;
	for (struct vfpool_pool **pool = pools; *pool; pool++) {
		if (!vfpool_network_is_synced(vp, *pool))
			continue;
		r = args->dry_run ? compare_network(vp, (*pool)->name, args) :
				    change_network(vp, (*pool)->name, args);
		if (r == 0 || r == -VERB_SAID) /* a dry run's difference */
			continue;
		warn_user("%s", vfpool_error(vp));
		result = -VERB_SAID;
	}
	vfpool_pools_free(pools);
	return result;
}

/* Prints what libvirt would be given. Returns 0 or a negative errno. */
static int print_network(struct vfpool *vp, const char *pool, const struct network_args *args)
{
	AUTO_FREE char *xml = NULL, *notes = NULL;
	int r = vfpool_network_xml(vp, pool, args->request.from, &xml, &notes);

	if (r == 0)
		say("%s", xml);
	if (notes)
		warn_user("note: %s", notes);
	return r;
}

static int run_network(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	struct network_args args = { .define = false };
	const char *pool;
	int r = take_network_args(verb, argc, argv, &args, &pool);

	if (r < 0)
		return r;
	if (args.diff)
		return compare_network(vp, pool, &args);
	if (!pool)
		return sync_networks(vp, &args);
	if ((args.define || args.request.undefine || args.request.sync) && !args.dry_run)
		return change_network(vp, pool, &args);
	if (args.request.undefine) {
		say("the network of pool %s would be stopped and undefined\n", pool);
		return 0;
	}
	return print_network(vp, pool, &args);
}

const struct verb verb_network = {
	.name = "network",
	.args = "POOL [--define [--start] [--autostart] [--force] | --undefine [--force] | --diff] [--from FILE] [--dry-run] | --sync [POOL]",
	.max_args = 1,
	.help = "the libvirt network of a pool that libvirt allocates",
	.run = run_network,
};
