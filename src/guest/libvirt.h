/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What guest/ asks of its one file that calls libvirt. */
#ifndef VFPOOL_LIBVIRT_H
#define VFPOOL_LIBVIRT_H

#include "guest/guest.h"

/* Is told of one guest: (o)ff, (r)unning or (s)aved, its definition now and, when it differs, the one of its
 * next start; a NULL isn't there. */
typedef int (*libvirt_guest_fn)(void *arg, const char *uuid, const char *name, char state,
				const char *const xmls[], size_t n);

/* Calls `fn` for every guest that libvirt at `uri` knows, and stops at its first error.
 * May hang as long as libvirt does. */
int libvirt_each_guest(const char *uri, libvirt_guest_fn fn, void *arg, struct error *err);

/* Finds out how many PCI devices its node device driver tells of. May hang likewise. */
int libvirt_count_devices(const char *uri, unsigned *ret_n, struct error *err);

#endif
