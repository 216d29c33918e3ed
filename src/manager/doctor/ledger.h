/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of the ledger. */
#ifndef VFPOOL_DOCTOR_LEDGER_H
#define VFPOOL_DOCTOR_LEDGER_H

#include "manager/doctor/report.h"

extern const struct check ledger_checks[];

#endif
