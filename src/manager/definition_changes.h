/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions change whole or not at all. */
#ifndef VFPOOL_DEFINITION_CHANGES_H
#define VFPOOL_DEFINITION_CHANGES_H

#include "manager/context.h"

struct definition_text {
	const char *name, *text;
	size_t size;
	mode_t mode;
};

/* What is to become of definitions, all of it or nothing. */
struct definition_changes {
	const char *from,
		*to; /* a pool's new name, in the ledger too: then its definition goes; or NULL */
	struct definition_text *stored;
	size_t n;
};

/* Does it, whenever it is killed: what was begun is finished by changes_settle(). `ledger` is from changes_hold(),
 * whose transaction ends where a pool gets a new name. */
int changes_make(struct vfpool *vp, struct ledger *ledger,
		 const struct definition_changes *changes);

/* The ledger (NULL: there is none, and `mode` makes none) in a transaction, in which nobody else changes definitions and
 * nothing is left of earlier changes. */
int changes_hold(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger);

/* Before definitions are read: finishes what was begun. False: that isn't for this process to do, or fails, as is
 * told in a note. */
bool changes_settle(struct vfpool *vp);

#endif
