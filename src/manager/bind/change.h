/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers are changed, of all targets or none, and that is told. */
#ifndef VFPOOL_BIND_CHANGE_H
#define VFPOOL_BIND_CHANGE_H

#include "manager/bind/targets.h"

/* What a person should know of a change that went well. */
void change_note_target(struct binding_job *job, const struct target *target);

/* Gives all that change their driver, or none. */
int change_carry_out(struct binding_job *job);

int change_fill_bindings(struct binding_job *job, struct vfpool_binding **ret_bindings,
			 size_t *ret_n);

#endif
