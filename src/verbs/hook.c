/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hook`: called by libvirt, with a guest's or a port's XML on stdin. */
#include "verbs.h"

#include "util/cleanup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIME_S 2
#define XML_MAX (16 * 1024 * 1024)

/* libvirt waits for its hook, and whatever hangs here must not hang it. */
static void give_up(int signal)
{
	static const char text[] = "vfpool: hook: no time left; 'vfpool gc' and 'vfpool apply' do the rest\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(0);
}

/* All of it, since libvirt doesn't like a pipe that breaks; what is too much is dropped. */
static char *read_stdin(void)
{
	size_t size = 0, room = 1 << 16;
	AUTO_FREE char *text = malloc(room);
	char rest[4096];
	ssize_t n = 1;

	while (text && n > 0 && size < XML_MAX) {
		if (size + 1 == room) {
			char *grown = realloc(text, room *= 2);

			if (!grown)
				return NULL;
			text = grown;
		}
		n = read(STDIN_FILENO, text + size, room - size - 1);
		size += n > 0 ? (size_t)n : 0;
	}
	while (n > 0)
		n = read(STDIN_FILENO, rest, sizeof(rest));
	if (text)
		text[size] = '\0';
	return TAKE_PTR(text);
}

/* A guest may have any name: none of libvirt's arguments is an option. */
static int run(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	const struct verb_option options[] = { { 0 } };
	AUTO_FREE char *xml = NULL;
	char **rest;
	int r;

	if (argc < 4 || (strcmp(argv[1], "qemu") != 0 && strcmp(argv[1], "network") != 0)) {
		r = verb_parse(verb, argc, argv, options, 3, 16, &rest); /* --help, or what is wrong */
		if (r >= 0)
			warn_user("hook: libvirt's drivers with a hook of vfpool are qemu and network, not '%s'",
				  rest[0]);
		return r < 0 ? r : -VERB_USAGE;
	}
	signal(SIGALRM, give_up);
	alarm(TIME_S);
	xml = read_stdin();
	if (!xml)
		return 0;
	r = vfpool_hook(vp, argv[1], argv[2], argv[3], argc > 5 ? argv[5] : "", xml);
	if (r == -VFPOOL_EINUSE && strcmp(argv[3], "prepare") == 0)
		return r;
	if (r < 0) /* libvirt logs it, and goes on */
		warn_user("%s", vfpool_error(vp));
	return 0;
}

const struct verb verb_hook = {
	"hook", "qemu|network OBJECT OPERATION [ARGUMENT…]", "for libvirt, which calls it when a guest starts and stops",
	run,
};
