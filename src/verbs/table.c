/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables for people, by libsmartcols. */
#include "verbs/table.h"

#include <libsmartcols.h>

struct libscols_table *table_new(const char *const *columns, int tree)
{
	CLEANUP(cleanup_table) struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_enable_colors(table, isatty(STDOUT_FILENO));
	for (int i = 0; columns[i]; i++)
		if (!scols_table_new_column(table, columns[i], 0, i == tree ? SCOLS_FL_TREE : 0))
			return NULL;
	return TAKE_PTR(table);
}

void table_set(struct libscols_line *line, size_t column, const char *text)
{
	scols_line_set_data(line, column, text && *text ? text : "-");
}

int table_print(struct libscols_table *table)
{
	return scols_table_is_empty(table) ? 0 : scols_print_table(table);
}
