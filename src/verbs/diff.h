/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two texts, compared by diff(1). */
#ifndef VFPOOL_DIFF_H
#define VFPOOL_DIFF_H

/* What makes `new` of `old`; -VERB_SAID when anything does. */
int diff_print(const char *old_name, const char *old, const char *new_name, const char *new);

#endif
