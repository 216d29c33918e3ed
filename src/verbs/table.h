/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables for people, by libsmartcols. */
#ifndef VFPOOL_TABLE_H
#define VFPOOL_TABLE_H

#include "util/cleanup.h"

#include <libsmartcols.h>

static inline void table_unref(struct libscols_table *table)
{
	scols_unref_table(table);
}

DEFINE_CLEANUP(struct libscols_table *, cleanup_table, table_unref);

/* Returns a table with those columns (the array ends with NULL), or NULL when memory is short. Column
 * `tree` shows the lines as a tree; -1: none does. */
struct libscols_table *table_new(const char *const *columns, int tree);

/* Sets a cell's text; "-" stands for NULL and for "". libsmartcols escapes what a terminal could
 * take for a command. */
void table_set(struct libscols_line *line, size_t column, const char *text);

/* Prints the table, unless it has no lines. Returns 0 or a negative errno. */
int table_print(struct libscols_table *table);

#endif
