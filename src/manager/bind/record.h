/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ledger says of devices that were bound by hand, and is to say. */
#ifndef VFPOOL_BIND_RECORD_H
#define VFPOOL_BIND_RECORD_H

#include "manager/bind/targets.h"

/* Opens the ledger for a change, and finds what it says of the targets. */
int record_begin(struct binding_job *job);

/* Does it get `driver` at each boot already? */
bool record_persists_anyway(const struct target *target);

/* The ledger gets what is to change, before it does. In the transaction of record_begin(). */
int record_target(struct binding_job *job, struct target *target);

#endif
