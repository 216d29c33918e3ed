/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a verb is, and how it reads its arguments. Only verbs print. */
#ifndef VFPOOL_VERB_H
#define VFPOOL_VERB_H

#include "vfpool.h"

#include "verbs/print.h"

/* What only a verb ends with, above all errnos as vfpool.h's outcomes are. */
#define VERB_USAGE 4301 /* called in a wrong way; the message is printed already */
#define VERB_SAID 4302  /* all is said; the exit code is 1 */
#define VERB_HELP 4303  /* --help was printed */

enum verb_option_kind {
	OPTION_END,   /* of an array of options */
	OPTION_FLAG,  /* bool */
	OPTION_TEXT,  /* const char *, never empty: an empty variable isn't "all" */
	OPTION_PROSE, /* const char *, free text */
	/* Numbers from here on. */
	OPTION_NUMBER, /* int, where -1 is for none */
	OPTION_COUNT,  /* unsigned */
	OPTION_LEASE,  /* uint64_t, a lease's number: 0 is none */
};

/* An option of one verb; `value` points to what its kind says. */
struct verb_option {
	const char *name; /* NULL: this verb hasn't got it; the others that follow count */
	enum verb_option_kind kind;
	void *value;
	const char *help;
};

struct verb {
	const char *name;
	const char *args; /* as in the usage line */
	const char *help; /* one line */
	/* 0 or a negative errno; argv[0] is the verb. */
	int (*run)(struct vfpool *vp, const struct verb *verb, int argc, char **argv);
};

/*
 * Parses a verb's options (ended by OPTION_END) and finds `min` to
 * `max` other arguments; *ret_args points into argv. Returns their number,
 * -VERB_USAGE after a message, or -VERB_HELP after --help has been printed.
 */
int verb_parse(const struct verb *verb, int argc, char **argv, const struct verb_option *options,
	       int min, int max, char ***ret_args);

/* "3d", "12h", "30m", "10s": so long ago, in seconds since 1970. */
bool verb_parse_ago(const char *text, int64_t *ret_since);

/* Can that be an owner's name? -VERB_USAGE after a message. */
int verb_check_owner(const struct verb *verb, const char *owner);

#endif
