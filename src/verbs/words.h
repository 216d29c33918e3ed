/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words that the tables and JSON have alike. */
#ifndef VFPOOL_WORDS_H
#define VFPOOL_WORDS_H

#include "vfpool.h"

/* Each returns the word for it. */
const char *words_for_kind(enum vfpool_kind kind);
const char *words_for_allocate(enum vfpool_allocate allocate);

#endif
