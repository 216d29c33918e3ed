/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a verb is, and how it reads its arguments. Only verbs print. */
#ifndef VFPOOL_VERB_H
#define VFPOOL_VERB_H

#include "vfpool.h"

#include "util/cleanup.h"
#include "verbs/print.h"

/* What only a verb ends with, above all errnos as vfpool.h's outcomes are. */
#define VERB_USAGE 4301 /* called in a wrong way; the message is printed already */
#define VERB_SAID 4302  /* all is said; the exit code is 1 */
#define VERB_HELP 4303  /* --help was printed */

/* How many files one call takes. */
#define VERB_FILES_MAX 64

enum verb_option_kind {
	KIND_END, /* of an array of options */
	KIND_FLAG,
	KIND_TEXT,
	KIND_PROSE,
	/* Numbers from here on. */
	KIND_NUMBER,
	KIND_COUNT,
	KIND_LEASE,
};

/* An option of one verb, made by a macro below: so the compiler checks what the value goes to. */
struct verb_option {
	const char *name; /* NULL: this verb hasn't got it; the others that follow count */
	enum verb_option_kind kind;
	union {
		bool *flag;
		const char **text;
		int *number;
		unsigned *count;
		uint64_t *lease;
	} to;
	const char *help;
};

#define VERB_OPTION(name_, kind_, member_, to_, help_) \
	((struct verb_option){ .name = name_, .kind = kind_, .to.member_ = to_, .help = help_ })

/* Each is an option that sets *to: without a value, a bool; */
#define OPTION_FLAG(name, to, help) VERB_OPTION(name, KIND_FLAG, flag, to, help)
/* a const char *, never empty: an empty variable isn't "all"; */
#define OPTION_TEXT(name, to, help) VERB_OPTION(name, KIND_TEXT, text, to, help)
/* a const char *, free text that may be empty; */
#define OPTION_PROSE(name, to, help) VERB_OPTION(name, KIND_PROSE, text, to, help)
/* an int, where -1 is for none, to 0 or more; */
#define OPTION_NUMBER(name, to, help) VERB_OPTION(name, KIND_NUMBER, number, to, help)
/* an unsigned, to INT_MAX at most; */
#define OPTION_COUNT(name, to, help) VERB_OPTION(name, KIND_COUNT, count, to, help)
/* a uint64_t, to a lease's number, which is above 0. */
#define OPTION_LEASE(name, to, help) VERB_OPTION(name, KIND_LEASE, lease, to, help)
/* The --dry-run that most verbs have, and the end of an array of options. */
#define OPTION_DRY_RUN(to) OPTION_FLAG("dry-run", to, "say what would be done, change nothing")
#define OPTION_END ((struct verb_option){ .kind = KIND_END })

struct verb {
	const char *name;
	const char *args;       /* as in the usage line */
	int min_args, max_args; /* how many it takes that are no options */
	const char *help;       /* one line */
	/* Does it; argv[0] is the verb. Returns 0; or, negative, what a call of vfpool.h failed
	 * with, whose message isn't printed yet; or one of those above. */
	int (*run)(struct vfpool *vp, const struct verb *verb, int argc, char **argv);
};

/*
 * Reads a verb's options (the array ends with OPTION_END) and checks that the other arguments are as
 * many as it takes, none of them empty; *ret_args points to them in argv. Returns their number,
 * -VERB_USAGE after a message, or -VERB_HELP after --help was printed.
 */
int verb_parse(const struct verb *verb, int argc, char **argv, const struct verb_option *options,
	       char ***ret_args);

/* Says why the call is wrong, and the verb's usage. Returns -VERB_USAGE. */
int verb_fail_usage(const struct verb *verb, const char *why);

/* Reads "3d", "12h", "30m" or "10s". True when it is one of these; *ret_since is so long ago then,
 * in seconds since 1970. */
bool verb_parse_ago(const char *text, int64_t *ret_since);

/* Reads the value of --vf, a PCI address. Returns 0, or -VERB_USAGE after a message. */
int verb_parse_vf(const char *text, struct vfpool_pci *ret_vf);

/* Checks that `owner` can be an owner's name. Returns 0, or -VERB_USAGE after a message. */
int verb_check_owner(const struct verb *verb, const char *owner);

/* For CLEANUP(): each ends what a call of vfpool.h gave. */
DEFINE_CLEANUP(struct vfpool_diagnosis *, cleanup_diagnosis, vfpool_diagnosis_free);
DEFINE_CLEANUP(struct vfpool_findings *, cleanup_findings, vfpool_findings_free);
DEFINE_CLEANUP(struct vfpool_groups *, cleanup_groups, vfpool_groups_free);
DEFINE_CLEANUP(struct vfpool_inventory *, cleanup_inventory, vfpool_inventory_free);
DEFINE_CLEANUP(struct vfpool_lease *, cleanup_lease, vfpool_lease_free);
DEFINE_CLEANUP(struct vfpool_lease **, cleanup_leases, vfpool_leases_free);
DEFINE_CLEANUP(struct vfpool_plan *, cleanup_plan, vfpool_plan_free);
DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);
DEFINE_CLEANUP(struct vfpool_pool **, cleanup_pools, vfpool_pools_free);

#endif
