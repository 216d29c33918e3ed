/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of verbs. */
#ifndef VFPOOL_VERBS_H
#define VFPOOL_VERBS_H

#include "verbs/verb.h"

/* All verbs, in the order in which --help lists them; ended by NULL. */
extern const struct verb *const verbs[];

#endif
