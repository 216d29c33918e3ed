/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a verb reads its arguments. */
#include "unit.h"

#include "verbs/verb.h"

#include <limits.h>

static const struct verb verb = { .name = "test", .args = "[ARGUMENT…]", .max_args = 2 };

#define PARSE(options, ret_args, ...) \
	parse(options, ret_args, (char *[]){ (char *)"test", __VA_ARGS__, NULL })

static int parse(const struct verb_option *options, char ***ret_args, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return verb_parse(&verb, argc, argv, options, ret_args);
}

static void a_verb_without_an_option_has_those_that_follow(void **state)
{
	bool before = false, never = false, after = false;
	const struct verb_option options[] = {
		OPTION_FLAG("before", &before, ""),
		OPTION_FLAG(NULL, &never, ""),
		OPTION_FLAG("after", &after, ""),
		OPTION_END,
	};
	char **args;

	(void)state;
	assert_int_equal(PARSE(options, &args, (char *)"--after", (char *)"x", (char *)"--before"),
			 1);
	assert_string_equal(args[0], "x");
	assert_true(before);
	assert_false(never);
	assert_true(after);
}

static void each_value_fits_what_it_goes_to(void **state)
{
	struct {
		int number, beside_number;
		unsigned count, beside_count;
		uint64_t lease, beside_lease;
		const char *text, *prose;
	} to = { .number = -1, .beside_number = -1 };
	const struct verb_option options[] = {
		OPTION_NUMBER("number", &to.number, ""), OPTION_COUNT("count", &to.count, ""),
		OPTION_LEASE("lease", &to.lease, ""),    OPTION_TEXT("text", &to.text, ""),
		OPTION_PROSE("prose", &to.prose, ""),    OPTION_END,
	};
	char **args;

	(void)state;
	assert_int_equal(PARSE(options, &args, (char *)"--number", (char *)"2147483647",
			       (char *)"--count=2147483647", (char *)"--lease",
			       (char *)"9223372036854775807", (char *)"--text=a",
			       (char *)"--prose="),
			 0);
	assert_int_equal(to.number, INT_MAX);
	assert_int_equal(to.beside_number, -1);
	assert_int_equal(to.count, INT_MAX);
	assert_int_equal(to.beside_count, 0);
	assert_int_equal(to.lease, INT64_MAX);
	assert_int_equal(to.beside_lease, 0);
	assert_string_equal(to.text, "a");
	assert_string_equal(to.prose, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verb_without_an_option_has_those_that_follow),
		cmocka_unit_test(each_value_fits_what_it_goes_to),
	};

	return run_tests(tests);
}
