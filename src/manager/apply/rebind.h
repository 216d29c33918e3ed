/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What 'vfpool bind --persist' has bound is bound anew. */
#ifndef VFPOOL_APPLY_REBIND_H
#define VFPOOL_APPLY_REBIND_H

#include "manager/apply/scope.h"

/* Binds what persists and isn't bound so; its steps go to the plan. The caller has no PF's lock: each device's is
 * taken. *ret_missing becomes true when one isn't there. */
int rebind_persistent(struct apply *apply, struct vfpool_plan *plan, bool *ret_missing);

#endif
