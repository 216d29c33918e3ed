/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done as libvirt's guests and networks start and stop. */
#ifndef VFPOOL_GUESTS_HOOK_H
#define VFPOOL_GUESTS_HOOK_H

#include "manager/context.h"

struct hook_call {
	const char *driver, *object, *operation, *extra;
	const char *xml;
	int out; /* the answer goes there, and before it what is the answer if the time isn't enough */
};

void hook_answer(const struct hook_call *call, int r, const char *text);

/* What is to be done, without a deadline. */
int hook_run(struct vfpool *vp, const struct hook_call *call);

#endif
