/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers are changed, of all targets or none, and that is told. */
#include "manager/bind/change.h"
#include "manager/bind/check.h"
#include "manager/bind/record.h"

#include <string.h>

static int change_target(struct binding_job *job, struct target *target)
{
	AUTO_FREE char *used = NULL;
	int r = target_look_at_use(job, target, &used);

	if (r < 0)
		return r;
	r = target_look_at_group(job, target);
	if (r < 0)
		return r;
	if (used)
		return fail(&job->vp->err, -VFPOOL_EINUSE, "it was taken meanwhile: %s", used);
	if (strcmp(driver_of(&target->before), target->driver) != 0) {
		r = check_change(job, target);
		if (r < 0)
			return r;
	}
	return target->override ? host_restore_driver(&job->host, &target->address, target->driver,
						      target->override) :
				  host_bind(&job->host, &target->address, target->driver);
}

static bool has_driver(const struct vfpool_device *device, const char *driver, const char *override)
{
	return strcmp(driver_of(device), driver) == 0 && strcmp(override_of(device), override) == 0;
}

/* Gives the target what it had before this command. */
static int put_back(struct binding_job *job, const struct target *target)
{
	const char *driver = driver_of(&target->before), *override = override_of(&target->before);
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	AUTO_FREE char *used = NULL;
	int r = host_read_device(&job->host, &target->address, &device);

	if (r < 0 || has_driver(&device, driver, override))
		return r;
	r = target_look_at_use(job, target, &used);
	if (r < 0)
		return r;
	if (used)
		return fail(&job->vp->err, -VFPOOL_EINUSE, "it was taken meanwhile: %s", used);
	return host_restore_driver(&job->host, &target->address, driver, override);
}

/* Makes the ledger as it was too, for the targets that are. */
static int forget_changes(struct binding_job *job)
{
	int r = ledger_begin(job->ledger);

	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		const struct target *target = &job->targets[i];

		if (!target->is_recorded || target->state == TARGET_LOST)
			continue;
		r = target->bound.id ? ledger_set_binding(job->ledger, &target->bound) :
				       ledger_forget_binding(job->ledger, &target->record);
		if (r < 0)
			return r;
	}
	return ledger_commit(job->ledger);
}

/* Puts back target `failed`, which failed with `r_failed`, and those before it, the last first. The error says how that
 * went. */
static int undo(struct binding_job *job, size_t failed, int r_failed)
{
	struct error cause = job->vp->err, *err = &job->vp->err;
	char text[VFPOOL_PCI_TEXT], lost[300] = "";
	size_t length = 0;
	int r_forget;

	for (size_t i = failed + 1; i-- > 0;) {
		struct target *target = &job->targets[i];

		if (target->state != TARGET_CHANGES || put_back(job, target) == 0)
			continue;
		target->state = TARGET_LOST;
		if (length < sizeof(lost))
			length += (size_t)snprintf(lost + length, sizeof(lost) - length,
						   "%s%s (%s)", length ? ", " : "",
						   target_text(target, text), err->text);
	}
	r_forget = forget_changes(job);
	target_text(&job->targets[failed], text);
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

int change_carry_out(struct binding_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		int r = job->targets[i].state == TARGET_CHANGES ?
				change_target(job, &job->targets[i]) :
				0;

		if (r < 0)
			return undo(job, i, r);
	}
	return 0;
}

/* ---- results ---- */

void change_note_target(struct binding_job *job, const struct target *target)
{
	char text[VFPOOL_PCI_TEXT];

	target_text(target, text);
	if (target->pool)
		note(job->vp,
		     "%s is a VF of pool %s, whose definition has another driver: the next "
		     "'vfpool apply' puts it back",
		     text, target->pool);
	if (target->is_recorded && target->record.persists && !unit_is_enabled(job->vp, BOOT_UNIT))
		note(job->vp, "nothing binds %s at boot yet: 'systemctl enable " BOOT_UNIT "'",
		     text);
	if (target->is_recorded && target->bound.persists && !target->record.persists)
		note(job->vp, "%s doesn't get the driver %s at each boot any more", text,
		     target->bound.driver);
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

/* Returns a copy of the driver that the target has now, in a dry run is to have; NULL: none. */
static char *driver_now(struct binding_job *job, const struct target *target)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };

	if (target->state != TARGET_CHANGES)
		return copy_driver(driver_of(&target->before));
	if (job->request->dry_run || strcmp(target->driver, "host") != 0 ||
	    host_read_device(&job->host, &target->address, &device) < 0)
		return copy_driver(target->driver);
	return copy_driver(driver_of(&device));
}

static int fill_result(struct binding_job *job, const struct target *target,
		       struct vfpool_binding *binding)
{
	*binding = (struct vfpool_binding){
		.address = target->address,
		.driver_from = copy_driver(driver_of(&target->before)),
		.driver = driver_now(job, target),
		.changed = target->state == TARGET_CHANGES,
		.persists = !target->override &&
			    (target->is_recorded ? target->record.persists :
						   record_persists_anyway(target)),
	};
	if (!binding->driver_from && *driver_of(&target->before))
		return -ENOMEM;
	return binding->driver || !*target->driver ? 0 : -ENOMEM;
}

int change_fill_bindings(struct binding_job *job, struct vfpool_binding **ret_bindings,
			 size_t *ret_n)
{
	struct vfpool_binding *bindings = calloc(job->n + 1, sizeof(*bindings));
	size_t n = 0;

	if (!bindings)
		return fail_oom(&job->vp->err);
	for (size_t i = 0; i < job->n; i++) {
		if (job->targets[i].state == TARGET_LEFT)
			continue;
		if (fill_result(job, &job->targets[i], &bindings[n++]) < 0) {
			vfpool_bindings_free(bindings, n);
			return fail_oom(&job->vp->err);
		}
	}
	*ret_bindings = bindings;
	*ret_n = n;
	return 0;
}
