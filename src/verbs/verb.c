/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a verb reads its arguments. */
#include "verbs/verb.h"

#include "util/name.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_help_of(const struct verb *verb, const struct verb_option *options)
{
	printf("Usage: vfpool %s %s\n\n%s\n\nOptions:\n", verb->name, verb->args, verb->help);
	for (; options->kind != KIND_END; options++) {
		const char *value = options->kind == KIND_FLAG   ? "" :
				    options->kind >= KIND_NUMBER ? " N" :
								   " TEXT";
		int width;

		if (!options->name)
			continue;
		width = printf("  --%s%s", options->name, value);
		printf("%*s%s\n", width < 20 ? 20 - width : 1, "", options->help);
	}
	printf("  --help            this text\n");
}

static int fail_usage(const struct verb *verb)
{
	fprintf(stderr, "Usage: vfpool %s %s\n", verb->name, verb->args);
	return -VERB_USAGE;
}

int verb_fail_usage(const struct verb *verb, const char *why)
{
	warn_user("%s: %s", verb->name, why);
	return fail_usage(verb);
}

static int parse_number(const struct verb_option *option, const char *text)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || number > INT_MAX) {
		warn_user("--%s takes a number, not '%s'", option->name, text);
		return -VERB_USAGE;
	}
	if (option->kind == KIND_NUMBER)
		*option->to.number = (int)number;
	else
		*option->to.count = (unsigned)number;
	return 0;
}

static int parse_lease(const struct verb_option *option, const char *text)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || number == 0) {
		warn_user(
			"--%s takes a lease's number, not '%s'; 'vfpool show POOL --json' tells them",
			option->name, text);
		return -VERB_USAGE;
	}
	*option->to.lease = (uint64_t)number;
	return 0;
}

/* Stores `text` as the option's value. `apart`: it is an argument of its own; one that looks like
 * an option is the next option then, and the variable of this one was empty. Returns 0, or
 * -VERB_USAGE after a message. */
static int take_option(const struct verb_option *option, const char *text, bool apart)
{
	if (apart && strncmp(text, "--", 2) == 0) {
		warn_user("--%s has no value before '%s'; one that begins so is given as --%s='%s'",
			  option->name, text, option->name, text);
		return -VERB_USAGE;
	}
	switch (option->kind) {
	case KIND_END:
		break;
	case KIND_FLAG:
		*option->to.flag = true;
		return 0;
	case KIND_TEXT:
		if (!*text) {
			warn_user("--%s has an empty value", option->name);
			return -VERB_USAGE;
		}
		*option->to.text = text;
		return 0;
	case KIND_PROSE:
		*option->to.text = text;
		return 0;
	case KIND_LEASE:
		return parse_lease(option, text);
	case KIND_NUMBER:
	case KIND_COUNT:
		return parse_number(option, text);
	}
	return 0;
}

/* Returns the options as getopt_long() wants them, with --help, for free(); NULL when memory is
 * short. */
static struct option *long_options(const struct verb_option *options)
{
	struct option *longs;
	size_t n = 0, filled = 0;

	while (options[n].kind != KIND_END)
		n++;
	longs = calloc(n + 2, sizeof(*longs));
	for (size_t i = 0; longs && i < n; i++)
		if (options[i].name)
			longs[filled++] = (struct option){
				.name = options[i].name,
				.has_arg = options[i].kind == KIND_FLAG ? no_argument :
									  required_argument,
				.val = 256 + (int)i,
			};
	if (longs)
		longs[filled] = (struct option){ .name = "help", .val = 'h' };
	return longs;
}

int verb_parse(const struct verb *verb, int argc, char **argv, const struct verb_option *options,
	       char ***ret_args)
{
	AUTO_FREE struct option *longs = long_options(options);

	if (!longs) {
		warn_user("out of memory");
		return -VERB_SAID;
	}
	optind = 0; /* getopt starts anew: main has used it */
	opterr = 0;
	for (;;) {
		const int c = getopt_long(argc, argv, ":h", longs, NULL);

		if (c == -1)
			break;
		if (c == 'h') {
			print_help_of(verb, options);
			return -VERB_HELP;
		}
		if (c == '?' || c == ':') {
			warn_user("%s: %s '%s'%s", verb->name,
				  c == '?' ? "unknown option" : "missing value of",
				  argv[optind - 1],
				  c == '?' ? " (options of vfpool itself go before the verb)" : "");
			return fail_usage(verb);
		}
		if (take_option(&options[c - 256], optarg, optarg == argv[optind - 1]) < 0)
			return fail_usage(verb);
	}
	if (argc - optind < verb->min_args)
		return verb_fail_usage(verb, "missing arguments");
	if (argc - optind > verb->max_args)
		return verb_fail_usage(verb, "too many arguments");
	for (int i = optind; i < argc; i++)
		if (!argv[i][0])
			return verb_fail_usage(verb, "an argument is empty");
	*ret_args = argv + optind;
	return argc - optind;
}

bool verb_parse_ago(const char *text, int64_t *ret_since)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	char *end;
	long n = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text[0] >= '0' && text[0] <= '9' && n < 1000000 && end[0] == units[i].unit &&
		    !end[1]) {
			*ret_since = time(NULL) - n * units[i].seconds;
			return true;
		}
	return false;
}

int verb_parse_vf(const char *text, struct vfpool_pci *ret_vf)
{
	if (vfpool_pci_parse(text, ret_vf) == 0)
		return 0;
	warn_user("--vf takes a PCI address like 0000:01:10.2, not '%s'", text);
	return -VERB_USAGE;
}

int verb_check_owner(const struct verb *verb, const char *owner)
{
	if (owner_name_is_valid(owner))
		return 0;
	warn_user(
		"%s: '%s' can't be an owner's name: 1 to 255 bytes of UTF-8 without control or invisible "
		"characters, '/', a '-' at the beginning or a space at either end",
		verb->name, owner);
	return -VERB_USAGE;
}
