/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's thread waits for its hook: it has its answer in time, whatever hangs. A child does the work, as the
 * kernel may sleep where no signal reaches it; its answers are lines "RESULT MESSAGE", the last of which counts. */
#include "manager/guests/call.h"
#include "manager/guests/hook.h"

#include "util/clock.h"
#include "util/file.h"
#include "util/process.h"

#include <string.h>
#include <time.h>

#define TIME_MS 2000
#define XML_MAX (16 * 1024 * 1024)
#define ANSWER_MAX (1024 * 1024)

struct work {
	struct vfpool *vp;
	struct hook_call *call;
};

char *call_failure_path(const struct vfpool *vp)
{
	return format_text("%s/hook.failed", vp->dirs[VFPOOL_DIR_RUN]);
}

/* ---- the child's side ---- */

static void do_work(void *arg, int out)
{
	const struct work *work = arg;
	struct vfpool *vp = work->vp;
	int r;

	work->call->out = out;
	vp->ledger = NULL; /* a connection is its own process's */
	vp->err.text[0] = '\0';
	r = hook_run(vp, work->call);
	ledger_close(vp->ledger);
	hook_answer(work->call, r, r < 0 ? vfpool_error(vp) : "");
}

/* ---- the parent's ---- */

/* The last line that is whole, NULL: there is none. */
static char *last_line(char *text)
{
	char *end = strrchr(text, '\n'), *before;

	if (!end)
		return NULL;
	*end = '\0';
	before = strrchr(text, '\n');
	return before ? before + 1 : text;
}

/* What has no answer yet when the time is up may have one for that, which is a refusal. */
static int take_answer(struct vfpool *vp, char *text, bool whole, bool late)
{
	const char *line = last_line(text);
	int r = 0, rest = 0;

	if (!line || sscanf(line, "%d %n", &r, &rest) != 1)
		whole = false;
	if (!whole && r == -VFPOOL_EINUSE)
		return fail(&vp->err, r, "%s", line + rest);
	if (late)
		return fail(&vp->err, -ETIMEDOUT,
			    "it hasn't come to an end within %d s: the kernel sleeps, or another "
			    "process keeps the ledger or a PF to itself",
			    TIME_MS / 1000);
	if (!whole)
		return fail(&vp->err, -ECHILD, "its process has died");
	return r < 0 ? fail(&vp->err, r, "%s", line + rest) : 0;
}

static int work_in_child(struct vfpool *vp, struct hook_call *call, long long deadline)
{
	struct work work = { vp, call };
	AUTO_FREE char *text = NULL;
	bool whole;
	int r = run_child(do_work, &work, (int)(deadline - clock_ms()), ANSWER_MAX, &text, &whole);

	return r < 0 ? fail_errno(&vp->err, r, "starting a process") :
		       take_answer(vp, text, whole, !whole && clock_ms() >= deadline);
}

static int read_xml(struct vfpool *vp, int fd, long long deadline, char **ret_xml)
{
	int r = read_until(fd, deadline, XML_MAX, ret_xml);

	if (r == -EFBIG)
		return fail(&vp->err, r, "libvirt's XML is larger than %d MiB",
			    XML_MAX / 1024 / 1024);
	if (r == -ETIMEDOUT)
		return fail(&vp->err, r, "libvirt's XML hasn't come to an end within %d s",
			    TIME_MS / 1000);
	return r < 0 ? fail_errno(&vp->err, r, "reading libvirt's XML") : 0;
}

/* It is libvirt's to go on, and a person's to know. */
static void keep_failure(const struct vfpool *vp)
{
	AUTO_FREE char *path = call_failure_path(vp);
	AUTO_FREE char *text = format_text("%lld %s\n", (long long)time(NULL), vp->err.text);
	struct error ignored;

	if (path && text && make_dirs(vp->dirs[VFPOOL_DIR_RUN], 0755, &ignored) == 0)
		write_file(path, text, strlen(text), 0600, &ignored);
}

/* A refusal would kill a guest that runs, so it is one only before that. */
static bool may_refuse(const struct hook_call *call)
{
	return strcmp(call->driver, "qemu") == 0 &&
	       (strcmp(call->operation, "prepare") == 0 || strcmp(call->operation, "start") == 0);
}

int vfpool_hook(struct vfpool *vp, const char *driver, const char *object, const char *operation,
		const char *extra, int xml)
{
	struct hook_call call = {
		.driver = driver, .object = object, .operation = operation, .extra = extra
	};
	const long long deadline = clock_ms() + TIME_MS;
	AUTO_FREE char *text = NULL;
	int r = read_xml(vp, xml, deadline, &text);

	call.xml = text;
	r = r < 0 ? r : work_in_child(vp, &call, deadline);
	if (r == 0)
		return 0;
	r = fail_while(&vp->err, r, "%s %s %s", driver, object, operation);
	if (r == -VFPOOL_EINUSE && may_refuse(&call))
		return r;
	keep_failure(vp);
	return r == -VFPOOL_EINUSE ? -EBUSY : r;
}
