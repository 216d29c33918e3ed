/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of verbs. */
#include "verbs.h"

#include <stddef.h>

/* The verbs in the order in which --help lists them. A new one needs its name here and, in
 * src/verbs/, a file of that name that ends with its `verb_NAME`. */
#define VERBS(V)                                                                               \
	V(list), V(show), V(define), V(undefine), V(dumpxml), V(validate), V(apply), V(alloc), \
		V(release), V(forget), V(rename), V(hold), V(unhold), V(attach), V(detach),    \
		V(adopt), V(history), V(gc), V(backup), V(restore), V(interface), V(network),  \
		V(udev), V(hook), V(iommu), V(bind), V(unbind), V(doctor)

#define VERB(name) verb_##name
#define ADDRESS_OF_VERB(name) &verb_##name

extern const struct verb VERBS(VERB);

const struct verb *const verbs[] = { VERBS(ADDRESS_OF_VERB), NULL };
