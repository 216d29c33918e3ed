/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers are changed, of all members or none, and that is told. */
#include "manager/bind/change.h"
#include "manager/bind/check.h"
#include "manager/bind/record.h"

#include <string.h>

static int change_member(struct binding_job *job, struct member *member)
{
	AUTO_FREE char *used = NULL;
	int r = look_at_use(job, member, &used);

	if (r == 0)
		r = look_at_group(job, member);
	if (r < 0)
		return r;
	if (used)
		return fail(&job->vp->err, -VFPOOL_EINUSE, "it was taken meanwhile: %s", used);
	if (strcmp(driver_of(&member->is), member->driver) != 0 &&
	    (r = check_change(job, member)) < 0)
		return r;
	return member->override ? host_restore(&job->host, &member->address, member->driver,
					       member->override) :
				  host_bind(&job->host, &member->address, member->driver);
}

static bool has_driver(const struct vfpool_device *device, const char *driver, const char *override)
{
	return strcmp(driver_of(device), driver) == 0 && strcmp(override_of(device), override) == 0;
}

/* To what it was before this command. */
static int put_back(struct binding_job *job, const struct member *member)
{
	const char *driver = driver_of(&member->is), *override = override_of(&member->is);
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	AUTO_FREE char *used = NULL;
	int r = host_read_device(&job->host, &member->address, &device);

	if (r < 0 || has_driver(&device, driver, override))
		return r;
	r = look_at_use(job, member, &used);
	if (r == 0 && used)
		return fail(&job->vp->err, -VFPOOL_EINUSE, "it was taken meanwhile: %s", used);
	return r < 0 ? r : host_restore(&job->host, &member->address, driver, override);
}

/* The ledger is as it was too, for those that are. */
static int forget_changes(struct binding_job *job)
{
	int r = ledger_begin(job->ledger);

	for (size_t i = 0; r == 0 && i < job->n; i++) {
		const struct member *member = &job->members[i];

		if (member->is_recorded && member->is_back)
			r = member->was.id ? ledger_set_binding(job->ledger, &member->was) :
					     ledger_forget_binding(job->ledger, &member->record);
	}
	return r < 0 ? r : ledger_commit(job->ledger);
}

/* After member `failed` did: it and those before it, the last first. The error says how that went. */
static int undo(struct binding_job *job, size_t failed, int r_failed)
{
	struct error cause = job->vp->err, *err = &job->vp->err;
	char text[VFPOOL_PCI_TEXT], lost[300] = "";
	size_t length = 0;
	int r_forget;

	for (size_t i = 0; i < job->n; i++)
		job->members[i].is_back = true;
	for (size_t i = failed + 1; i-- > 0;) {
		struct member *member = &job->members[i];

		if (!member->changes || put_back(job, member) == 0)
			continue;
		member->is_back = false;
		if (length < sizeof(lost))
			length += (size_t)snprintf(lost + length, sizeof(lost) - length,
						   "%s%s (%s)", length ? ", " : "",
						   text_of(member, text), err->text);
	}
	r_forget = forget_changes(job);
	text_of(&job->members[failed], text);
	if (*lost)
		return fail(
			err, r_failed,
			"%s: %s; these couldn't be put back, and 'vfpool unbind' tries it again: %s",
			text, cause.text, lost);
	if (r_forget < 0)
		return fail(
			err, r_failed,
			"%s: %s; all are as they were, but the ledger couldn't be told: 'vfpool "
			"unbind' tells it",
			text, cause.text);
	return fail(err, r_failed, "%s: %s; %s", text, cause.text,
		    job->n > 1 ? "it and the others are as they were" : "it is as it was");
}

int carry_out_binding(struct binding_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		int r = job->members[i].changes ? change_member(job, &job->members[i]) : 0;

		if (r < 0)
			return undo(job, i, r);
	}
	return 0;
}

/* ---- results ---- */

void note_member(struct binding_job *job, const struct member *member)
{
	char text[VFPOOL_PCI_TEXT];

	text_of(member, text);
	if (member->pool)
		note(job->vp,
		     "%s is a VF of pool %s, whose definition has another driver: the next "
		     "'vfpool apply' puts it back",
		     text, member->pool);
	if (member->is_recorded && member->record.persists && !unit_is_enabled(job->vp, BOOT_UNIT))
		note(job->vp, "nothing binds %s at boot yet: 'systemctl enable " BOOT_UNIT "'",
		     text);
	if (member->is_recorded && member->was.persists && !member->record.persists)
		note(job->vp, "%s doesn't get the driver %s at each boot any more", text,
		     member->was.driver);
}

void vfpool_bindings_free(struct vfpool_binding *bindings, size_t n)
{
	for (size_t i = 0; bindings && i < n; i++) {
		free(bindings[i].driver_from);
		free(bindings[i].driver);
	}
	free(bindings);
}

static char *copy_driver(const char *driver)
{
	return *driver ? strdup(driver) : NULL;
}

/* What it has now, in a dry run is to have. */
static char *driver_now(struct binding_job *job, const struct member *member)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };

	if (!member->changes || job->request->dry_run || strcmp(member->driver, "host") != 0 ||
	    host_read_device(&job->host, &member->address, &device) < 0)
		return copy_driver(member->changes ? member->driver : driver_of(&member->is));
	return copy_driver(driver_of(&device));
}

static int fill_result(struct binding_job *job, const struct member *member,
		       struct vfpool_binding *binding)
{
	*binding = (struct vfpool_binding){
		.address = member->address,
		.driver_from = copy_driver(driver_of(&member->is)),
		.driver = driver_now(job, member),
		.changed = member->changes,
		.persists = !member->override && (member->is_recorded ? member->record.persists :
									persists_anyway(member)),
	};
	if (!binding->driver_from && *driver_of(&member->is))
		return -ENOMEM;
	return binding->driver || !*member->driver ? 0 : -ENOMEM;
}

int fill_bindings(struct binding_job *job, struct vfpool_binding **ret_bindings, size_t *ret_n)
{
	struct vfpool_binding *bindings = calloc(job->n + 1, sizeof(*bindings));
	size_t n = 0;
	int r = bindings ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < job->n; i++)
		if (!job->members[i].is_left)
			r = fill_result(job, &job->members[i], &bindings[n++]);
	if (r < 0) {
		vfpool_bindings_free(bindings, n);
		return fail_oom(&job->vp->err);
	}
	*ret_bindings = bindings;
	*ret_n = n;
	return 0;
}
