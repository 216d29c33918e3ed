/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps VFs from guests? Each check looks at one thing; what it needs is read once, before. */
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/doctor/cards.h"
#include "manager/doctor/ledger.h"
#include "manager/doctor/libvirt.h"
#include "manager/doctor/platform.h"
#include "manager/doctor/report.h"
#include "manager/inventory.h"

#include "util/file.h"

#include <string.h>

void vfpool_diagnosis_free(struct vfpool_diagnosis *diagnosis)
{
	if (!diagnosis)
		return;
	for (size_t i = 0; i < diagnosis->n; i++) {
		free(diagnosis->checks[i].found);
		free(diagnosis->checks[i].remedy);
	}
	free(diagnosis->checks);
	free(diagnosis);
}

DEFINE_CLEANUP(struct vfpool_diagnosis *, cleanup_diagnosis, vfpool_diagnosis_free);

/* ---- what is read before ---- */

static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = strstr(line, word); at; at = strstr(at + 1, word))
		if ((at == line || strchr(" \"'=", at[-1])) &&
		    (!at[length] || strchr(" \"'\n", at[length])))
			return true;
	return false;
}

/* By ID and ID_LIKE of os-release(5). */
static enum distribution find_distribution(const struct vfpool *vp)
{
	static const struct {
		const char *id;
		enum distribution distribution;
	} known[] = {
		{ "debian", DEBIAN }, { "ubuntu", DEBIAN }, { "fedora", FEDORA },
		{ "rhel", FEDORA },   { "centos", FEDORA }, { "suse", SUSE },
		{ "opensuse", SUSE }, { "sles", SUSE },     { "arch", ARCH },
	};
	AUTO_FREE char *path = format_text("%s/etc/os-release", vp->dirs[VFPOOL_DIR_ROOT]),
		       *text = NULL;
	struct error ignored;

	if (!path || read_file(path, 65536, &text, NULL, &ignored) < 0)
		return OTHER_DISTRIBUTION;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if ((strncmp(line, "ID=", 3) == 0 || strncmp(line, "ID_LIKE=", 8) == 0) &&
			    has_word(line, known[i].id))
				return known[i].distribution;
	return OTHER_DISTRIBUTION;
}

static bool libvirt_is_installed(const struct vfpool *vp)
{
	AUTO_FREE char *one = format_text("%s/usr/sbin/libvirtd", vp->dirs[VFPOOL_DIR_ROOT]);
	AUTO_FREE char *own = format_text("%s/usr/sbin/virtqemud", vp->dirs[VFPOOL_DIR_ROOT]);

	return (one && access(one, F_OK) == 0) || (own && access(own, F_OK) == 0);
}

static int read_pools(struct doctor *doctor)
{
	struct vfpool *vp = doctor->vp;
	int r = definition_load_sound(vp, &doctor->pools);
	bool found = !doctor->pool;

	if (r < 0)
		return r;
	for (struct vfpool_pool **pool = doctor->pools; *pool; pool++)
		found = found || report_is_asked_for(doctor, *pool);
	if (!found)
		return definition_fail_missing(vp, doctor->pool);
	return claims_resolve(vp, doctor->pools, doctor->inventory, &doctor->claims,
			      &doctor->n_claims);
}

static int read_all(struct doctor *doctor)
{
	static const char *const daemons[] = { "libvirtd", "virtqemud", NULL };
	struct vfpool *vp = doctor->vp;
	int r = open_host(vp, &doctor->host);

	if (r < 0)
		return r;
	r = host_read_platform(&doctor->host, vp->dirs[VFPOOL_DIR_ROOT], &doctor->platform);
	if (r < 0)
		return r;
	/* Why the whole of it can't be read, the checks say. */
	if (vfpool_inventory(vp, &doctor->inventory) < 0) {
		r = inventory_without_ledger(vp, &doctor->inventory);
		if (r < 0)
			return r;
	}
	r = read_pools(doctor);
	if (r < 0)
		return r;
	doctor->distribution = find_distribution(vp);
	doctor->has_libvirt = libvirt_is_installed(vp);
	host_find_process(&doctor->host, daemons, &doctor->daemon);
	r = guest_list(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &doctor->guests,
		       &doctor->guests_error);
	doctor->guests_known = r == 0;
	return r == -ENOMEM ? fail_oom(&vp->err) : 0;
}

/* ---- all checks ---- */

static void doctor_end(struct doctor *doctor)
{
	free(doctor->claims);
	vfpool_pools_free(doctor->pools);
	vfpool_leases_free(doctor->leases);
	vfpool_inventory_free(doctor->inventory);
	guests_end(&doctor->guests);
	platform_end(&doctor->platform);
	host_end(&doctor->host);
}

static int run_checks(struct doctor *doctor)
{
	static const struct check *const all[] = { platform_checks, card_checks, libvirt_checks,
						   ledger_checks };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(all); i++)
		for (doctor->check = all[i]; r == 0 && doctor->check->name; doctor->check++)
			r = doctor->check->run(doctor);
	return r == -ENOMEM ? fail_oom(&doctor->vp->err) : r;
}

int vfpool_doctor(struct vfpool *vp, const char *pool, const char *guest,
		  struct vfpool_diagnosis **ret_diagnosis)
{
	CLEANUP(cleanup_diagnosis)
	struct vfpool_diagnosis *diagnosis = calloc(1, sizeof(*diagnosis));
	CLEANUP(doctor_end)
	struct doctor doctor = {
		.vp = vp,
		.pool = pool,
		.guest = guest,
		.host = NO_HOST,
		.diagnosis = diagnosis,
	};
	int r;

	vp->doubt_is_told = true; /* the check of the ledger tells it */
	if (!diagnosis)
		return fail_oom(&vp->err);
	r = read_all(&doctor);
	if (r < 0)
		return r;
	r = run_checks(&doctor);
	if (r < 0)
		return r;
	*ret_diagnosis = TAKE_PTR(diagnosis);
	return 0;
}
