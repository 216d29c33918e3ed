/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger, which stays open in the context. */
#ifndef VFPOOL_OPEN_LEDGER_H
#define VFPOOL_OPEN_LEDGER_H

#include "manager/context.h"

/* LEDGER_READ and LEDGER_CHANGE: NULL when there is
 * none yet. */
int open_ledger(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger);

/* Who only reads is told of it, once. */
void open_ledger_tell_doubt(struct vfpool *vp);

/* In its place, a copy in memory, where the ledger's file system takes no more: its changes are lost, so that
 * whoever asks for it drops it in the end. NULL: there is no ledger yet. */
int open_ledger_copy(struct vfpool *vp, struct ledger **ret_ledger);
void open_ledger_drop(struct vfpool *vp);

/* Did open_ledger() fail for a reason that leaves the rest of the host to look at? */
bool open_ledger_is_out_of_reach(int r);

#endif
