/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_CLOCK_H
#define VFPOOL_CLOCK_H

/* Returns milliseconds that only go forward (CLOCK_MONOTONIC), for deadlines. */
long long clock_ms(void);

/* Sleeps that long, less when a signal comes. */
void rest_ms(unsigned ms);

#endif
