/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs N VFs of an interface, as vfpool does or in other ways to compare it
 * with, or reads them back. It takes any interface with VFs: netdevsim has
 * hundreds of them, and no PCI address.
 *
 * Each VF gets other values, and another salt changes all that it can: what an
 * earlier run has programmed doesn't pass for this one's.
 */
#include "host/host.h"
#include "host/nlsock.h"
#include "host/rtnl.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_VFS 4096
#define ETHERNET_ATTRS                                                                  \
	(VFPOOL_ATTR_MAC | VFPOOL_ATTR_VLAN | VFPOOL_ATTR_RATE | VFPOOL_ATTR_SPOOFCHK | \
	 VFPOOL_ATTR_LINK | VFPOOL_ATTR_TRUST | VFPOOL_ATTR_RSS_QUERY)

DEFINE_CLEANUP(struct nlsock *, cleanup_nlsock, nlsock_close);

struct job {
	struct host host;
	struct vfpool_pf pf;
	struct vfpool_step steps[MAX_VFS];
	size_t n;
};

static void free_job(struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		free(job->steps[i].text);
	free(job);
}

DEFINE_CLEANUP(struct job *, cleanup_job, free_job);

static void choose_settings(unsigned vf, unsigned salt, struct vfpool_settings *to)
{
	*to = (struct vfpool_settings){
		.have = ETHERNET_ATTRS,
		.mac = { { 2, 0, 0, (uint8_t)salt, (uint8_t)(vf >> 8), (uint8_t)vf } },
		.vlan = (uint16_t)(1 + (vf + 1000 * salt) % 4094),
		.qos = (uint8_t)((vf + salt) % 8),
		.vlan_proto = (vf + salt) % 2 ? 0x88a8 : 0x8100,
		.min_rate = 1 + (vf + salt) % 100,
		.max_rate = 1000 + vf + salt,
		.spoofchk = (vf + salt) % 2,
		.trust = (vf / 2 + salt) % 2,
		.rss_query = (vf / 4 + salt) % 2,
		.link = (enum vfpool_link)((vf + salt) % 3),
	};
}

/* ---- the modes: each returns a negative errno, and says on stderr what is wrong ---- */

static int not_done(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		const struct vfpool_step *step = &job->steps[i];

		if (step->result == VFPOOL_STEP_DONE && !step->failed && !step->deferred &&
		    !step->unsupported && !step->unverified)
			continue;
		fprintf(stderr, "VF %u: result %d, failed %#x, deferred %#x", step->vf,
			(int)step->result, step->failed, step->deferred);
		fprintf(stderr, ", unsupported %#x, unverified %#x: %s\n", step->unsupported,
			step->unverified, step->text ? step->text : "");
		return -EBADMSG;
	}
	return 0;
}

static int groups(struct job *job)
{
	AUTO_FREE struct vfpool_step **pointers = calloc(job->n, sizeof(*pointers));
	int r;

	if (!pointers)
		return -ENOMEM;
	for (size_t i = 0; i < job->n; i++)
		pointers[i] = &job->steps[i];
	r = host_program(&job->host, &job->pf, pointers, job->n);
	if (r < 0)
		fprintf(stderr, "%s\n", job->host.err->text);
	return r < 0 ? r : not_done(job);
}

static int send_one(struct job *job, const struct vfpool_step *step, unsigned attrs)
{
	const struct rtnl_change change = { step->vf, &step->to, attrs };
	char reason[NLSOCK_REASON];
	int r = rtnl_program(job->host.nl, job->pf.ifindex, &change, 1, reason);

	if (r < 0)
		fprintf(stderr, "VF %u, attributes %#x: %s %s\n", step->vf, attrs, strerror(-r),
			reason);
	return r;
}

static int per_vf(struct job *job)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = send_one(job, &job->steps[i], job->steps[i].to.have);
	return r;
}

static int per_attr(struct job *job)
{
	int r = 0;

	for (size_t i = 0; i < job->n; i++)
		for (unsigned attr = 1; r == 0 && attr <= VFPOOL_ATTR_LAST; attr <<= 1)
			if (job->steps[i].to.have & attr)
				r = send_one(job, &job->steps[i], attr);
	return r;
}

/* What stands around the list of VFs must not suffer from it. */
static bool same_pf(const struct rtnl_pf *a, const struct rtnl_pf *b)
{
	return a->up == b->up && a->carrier == b->carrier && a->n_altnames == b->n_altnames &&
	       a->has_mac && b->has_mac && vfpool_mac_equal(&a->mac, &b->mac);
}

static int compare_vf(const struct rtnl_vf *is, const struct vfpool_step *step)
{
	const unsigned unknown = step->to.have & ~is->settings.have;
	const unsigned differ = vfpool_settings_differ(&is->settings, &step->to);
	char reported[VFPOOL_SETTING_TEXT];

	if (is->index != step->vf)
		fprintf(stderr, "VF %u in the place of VF %u\n", is->index, step->vf);
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		if (!((unknown | differ) & attr))
			continue;
		vfpool_setting_format(&is->settings, attr, reported);
		fprintf(stderr, "VF %u: %s is %s\n", step->vf, vfpool_attr_name(attr), reported);
	}
	return is->index != step->vf || unknown || differ ? -EBADMSG : 0;
}

static int compare(const struct job *job, const struct rtnl_pf *with, const struct rtnl_pf *without)
{
	int r = 0;

	if (!same_pf(with, without)) {
		fprintf(stderr, "the PF itself reads differently with its VFs\n");
		return -EBADMSG;
	}
	if (with->n_vfs != job->n || without->n_vfs != 0) {
		fprintf(stderr, "%zu VFs instead of %zu\n", with->n_vfs, job->n);
		return -EBADMSG;
	}
	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = compare_vf(&with->vfs[i], &job->steps[i]);
	return r;
}

static int read_back(struct job *job)
{
	struct rtnl_pf with = { 0 }, without = { 0 };
	int r = rtnl_read_pf(job->host.nl, job->pf.ifindex, true, &with);

	if (r == 0)
		r = rtnl_read_pf(job->host.nl, job->pf.ifindex, false, &without);
	if (r < 0)
		fprintf(stderr, "reading: %s\n", strerror(-r));
	else
		r = compare(job, &with, &without);
	rtnl_pf_end(&with);
	rtnl_pf_end(&without);
	return r;
}

/* The same values, as lines for ip -batch. */
static int ip_batch(struct job *job)
{
	static const char *const states[] = { "auto", "enable", "disable" };
	char mac[VFPOOL_MAC_TEXT];

	for (size_t i = 0; i < job->n; i++) {
		const struct vfpool_settings *to = &job->steps[i].to;

		vfpool_mac_format(&to->mac, mac);
		printf("link set %s vf %zu mac %s vlan %u qos %u proto %s min_tx_rate %u max_tx_rate %u"
		       " spoofchk %s state %s trust %s query_rss %s\n",
		       job->pf.netdev, i, mac, to->vlan, to->qos,
		       to->vlan_proto == 0x88a8 ? "802.1ad" : "802.1Q", to->min_rate, to->max_rate,
		       to->spoofchk ? "on" : "off", states[to->link], to->trust ? "on" : "off",
		       to->rss_query ? "on" : "off");
	}
	return 0;
}

/* ---- */

static const struct mode {
	const char *name;
	int (*run)(struct job *job);
	bool is_timed;
} modes[] = {
	{ "groups", groups, true }, /* host_program() as it is: reads back, too */
	{ "per-vf", per_vf, true },      { "per-attr", per_attr, true },
	{ "readback", read_back, true }, { "ip-batch", ip_batch, false },
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int run(const struct mode *mode, struct job *job)
{
	CLEANUP(cleanup_nlsock) struct nlsock *sock = NULL;
	int r = nlsock_open(NETLINK_ROUTE, &sock);
	double start;

	if (r < 0) {
		fprintf(stderr, "opening netlink: %s\n", strerror(-r));
		return r;
	}
	job->host.nl = sock;
	start = now_ms();
	r = mode->run(job);
	if (r == 0 && mode->is_timed)
		printf("%.2f\n", now_ms() - start);
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP(cleanup_job) struct job *job = calloc(1, sizeof(*job));
	const struct mode *mode = argc == 5 ? find_mode(argv[2]) : NULL;
	const unsigned long n = mode ? strtoul(argv[3], NULL, 10) : 0;
	struct error err = { "" };

	if (!job || n < 1 || n > MAX_VFS) {
		fprintf(stderr,
			"usage: program NETDEV groups|per-vf|per-attr|readback|ip-batch N SALT\n");
		return 2;
	}
	job->host = (struct host){ .sysfs = -1, .err = &err };
	job->pf = (struct vfpool_pf){
		.netdev = argv[1],
		.ifindex = (int)if_nametoindex(argv[1]),
		.carrier = true,
	};
	if (job->pf.ifindex == 0) {
		fprintf(stderr, "no interface %s\n", argv[1]);
		return 2;
	}
	job->n = n;
	for (unsigned vf = 0; vf < n; vf++) {
		job->steps[vf] = (struct vfpool_step){ .vf = vf, .has_vf = true };
		choose_settings(vf, (unsigned)strtoul(argv[4], NULL, 10), &job->steps[vf].to);
	}
	return run(mode, job) < 0 ? 1 : 0;
}
