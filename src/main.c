/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the verb, maps its result to an exit code. */
#include "verbs.h"

#include "util/name.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef VFPOOL_VERSION
#define VFPOOL_VERSION "0"
#endif

/* The options before the verb that set a directory. */
static const struct {
	const char *name;
	enum vfpool_dir dir;
	const char *help;
} dir_options[] = {
	{ "config-dir", VFPOOL_DIR_CONFIG, "pool definitions (/etc/vfpool)" },
	{ "state-dir", VFPOOL_DIR_STATE, "the ledger (/var/lib/vfpool)" },
	{ "run-dir", VFPOOL_DIR_RUN, "locks (/run/vfpool)" },
	{ "rules-dir", VFPOOL_DIR_RULES, "udev's rules (/etc/udev/rules.d)" },
	{ "libvirt-run-dir", VFPOOL_DIR_LIBVIRT_RUN, "libvirt's run directory (/run/libvirt)" },
	{ "networks-dir", VFPOOL_DIR_NETWORKS, "libvirt's networks (/etc/libvirt/qemu/networks)" },
	{ "sysfs", VFPOOL_DIR_SYSFS, "the kernel's devices (/sys)" },
	{ "proc", VFPOOL_DIR_PROC, "the kernel's processes (/proc)" },
	{ "hooks-dir", VFPOOL_DIR_HOOKS, "libvirt's hooks (/etc/libvirt/hooks)" },
	{ "libvirt-state-dir", VFPOOL_DIR_LIBVIRT_STATE, "libvirt's state (/var/lib/libvirt)" },
	{ "root", VFPOOL_DIR_ROOT, "where etc/ and usr/ of other programs are (/)" },
};

#define N_DIR_OPTIONS (sizeof(dir_options) / sizeof(dir_options[0]))

static void print_help(void)
{
	puts("Usage: vfpool [OPTION…] VERB [ARGUMENT…]\n\n"
	     "Pools of SR-IOV virtual functions: made, programmed, handed out.\n\nVerbs:");
	for (const struct verb *const *verb = verbs; *verb; verb++) {
		int width = printf("  %s %s", (*verb)->name, (*verb)->args);

		printf("%*s%s\n", width < 58 ? 58 - width : 1, "", (*verb)->help);
	}
	puts("\nOptions:\n"
	     "  --connect URI           libvirt's connection (qemu:///system)");
	for (size_t i = 0; i < N_DIR_OPTIONS; i++)
		printf("  --%-15s DIR   %s\n", dir_options[i].name, dir_options[i].help);
	puts("  --accept-new-ledger     go on with a ledger that isn't the one that was in use\n"
	     "  --help                  this text; 'vfpool VERB --help' for a verb's\n"
	     "  --version               the version\n\n"
	     "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no VF free, 4 refused because\n"
	     "in use, 5 not found, 6 some steps failed.");
}

/* Returns the exit code for a verb's result. */
static int exit_code(int r)
{
	switch (r) {
	case 0:
	case -VERB_HELP:
		return 0;
	case -VERB_USAGE:
		return 2;
	case -VFPOOL_ENOVF:
		return 3;
	case -VFPOOL_EINUSE:
		return 4;
	case -VFPOOL_ENOTFOUND:
		return 5;
	case -VFPOOL_EPARTIAL:
		return 6;
	default:
		return 1;
	}
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *const *verb = verbs; *verb; verb++)
		if (strcmp((*verb)->name, name) == 0)
			return *verb;
	warn_user("there is no verb '%s'; 'vfpool --help' lists them", name);
	return NULL;
}

#define N_OWN_OPTIONS 4

/* Takes the options before the verb, and leaves optind at the verb. Returns 0 to go on, 1 when they
 * have said all, or as a verb does. */
static int take_global_options(struct vfpool *vp, int argc, char **argv)
{
	struct option longs[N_DIR_OPTIONS + N_OWN_OPTIONS + 1] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "connect", required_argument, NULL, 'c' },
		{ "accept-new-ledger", no_argument, NULL, 'a' },
	};
	int r = 0;

	for (size_t i = 0; i < N_DIR_OPTIONS; i++)
		longs[N_OWN_OPTIONS + i] = (struct option){ dir_options[i].name, required_argument,
							    NULL, 256 + (int)i };
	opterr = 0;
	while (r == 0) {
		const int c = getopt_long(argc, argv, "+:hVc:", longs, NULL);

		if (c == -1)
			break;
		if (c == 'h') {
			print_help();
			return 1;
		} else if (c == 'V') {
			puts("vfpool " VFPOOL_VERSION);
			return 1;
		} else if (c == 'a') {
			vfpool_accept_new_ledger(vp, true);
		} else if (c != ':' && c != '?' && optarg == argv[optind - 1] &&
			   strncmp(optarg, "--", 2) == 0) {
			warn_user("an option has no value before '%s'; see 'vfpool --help'",
				  optarg);
			return -VERB_USAGE;
		} else if (c >= 256 && !*optarg && dir_options[c - 256].dir != VFPOOL_DIR_ROOT) {
			warn_user("--%s has an empty value", dir_options[c - 256].name);
			return -VERB_USAGE;
		} else if (c == 'c') {
			r = vfpool_set_uri(vp, optarg);
		} else if (c >= 256) {
			r = vfpool_set_dir(vp, dir_options[c - 256].dir, optarg);
		} else {
			warn_user("%s '%s'; see 'vfpool --help'",
				  c == ':' ? "missing value of" : "unknown option",
				  argv[optind - 1]);
			return -VERB_USAGE;
		}
	}
	return r;
}

/* Runs vfpool with those arguments. Returns as a verb does; what is wrong is told. */
static int run_command(struct vfpool *vp, int argc, char **argv)
{
	const struct verb *verb;
	int r = take_global_options(vp, argc, argv);

	if (r != 0)
		return r > 0 ? 0 : r;
	if (optind == argc) {
		warn_user("no verb; 'vfpool --help' lists them");
		return -VERB_USAGE;
	}
	argc -= optind;
	argv += optind;
	if (strcmp(argv[0], "help") == 0) {
		print_help();
		return 0;
	}
	verb = find_verb(argv[0]);
	if (!verb)
		return -VERB_USAGE;
	r = verb->run(vp, verb, argc, argv);
	if (r < 0 && r != -VERB_USAGE && r != -VERB_SAID && r != -VERB_HELP)
		warn_user("%s", *vfpool_error(vp) ? vfpool_error(vp) : strerror(-r));
	return r;
}

static void show_progress(void *arg, const char *pf, const char *step, unsigned done,
			  unsigned total)
{
	char text[200];
	int n = snprintf(text, sizeof(text), "%s: %s %u", pf, step, done);

	(void)arg;
	if (total > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, " of %u", total);
	make_printable(text);
	fprintf(stderr, "\r\033[K%s", text);
	if (done == total)
		fputs("\r\033[K", stderr);
}

static void show_note(void *arg, const char *text)
{
	(void)arg;
	warn_user("note: %s", text);
}

#define COMMAND_MAX 300

/* Gives `vp` the command line for the history, cut off where it is long. Returns 0 or -ENOMEM. */
static int set_command(struct vfpool *vp, int argc, char **argv)
{
	char text[COMMAND_MAX + 8] = "vfpool"; /* room for the character that is cut off */
	size_t n = strlen(text);

	for (int i = 1; i < argc && n < sizeof(text) - 1; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", argv[i]);
	cut_text(text, COMMAND_MAX);
	return vfpool_set_command(vp, text);
}

int main(int argc, char **argv)
{
	struct vfpool *vp;
	int code;

	if (vfpool_new(&vp) < 0 || set_command(vp, argc, argv) < 0) {
		warn_user("out of memory");
		return 1;
	}
	vfpool_set_notes(vp, show_note, NULL);
	if (isatty(STDERR_FILENO))
		vfpool_set_progress(vp, show_progress, NULL);
	code = exit_code(run_command(vp, argc, argv));
	if (fflush(stdout) != 0 || ferror(stdout)) {
		warn_user("writing the output: %s", strerror(errno));
		code = code ? code : 1;
	}
	vfpool_free(vp);
	return code;
}
