/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of libvirt and its guests. */
#ifndef VFPOOL_DOCTOR_LIBVIRT_H
#define VFPOOL_DOCTOR_LIBVIRT_H

#include "manager/doctor/report.h"

extern const struct check libvirt_checks[];

#endif
