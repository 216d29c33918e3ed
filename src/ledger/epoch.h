/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ledger becomes another one. */
#ifndef VFPOOL_LEDGER_EPOCH_H
#define VFPOOL_LEDGER_EPOCH_H

#include "ledger/db.h"

/* Begins an epoch: from then on the ledger is another one, its lease numbers beyond its own and those of the stamp at
 * `stamp`, if there is one; the history calls it `event`. ledger_replace_stamp() comes next. */
int epoch_begin(struct ledger *ledger, const char *stamp, const char *event);

#endif
