/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hook`: called by libvirt, with a guest's or a port's XML on stdin. */
#include "verbs/verb.h"

#include "util/file.h"
#include "util/journal.h"

#include <string.h>
#include <unistd.h>

/* Tells the last failure on stderr and to the journal: libvirt keeps what a hook says only when the
 * hook fails, and this one lets libvirt go on. */
static void tell_failure(const struct vfpool *vp)
{
	AUTO_FREE char *socket = format_text("%s/dev/log", vfpool_get_dir(vp, VFPOOL_DIR_ROOT));
	AUTO_FREE char *text = format_text("hook: %s; libvirt goes on all the same",
					   vfpool_error(vp));

	if (!socket || !text)
		return;
	warn_user("%s", text);
	journal_warn(socket, text);
}

/* Runs the hook. Libvirt's arguments aren't parsed, since a guest may be named as an option is. */
static int run_hook(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	const struct verb_option options[] = { OPTION_END };
	char **rest;
	int r;

	if (argc < 4 || (strcmp(argv[1], "qemu") != 0 && strcmp(argv[1], "network") != 0)) {
		r = verb_parse(verb, argc, argv, options, &rest); /* --help, or what is wrong */
		if (r >= 0)
			warn_user(
				"hook: libvirt's drivers with a hook of vfpool are qemu and network, not '%s'",
				rest[0]);
		return r < 0 ? r : -VERB_USAGE;
	}
	r = vfpool_hook(vp, argv[1], argv[2], argv[3], argc > 5 ? argv[5] : "", STDIN_FILENO);
	if (r == -VFPOOL_EINUSE)
		return r;
	if (r < 0)
		tell_failure(vp);
	return 0;
}

const struct verb verb_hook = {
	.name = "hook",
	.args = "qemu|network OBJECT OPERATION [ARGUMENT…]",
	.min_args = 3,
	.max_args = 16,
	.help = "for libvirt, which calls it when a guest starts and stops",
	.run = run_hook,
};
