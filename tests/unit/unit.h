/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmocka with the headers that it wants first. */
#ifndef VFPOOL_UNIT_H
#define VFPOOL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfpool.h"

/* cmocka's own of that name: ours is the product's function. */
#undef fail
#undef run_tests

#define test_fail(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__))

#define run_tests(tests)                           \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	 cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL))

#endif
