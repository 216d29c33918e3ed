/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transactions that end with the scope that began them. */
#ifndef VFPOOL_LEDGER_TRANSACTION_H
#define VFPOOL_LEDGER_TRANSACTION_H

#include "ledger/db.h"

/* A ledger in a variable with this loses at the scope's end what wasn't committed. */
DEFINE_CLEANUP(struct ledger *, rollback, ledger_rollback);

#endif
