/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `bind` and `unbind`: a driver by hand, and the end of that. */
#include "verbs/verb.h"
#include "verbs/json.h"

#include <limits.h>

static const char *or_none(const char *driver)
{
	return driver ? driver : "none";
}

static void print_binding(const struct vfpool_binding *binding, bool dry_run)
{
	char address[VFPOOL_PCI_TEXT];

	vfpool_pci_format(&binding->address, address);
	if (binding->changed)
		say("%s: driver %s%s → %s", address, dry_run ? "would go " : "",
		    or_none(binding->driver_from), or_none(binding->driver));
	else
		say("%s: nothing to do: its driver is %s already", address,
		    or_none(binding->driver));
	say("%s\n", binding->persists ? ", also at each boot" : "");
}

static int run_either(struct vfpool *vp, const struct verb *verb, int argc, char **argv, bool bind)
{
	struct vfpool_bind_request request = { .driver = NULL };
	struct vfpool_binding *bindings = NULL;
	bool json = false;
	const struct verb_option options[] = {
		OPTION_FLAG("group", &request.group,
			    "with all of their IOMMU groups but bridges and ports"),
		OPTION_FLAG("json", &json, "what was done, as JSON"),
		OPTION_DRY_RUN(&request.dry_run),
		OPTION_TEXT(bind ? "driver" : NULL, &request.driver,
			    "the kernel driver (vfio-pci); 'host': the device's own"),
		OPTION_FLAG(bind ? "persist" : NULL, &request.persist,
			    "also at each boot, by 'vfpool apply'"),
		OPTION_END,
	};
	size_t n_bindings = 0;
	char **args;
	int n = verb_parse(verb, argc, argv, options, &args), r;

	if (n < 0)
		return n;
	request.addresses = (const char *const *)args;
	request.n_addresses = (size_t)n;
	r = bind ? vfpool_bind(vp, &request, &bindings, &n_bindings) :
		   vfpool_unbind(vp, &request, &bindings, &n_bindings);
	if (r < 0)
		return r;
	if (json)
		print_json(json_bindings(bindings, n_bindings));
	for (size_t i = 0; !json && i < n_bindings; i++)
		print_binding(&bindings[i], request.dry_run);
	vfpool_bindings_free(bindings, n_bindings);
	return 0;
}

static int run_bind(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return run_either(vp, verb, argc, argv, true);
}

static int run_unbind(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return run_either(vp, verb, argc, argv, false);
}

const struct verb verb_bind = {
	.name = "bind",
	.args = "ADDRESS… [--driver NAME] [--group] [--persist] [--json] [--dry-run]",
	.min_args = 1,
	.max_args = INT_MAX,
	.help = "a driver for VFs and what shares their IOMMU group",
	.run = run_bind,
};

const struct verb verb_unbind = {
	.name = "unbind",
	.args = "ADDRESS… [--group] [--json] [--dry-run]",
	.min_args = 1,
	.max_args = INT_MAX,
	.help = "back to the driver that they had before 'bind'",
	.run = run_unbind,
};
