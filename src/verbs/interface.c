/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `interface`: a lease in the words of what starts its guest. */
#include "verbs/verb.h"
#include "verbs/interface.h"
#include "verbs/json.h"

#include "util/file.h"

#include <string.h>

DEFINE_CLEANUP(struct json_object *, cleanup_json, json_object_put);

int interface_check_args(const struct verb *verb, struct interface_args *args)
{
	enum vfpool_format format;

	if (args->format && strcmp(args->format, "json") == 0) {
		args->json = true;
		args->format = NULL;
	}
	if (!args->format || vfpool_format_parse(args->format, &format) == 0)
		return 0;
	warn_user("%s: there is no format '%s'; 'vfpool %s --help' names them", verb->name,
		  args->format, verb->name);
	return -VERB_USAGE;
}

/* Notes what the owner of the lease should know. `text` is the lease as it is printed; `asked`: in
 * a format that was asked for. */
static void note_lease(const struct vfpool_lease *lease, const char *text, bool asked)
{
	if (lease->deferred)
		warn_user(
			"note: the rate waits for the PF's link; 'vfpool apply' sets it when it is there");
	if (!asked && strncmp(text, "<hostdev", 8) == 0)
		warn_user(
			"note: libvirt sets VLANs without qos and as 802.1Q; in a plain <hostdev> it "
			"leaves the VF as vfpool has programmed it");
}

/* Prints the leases as JSON: the first one, or with `array` all as an array. Returns 0 or a
 * negative errno. */
static int print_json_leases(struct vfpool *vp, struct vfpool_lease *const *leases, bool array)
{
	CLEANUP(cleanup_json) struct json_object *list = json_object_new_array();

	for (; *leases; leases++) {
		struct json_object *object;
		AUTO_FREE char *xml = NULL;
		int r = vfpool_interface(vp, *leases, VFPOOL_FORMAT_LIBVIRT, NULL, &xml);

		if (r < 0)
			return r;
		note_lease(*leases, xml, false);
		object = json_lease(*leases);
		json_object_object_add(object, "interface", json_object_new_string(xml));
		json_object_array_add(list, object);
	}
	print_json(json_object_get(array ? list : json_object_array_get_idx(list, 0)));
	return 0;
}

int interface_check_pool(struct vfpool *vp, const char *pool, const struct interface_args *args,
			 unsigned n)
{
	const struct vfpool_interface_options options = {
		.bus = args->bus,
		.addr = args->addr,
		.portgroup = args->portgroup,
		.number = n > 1 ? n : 0,
	};
	enum vfpool_format format = VFPOOL_FORMAT_LIBVIRT;

	if (args->format)
		vfpool_format_parse(args->format, &format);
	return vfpool_check_interface(vp, pool, format, &options);
}

int interface_print(struct vfpool *vp, struct vfpool_lease *const *leases,
		    const struct interface_args *args)
{
	struct vfpool_interface_options options = {
		.bus = args->bus,
		.addr = args->addr,
		.portgroup = args->portgroup,
		.multifunction = args->multifunction,
	};
	enum vfpool_format format = VFPOOL_FORMAT_LIBVIRT;
	AUTO_FREE char *all = NULL; /* all of them, or none */
	unsigned n = 0;

	if (args->json)
		return print_json_leases(vp, leases, args->array);
	if (args->format)
		vfpool_format_parse(args->format, &format);
	while (leases[n])
		n++;
	for (unsigned i = 0; i < n; i++) {
		/* On hot plug the guest looks at a slot when its function 0 comes. */
		const unsigned which = format == VFPOOL_FORMAT_QMP ? n - 1 - i : i;
		AUTO_FREE char *text = NULL, *before = TAKE_PTR(all);
		int r;

		options.number = n > 1 ? which + 1 : 0;
		r = vfpool_interface(vp, leases[which], format, &options, &text);
		if (r < 0)
			return r;
		note_lease(leases[which], text, format != VFPOOL_FORMAT_LIBVIRT);
		all = format_text("%s%s", before ? before : "", text);
		if (!all)
			return -ENOMEM;
	}
	say("%s", all);
	return 0;
}

static int run_interface(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	struct interface_args interface = { .array = false };
	const char *pool = NULL;
	uint64_t lease = 0;
	int nic = -1;
	const struct verb_option options[] = {
		OPTION_TEXT("pool", &pool, "of the owner's leases, those of this pool"),
		OPTION_NUMBER("nic", &nic, "the one for this interface"),
		OPTION_LEASE("lease", &lease, "instead of an owner's: the lease of this number"),
		INTERFACE_OPTIONS(&interface),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if ((r == 0) != (lease != 0))
		return verb_fail_usage(verb, "an owner or --lease, one of them");
	r = lease ? 0 : verb_check_owner(verb, args[0]);
	if (r < 0)
		return r;
	r = interface_check_args(verb, &interface);
	if (r < 0)
		return r;
	interface.array = !lease;
	r = vfpool_find_leases(vp, pool, lease ? NULL : args[0], nic, lease, &leases);
	return r < 0 ? r : interface_print(vp, leases, &interface);
}

const struct verb verb_interface = {
	.name = "interface",
	.args = "{OWNER [--pool POOL] [--nic N] | --lease N} [--format F]",
	.max_args = 1,
	.help = "an owner's leases in the words of what starts the guest",
	.run = run_interface,
};
