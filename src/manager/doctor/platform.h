/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of the platform. */
#ifndef VFPOOL_DOCTOR_PLATFORM_H
#define VFPOOL_DOCTOR_PLATFORM_H

#include "manager/doctor/report.h"

extern const struct check platform_checks[];

#endif
