/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of cards and their PFs. */
#ifndef VFPOOL_DOCTOR_CARDS_H
#define VFPOOL_DOCTOR_CARDS_H

#include "manager/doctor/report.h"

extern const struct check card_checks[];

#endif
