/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `attach` and `detach` have in common. */
#ifndef VFPOOL_GUEST_ARGS_H
#define VFPOOL_GUEST_ARGS_H

#include "verbs/verb.h"

struct guest_args {
	struct vfpool_attach_request request;
	bool live, config, current, json;
};

#define GUEST_OPTIONS(args, help_of_current)                                           \
	OPTION_NUMBER("nic", &(args)->request.nic, "which of the guest's interfaces"), \
		OPTION_FLAG("live", &(args)->live, "the running guest"),               \
		OPTION_FLAG("config", &(args)->config, "its next start"),              \
		OPTION_FLAG("current", &(args)->current, help_of_current),             \
		OPTION_FLAG("json", &(args)->json, "the lease as JSON"),               \
		OPTION_DRY_RUN(&(args)->request.dry_run)

/* Completes args->request by the options that were taken and the n arguments [POOL] GUEST. Returns
 * 0, or -VERB_USAGE after a message. */
int guest_args_complete(const struct verb *verb, struct guest_args *args, char **rest, int n);

/* Prints the lease as `args` asks for: as JSON, or in a line that ends with `what` was done.
 * Returns 0 or a negative errno. */
int guest_args_print(struct vfpool *vp, const struct vfpool_lease *lease,
		     const struct guest_args *args, const char *what);

#endif
