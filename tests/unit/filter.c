/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of each program of unit tests: with T=WORD in the environment only those with it in their names run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((constructor)) filter(void)
{
	static char pattern[128];
	const char *word = getenv("T");

	if (!word || !*word)
		return;
	snprintf(pattern, sizeof(pattern), "*%s*", word);
	cmocka_set_test_filter(pattern);
}
