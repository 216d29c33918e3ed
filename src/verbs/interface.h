/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases in the words of what starts their guests. */
#ifndef VFPOOL_INTERFACE_H
#define VFPOOL_INTERFACE_H

#include "verbs/verb.h"

/* How a verb is to print leases, by its options. */
struct interface_args {
	const char *format; /* NULL: libvirt */
	const char *portgroup, *bus, *addr;
	bool multifunction;
	bool json;
	bool array; /* JSON of several, though there may be one */
};

#define INTERFACE_OPTIONS(args)                                                        \
	OPTION_TEXT("format", &(args)->format,                                         \
		    "libvirt, network, hostdev, teaming, qemu, qmp, "                  \
		    "stratovirt, env or json"),                                        \
		OPTION_TEXT("portgroup", &(args)->portgroup, "of the pool's network"), \
		OPTION_TEXT("bus", &(args)->bus, "where QEMU or StratoVirt plugs it"), \
		OPTION_TEXT("addr", &(args)->addr,                                     \
			    "the slot there; several VFs are functions of it"),        \
		OPTION_FLAG("multifunction", &(args)->multifunction,                   \
			    "the slot has functions of others too"),                   \
		OPTION_FLAG("json", &(args)->json, "the lease as JSON")

/* Checks that there is the format in args->format; "json" becomes args->json. Returns 0, or
 * -VERB_USAGE after a message. */
int interface_check_args(const struct verb *verb, struct interface_args *args);

/* Checks that `n` leases of the pool could be printed as `args` says, before there are any. Returns
 * 0 or a negative errno. */
int interface_check_pool(struct vfpool *vp, const char *pool, const struct interface_args *args,
			 unsigned n);

/* Prints the leases (the array ends with NULL) as `args` says, all of them or none. Returns 0 or a
 * negative errno. */
int interface_print(struct vfpool *vp, struct vfpool_lease *const *leases,
		    const struct interface_args *args);

#endif
