/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs VFs in groups, finds the culprit of a group that failed, and reads
 * back what the kernel took. */
#include "host/host.h"
#include "host/rtnl.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/name.h"

#include <stdarg.h>
#include <string.h>

/* A group grows while the kernel holds its network lock for less than this. */
#define GROUP_MS 50

/* A VF in reset is no culprit: it is tried again. */
#define RETRIES 20
#define RETRY_MS 100

/* How long a link may take to come. */
#define LINK_MS 15000

void host_expect_links(struct host *host)
{
	host->link_deadline = clock_ms() + LINK_MS;
}

/* One PF being programmed. */
struct job {
	struct host *host;
	const struct vfpool_pf *pf;
	bool linked; /* the PF's link is there */
	/* Found out once, not asked for again. One VF's value says nothing of another's. */
	struct vfpool_refusal *refused;
	size_t n_refused;
};

static void job_end(struct job *job)
{
	free(job->refused);
}

static int refuse(struct job *job, enum vfpool_attr attr, const char *value)
{
	struct vfpool_refusal *grown = reallocarray(job->refused, job->n_refused + 1,
						    sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	job->refused = grown;
	grown[job->n_refused].attr = attr;
	snprintf(grown[job->n_refused++].value, VFPOOL_SETTING_TEXT, "%s", value);
	return 0;
}

static int send_patiently(const struct job *job, const struct rtnl_change *changes, size_t n,
			  char reason[NLSOCK_REASON])
{
	int r;

	for (int left = RETRIES;; left--) {
		r = rtnl_program(job->host->nl, job->pf->ifindex, changes, n, reason);
		if ((r != -EAGAIN && r != -EBUSY) || left == 0)
			return r;
		rest_ms(RETRY_MS);
	}
}

/* Adds to what went wrong with a step. */
static void add_text(struct vfpool_step *step, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_text(struct vfpool_step *step, const char *format, ...)
{
	AUTO_FREE char *more = NULL;
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&more, format, args);
	va_end(args);
	text = n < 0 ? NULL :
		       format_text("%s%s%s", step->text ? step->text : "", step->text ? "; " : "",
				   more);
	if (n < 0)
		more = NULL;
	if (!text)
		return;
	make_printable(text);
	free(step->text);
	step->text = text;
}

/* Says in the step what the rate's EINVAL means. Drivers have no words for it: igb and others answer EINVAL to more than the link's speed, and to any min. */
static void explain_rate(const struct job *job, struct vfpool_step *step)
{
	AUTO_CLOSE int folder = sysfs_open_pci(job->host->sysfs, &job->pf->address);
	char path[160], word[SHELL_WORD_MAX];
	long long speed = 0;

	snprintf(path, sizeof(path), "net/%s/speed", job->pf->netdev);
	if (folder < 0 || sysfs_read_number(folder, path, &speed) < 0)
		speed = 0;
	if (speed > 0 && step->to.max_rate > speed)
		add_text(step, "that is more than the link's speed, %lld Mbit/s", speed);
	else if (step->to.min_rate)
		add_text(step, "most likely its driver has no min rate, or not beside that max");
	else
		add_text(step,
			 "most likely it is more than the link's speed ('ethtool %s' shows that)",
			 name_for_shell(job->pf->netdev, word));
}

/* Says in the step what failed and why, "trust off: Permission denied". */
static void blame(struct vfpool_step *step, enum vfpool_attr attr, int r, const char *reason)
{
	char value[VFPOOL_SETTING_TEXT];

	vfpool_setting_format(&step->to, attr, value);
	add_text(step, "%s %s: %s%s%s", vfpool_attr_name(attr), value, error_text(r),
		 *reason ? ": " : "", reason);
	step->failed |= attr;
	step->result = VFPOOL_STEP_FAILED;
}

/* Notes that the driver doesn't have that setting with that value. A MAC is nobody else's, so that no other VF's
 * is spared the asking. */
static void note_unsupported(struct job *job, struct vfpool_step *step, enum vfpool_attr attr)
{
	char value[VFPOOL_SETTING_TEXT];

	step->unsupported |= attr;
	vfpool_setting_format(&step->to, attr, value);
	if (!(attr & (VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID)))
		(void)refuse(job, attr, value); /* out of memory: the next VF asks again */
}

/* Sends the VF's settings one by one: now each error has a name. */
static void send_each_attr(struct job *job, struct vfpool_step *step, unsigned attrs)
{
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		const struct rtnl_change change = { step->vf, &step->to, attr };
		char reason[NLSOCK_REASON];
		int r;

		if (!(attrs & attr))
			continue;
		r = send_patiently(job, &change, 1, reason);
		/* 802.1ad alone may be lacking: EPROTONOSUPPORT. */
		if (r == -EOPNOTSUPP || r == -ENOTSUPP || r == -EPROTONOSUPPORT)
			note_unsupported(job, step, attr);
		else if (r < 0 && attr == VFPOOL_ATTR_RATE && !job->linked)
			step->deferred |= attr;
		else if (r < 0)
			blame(step, attr, r, reason);
		if (r == -EINVAL && attr == VFPOOL_ATTR_RATE && job->linked && !*reason)
			explain_rate(job, step);
	}
}

static unsigned unsupported(const struct job *job, const struct vfpool_step *step)
{
	return step->unsupported | vfpool_settings_refused(&step->to, job->refused, job->n_refused);
}

/* Returns what is sent for a step, a set of enum vfpool_attr. */
static unsigned wanted_attrs(const struct job *job, const struct vfpool_step *step)
{
	return step->kind == VFPOOL_STEP_REFUSED ? 0 : step->to.have & ~unsupported(job, step);
}

/* Refuses the step when its VF is busy now. The plan is some time old: a guest may have been started meanwhile. */
static void look_again(const struct job *job, struct vfpool_step *step)
{
	AUTO_FREE char *busy = NULL;

	if (step->live || job->pf->n_vfs == 0)
		return;
	if (host_look_again(job->host, job->pf, step->vf, &busy) < 0)
		busy = strdup("it can't be looked at");
	if (!busy)
		return;
	step->kind = VFPOOL_STEP_REFUSED;
	step->text = format_text("it was taken meanwhile, and left alone: %s", busy);
}

static int by_index(const void *a, const void *b)
{
	const struct rtnl_vf *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* Returns what the VF is programmed with, NULL: it isn't listed. The kernel lists VFs by index. */
static const struct vfpool_settings *settings_of(const struct rtnl_pf *link, unsigned vf)
{
	const struct rtnl_vf key = { .index = vf };
	const struct rtnl_vf *found = NULL;

	if (link->n_vfs > 0)
		found = bsearch(&key, link->vfs, link->n_vfs, sizeof(key), by_index);
	return found ? &found->settings : NULL;
}

/* Finds out where the group failed: what the kernel hasn't taken is sent again, one
 * VF at a time, then one attribute at a time. */
static int isolate(struct job *job, struct vfpool_step **steps, size_t n)
{
	struct rtnl_pf link = { 0 };
	int r = rtnl_read_pf(job->host->nl, job->pf->ifindex, true, &link);

	if (r < 0 && r != -EMSGSIZE) /* what can't be read is sent again */
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct vfpool_settings *is = settings_of(&link, steps[i]->vf);
		struct rtnl_change change = { steps[i]->vf, &steps[i]->to, 0 };
		char reason[NLSOCK_REASON];

		change.attrs = wanted_attrs(job, steps[i]);
		if (is)
			change.attrs &= vfpool_settings_differ(is, &steps[i]->to) | ~is->have;
		if (change.attrs && send_patiently(job, &change, 1, reason) < 0)
			send_each_attr(job, steps[i], change.attrs);
	}
	rtnl_pf_end(&link);
	return 0;
}

static int send_group(struct job *job, struct vfpool_step **steps, size_t n)
{
	struct rtnl_change changes[RTNL_GROUP_MAX];
	char reason[NLSOCK_REASON];
	size_t n_changes = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		unsigned attrs;

		look_again(job, steps[i]);
		attrs = wanted_attrs(job, steps[i]);
		if (attrs) /* an empty list is EINVAL */
			changes[n_changes++] = (struct rtnl_change){ steps[i]->vf, &steps[i]->to,
								     attrs };
	}
	if (n_changes == 0)
		return 0;
	r = rtnl_program(job->host->nl, job->pf->ifindex, changes, n_changes, reason);
	if (r == -E_SILENT)
		return r;
	return r < 0 ? isolate(job, steps, n) : 0;
}

/* Says what the driver doesn't have, which is the VF's failure too, unless the VF has it all the same. */
static void blame_driver(const struct job *job, struct vfpool_step *step,
			 const struct vfpool_settings *is)
{
	const unsigned has = is ? is->have & ~vfpool_settings_differ(is, &step->to) : 0;
	char value[VFPOOL_SETTING_TEXT];

	step->unsupported = unsupported(job, step) & ~has;
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		if (!(step->unsupported & attr))
			continue;
		vfpool_setting_format(&step->to, attr, value);
		add_text(step, "%s doesn't have %s %s",
			 job->pf->driver ? job->pf->driver : "its driver", vfpool_attr_name(attr),
			 value);
	}
	if (step->unsupported)
		step->result = VFPOOL_STEP_FAILED;
}

/* Compares what the VF has with what it was to get: a driver that says yes and does nothing is found here. */
static void compare(const struct job *job, struct vfpool_step *step,
		    const struct vfpool_settings *is)
{
	unsigned differ = is ? vfpool_settings_differ(is, &step->to) : step->to.have;
	char asked[VFPOOL_SETTING_TEXT], reported[VFPOOL_SETTING_TEXT];

	if (step->kind == VFPOOL_STEP_REFUSED)
		return;
	blame_driver(job, step, is);
	differ &= ~(step->failed | step->unsupported | step->deferred);
	if (step->result != VFPOOL_STEP_FAILED)
		step->result = differ ? VFPOOL_STEP_FAILED : VFPOOL_STEP_DONE;
	step->failed |= differ;
	if (is)
		step->unverified = step->to.have &
				   ~(is->have | step->failed | step->unsupported | step->deferred);
	else
		add_text(step, "the kernel doesn't show the VF now");
	for (unsigned attr = 1; is && attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		if (!(differ & attr))
			continue;
		vfpool_setting_format(&step->to, attr, asked);
		vfpool_setting_format(is, attr, reported);
		add_text(step, "%s %s was accepted, but the kernel reports %s",
			 vfpool_attr_name(attr), asked, reported);
	}
}

/* Takes what was sent for done. Some InfiniBand cards' VFs don't fit the kernel's reply: EMSGSIZE. */
static void trust_blindly(const struct job *job, struct vfpool_step *step)
{
	if (step->kind == VFPOOL_STEP_REFUSED)
		return;
	blame_driver(job, step, NULL);
	if (step->failed)
		return;
	if (!step->unsupported)
		step->result = VFPOOL_STEP_DONE;
	step->unverified = step->to.have & ~(step->unsupported | step->deferred);
}

static bool has_all(const struct rtnl_pf *link, struct vfpool_step **steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!settings_of(link, steps[i]->vf))
			return false;
	return true;
}

/* Reads the PF until it shows the VFs of all steps: the kernel leaves out one whose driver can't answer, as in a
 * reset. */
static int read_patiently(const struct job *job, struct vfpool_step **steps, size_t n,
			  struct rtnl_pf *ret_link)
{
	for (int left = RETRIES;; left--) {
		struct rtnl_pf link = { 0 };
		int r = rtnl_read_pf(job->host->nl, job->pf->ifindex, true, &link);

		if (r < 0)
			return r;
		if (left == 0 || has_all(&link, steps, n)) {
			*ret_link = link;
			return 0;
		}
		rtnl_pf_end(&link);
		rest_ms(RETRY_MS);
	}
}

static int read_back(const struct job *job, struct vfpool_step **steps, size_t n)
{
	struct rtnl_pf link = { 0 };
	int r = read_patiently(job, steps, n, &link);

	for (size_t i = 0; r == -EMSGSIZE && i < n; i++)
		trust_blindly(job, steps[i]);
	if (r < 0)
		return r == -EMSGSIZE ? 0 : r;
	for (size_t i = 0; i < n; i++)
		compare(job, steps[i], settings_of(&link, steps[i]->vf));
	rtnl_pf_end(&link);
	return 0;
}

/* Waits for the PF's link where rates are to be set. One that was just brought up, or whose VFs were just made, has its link back
 * after some seconds, and many drivers refuse a rate until then. A PF that is
 * down has none to wait for. */
static void wait_for_link(struct job *job, struct vfpool_step **steps, size_t n)
{
	bool needed = false;

	job->linked = job->pf->carrier;
	for (size_t i = 0; i < n && !needed; i++)
		needed = steps[i]->to.have & VFPOOL_ATTR_RATE;
	while (needed) {
		struct rtnl_pf link = { 0 };

		if (rtnl_read_pf(job->host->nl, job->pf->ifindex, false, &link) < 0)
			return;
		job->linked = link.carrier;
		needed = link.up && !link.carrier && clock_ms() < job->host->link_deadline;
		rtnl_pf_end(&link);
		if (needed)
			rest_ms(RETRY_MS);
	}
}

int host_program(struct host *host, const struct vfpool_pf *pf, struct vfpool_step **steps,
		 size_t n)
{
	const char *name = pf_name(pf, "a PF");
	CLEANUP(job_end) struct job job = { .host = host, .pf = pf };
	size_t group = 1;
	int r = 0;

	if (!pf->netdev)
		return fail(
			host->err, -VFPOOL_ENOTFOUND,
			"the PF has no netdev in this network namespace, so its VFs can't be programmed");
	for (size_t i = 0; i < pf->n_refusals; i++)
		if (refuse(&job, pf->refusals[i].attr, pf->refusals[i].value) < 0)
			return fail_oom(host->err);
	wait_for_link(&job, steps, n);
	for (size_t done = 0; r == 0 && done < n;) {
		size_t size = n - done < group ? n - done : group;
		long long start = clock_ms();

		r = send_group(&job, steps + done, size);
		done += size;
		if (clock_ms() - start < GROUP_MS)
			group = group * 2 > RTNL_GROUP_MAX ? RTNL_GROUP_MAX : group * 2;
		if (host->progress)
			host->progress(host->progress_arg, name, "programming", (unsigned)done,
				       (unsigned)n);
	}
	r = r < 0 ? r : read_back(&job, steps, n);
	return r < 0 ? fail_errno(host->err, r, "programming the VFs of %s", name) : 0;
}

int host_set_link_up(struct host *host, const struct vfpool_pf *pf)
{
	char reason[NLSOCK_REASON];
	int r;

	if (!pf->netdev)
		return fail(host->err, -VFPOOL_ENOTFOUND, "bringing it up: it has no netdev here");
	r = rtnl_set_up(host->nl, pf->ifindex, reason);
	if (r < 0)
		return fail(host->err, r, "bringing %s up: %s%s%s", pf->netdev, error_text(r),
			    *reason ? ": " : "", reason);
	return 0;
}
