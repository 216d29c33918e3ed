/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_SIPHASH_H
#define VFPOOL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Returns the hash by SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash, the same on every
 * machine. */
uint64_t siphash24(const uint8_t key[16], const void *data, size_t size);

#endif
