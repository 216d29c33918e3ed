/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two texts, compared by diff(1). */
#ifndef VFPOOL_DIFF_H
#define VFPOOL_DIFF_H

/* Prints what makes `new` of `old`, with the names of both. Returns 0 when they are the same, else
 * -VERB_SAID. */
int diff_print(const char *old_name, const char *old, const char *new_name, const char *new);

#endif
