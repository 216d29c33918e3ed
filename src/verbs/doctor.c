/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `doctor`: what keeps VFs from guests, and what an error message means. */
#include "verbs/verb.h"
#include "verbs/groups.h"
#include "verbs/json.h"

#include <stdio.h>
#include <string.h>

/* True when `of` names the check, or is NULL. */
static bool is_checked(const struct vfpool_check *check, const struct vfpool_explanation *of)
{
	for (size_t i = 0; of && of->checks[i]; i++)
		if (strcmp(of->checks[i], check->name) == 0)
			return true;
	return !of;
}

/* Prints the checks that answer the error message explained by `of`, or all when it is NULL. */
static void print_checks(const struct vfpool_diagnosis *diagnosis,
			 const struct vfpool_explanation *of)
{
	static const char *const verdicts[] = {
		[VFPOOL_SOUND] = "ok",
		[VFPOOL_WARNING] = "warning",
		[VFPOOL_FAULT] = "FAILED",
	};
	const bool colour = isatty(STDOUT_FILENO);
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };

	for (size_t i = 0; i < diagnosis->n; i++) {
		const struct vfpool_check *check = &diagnosis->checks[i];

		if (!is_checked(check, of))
			continue;
		fputs(colour ? colours[check->verdict] : "", stdout);
		say("%-8s", verdicts[check->verdict]);
		fputs(colour ? "\033[0m" : "", stdout);
		say(" %s: %s\n", check->name, check->found);
		if (check->verdict == VFPOOL_SOUND)
			continue;
		say("         looked at: %s\n", check->looked_at);
		if (check->remedy)
			say("         remedy: %s\n", check->remedy);
	}
}

/* Prints how many checks went how, unless that is to be JSON. Returns -VERB_SAID when any failed,
 * else 0. */
static int sum_up_checks(const struct vfpool_diagnosis *diagnosis, bool json)
{
	unsigned n[VFPOOL_FAULT + 1] = { 0 };

	for (size_t i = 0; i < diagnosis->n; i++)
		n[diagnosis->checks[i].verdict]++;
	if (!json)
		say("%u ok, %u warning%s, %u failed\n", n[VFPOOL_SOUND], n[VFPOOL_WARNING],
		    n[VFPOOL_WARNING] == 1 ? "" : "s", n[VFPOOL_FAULT]);
	return n[VFPOOL_FAULT] ? -VERB_SAID : 0;
}

/* Prints the IOMMU group of the first device that the message names, if it names any. */
static void print_group_of(struct vfpool *vp, const char *message)
{
	static const char digits[] = "0123456789abcdefABCDEF:._pci";

	for (const char *at = message; *at; at += strcspn(at, digits)) {
		const size_t length = strspn(at, digits);
		CLEANUP(cleanup_groups) struct vfpool_groups *groups = NULL;
		char word[64] = "";
		const char *const address = word;
		struct vfpool_pci parsed;

		if (length < sizeof(word))
			memcpy(word, at, length);
		at += length;
		for (size_t end = strlen(word); end > 0 && strchr(":._", word[end - 1]); end--)
			word[end - 1] = '\0'; /* the sentence's */
		if (vfpool_pci_parse(word, &parsed) < 0)
			continue;
		say("The device's IOMMU group:\n");
		if (vfpool_iommu(vp, &address, 1, &groups) < 0)
			say("%s\n", vfpool_error(vp));
		else
			groups_print(groups);
		return;
	}
}

/* Reads standard input as far as a message may be long, and one byte more. Returns it for free(),
 * or NULL when there is nothing or memory is short. */
static char *read_stdin(void)
{
	AUTO_FREE char *text = malloc(VFPOOL_MESSAGE_MAX + 2);
	size_t size = text ? fread(text, 1, VFPOOL_MESSAGE_MAX + 1, stdin) : 0;

	if (size == 0)
		return NULL;
	for (size_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = '\n';
	text[size] = '\0';
	return TAKE_PTR(text);
}

/* Prints what the message ("-": the one on standard input) means, and what its checks say of this
 * host. Returns as a verb does. */
static int explain_message(struct vfpool *vp, const char *message, const char *pool,
			   const char *guest, bool json)
{
	CLEANUP(cleanup_diagnosis) struct vfpool_diagnosis *diagnosis = NULL;
	const struct vfpool_explanation *is;
	AUTO_FREE char *pasted = NULL, *line = NULL;
	int r;

	if (strcmp(message, "-") == 0) {
		pasted = read_stdin();
		if (!pasted) {
			warn_user("doctor: there is no message on standard input");
			return -VERB_USAGE;
		}
		message = pasted;
	}
	r = vfpool_explain(vp, message, &is, &line);
	if (r < 0)
		return r;
	if (json) {
		print_json(json_explanation(is));
		return 0;
	}
	if (strcmp(message, line) != 0)
		say("The line: %s\n", line);
	say("What it means, most often: %s.\nRemedy: %s.\n", is->meaning, is->remedy);
	if (vfpool_doctor(vp, pool, guest, &diagnosis) < 0) {
		warn_user("note: this host can't be looked at: %s", vfpool_error(vp));
		return 0;
	}
	say("On this host:\n");
	print_checks(diagnosis, is);
	print_group_of(vp, line);
	return 0;
}

static int run_doctor(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_diagnosis) struct vfpool_diagnosis *diagnosis = NULL;
	const char *pool = NULL, *guest = NULL, *message = NULL;
	bool json = false;
	const struct verb_option options[] = {
		OPTION_TEXT("pool", &pool, "look at this pool's cards only"),
		OPTION_TEXT("guest", &guest, "look at this guest of libvirt too"),
		OPTION_PROSE("explain", &message,
			     "what does this error message mean? -: it is on standard input"),
		OPTION_FLAG("json", &json, "the checks as JSON"),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if (message)
		return explain_message(vp, message, pool, guest, json);
	r = vfpool_doctor(vp, pool, guest, &diagnosis);
	if (r < 0)
		return r;
	if (json)
		print_json(json_diagnosis(diagnosis));
	else
		print_checks(diagnosis, NULL);
	return sum_up_checks(diagnosis, json);
}

const struct verb verb_doctor = {
	.name = "doctor",
	.args = "[--explain TEXT] [--pool POOL] [--guest GUEST] [--json]",
	.help = "what keeps VFs from guests, and what to do",
	.run = run_doctor,
};
