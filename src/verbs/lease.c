/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `alloc` and `release`. */
#include "verbs.h"
#include "verbs/output.h"

#include "util/cleanup.h"

#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(struct vfpool_lease *, cleanup_lease, vfpool_lease_free);

struct lease_args {
	const char *owner;
	unsigned nic;
	bool json, dry_run;
};

static int parse(const struct verb *verb, int argc, char **argv, struct lease_args *args,
		 char ***ret_rest)
{
	const struct verb_option options[] = {
		{ "owner", OPTION_TEXT, &args->owner, "whose VF it is: a guest's name" },
		{ "nic", OPTION_NUMBER, &args->nic, "which of the owner's interfaces (0)" },
		{ "json", OPTION_FLAG, &args->json, "the lease as JSON" },
		{ "dry-run", OPTION_FLAG, &args->dry_run, "say what would be done, change nothing" },
		{ 0 },
	};
	int r = verb_parse(verb, argc, argv, options, 1, 1, ret_rest);

	if (r < 0)
		return r;
	if (!args->owner) {
		warn_user("%s: --owner says whose VF it is\nUsage: vfpool %s %s", verb->name, verb->name,
			  verb->args);
		return -VERB_USAGE;
	}
	return 0;
}

static int run_alloc(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct lease_args args = { 0 };
	AUTO_FREE char *xml = NULL;
	char **rest;
	int r = parse(verb, argc, argv, &args, &rest);

	if (r < 0 ||
	    (r = vfpool_alloc(vp, rest[0], args.owner, args.nic, args.dry_run, &lease)) < 0 ||
	    (r = vfpool_interface_xml(vp, lease, &xml)) < 0)
		return r;
	if (lease->deferred)
		warn_user("note: the rate waits for the PF's link; 'vfpool apply' sets it when it is there");
	if (strncmp(xml, "<hostdev", 8) == 0)
		warn_user("note: libvirt sets VLANs without qos and as 802.1Q; in a plain <hostdev> it "
			  "leaves the VF as vfpool has programmed it");
	if (args.json) {
		struct json_object *object = json_lease(lease);

		json_object_object_add(object, "interface", json_object_new_string(xml));
		print_json(object);
	} else {
		fputs(xml, stdout);
	}
	return 0;
}

static int run_release(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct lease_args args = { 0 };
	char mac[VFPOOL_MAC_TEXT];
	char **rest;
	int r = parse(verb, argc, argv, &args, &rest);

	if (r < 0 ||
	    (r = vfpool_release(vp, rest[0], args.owner, args.nic, args.dry_run, &lease)) < 0)
		return r;
	if (args.json) {
		print_json(json_lease(lease));
		return 0;
	}
	vfpool_mac_format(&lease->mac, mac);
	printf("%s of %s nic %u; %s stays reserved\n", args.dry_run ? "would release the VF" :
							       "released the VF",
	       lease->owner, lease->nic, mac);
	return 0;
}

const struct verb verb_alloc = {
	"alloc", "POOL --owner NAME [--nic N] [--json] [--dry-run]", "a free VF and a stable MAC, as <interface>",
	run_alloc,
};

const struct verb verb_release = {
	"release", "POOL --owner NAME [--nic N] [--json] [--dry-run]", "give a VF back; its MAC stays reserved",
	run_release,
};
