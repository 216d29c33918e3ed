/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ordered steps from what is to what should be. */
#include "pool/pool.h"

#include "util/cleanup.h"
#include "util/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vfpool_step *plan_add(struct vfpool_plan *plan, enum vfpool_step_kind kind,
			     const struct vfpool_pf *pf)
{
	struct vfpool_step *step, *grown;
	char address[VFPOOL_PCI_TEXT];

	grown = reallocarray(plan->steps, plan->n_steps + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	plan->steps = grown;
	step = &plan->steps[plan->n_steps];
	vfpool_pci_format(&pf->address, address);
	*step = (struct vfpool_step){ .kind = kind, .pf = pf->address };
	step->pf_name = strdup(pf_name(pf, address));
	if (!step->pf_name)
		return NULL;
	plan->n_steps++;
	return step;
}

int plan_note(struct vfpool_plan *plan, const char *format, ...)
{
	char **grown = reallocarray(plan->notes, plan->n_notes + 1, sizeof(*grown));
	va_list args;
	int n;

	if (!grown)
		return -ENOMEM;
	plan->notes = grown;
	va_start(args, format);
	n = vasprintf(&plan->notes[plan->n_notes], format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	plan->n_notes++;
	return 0;
}

/* Can that setting be told in the step: for want of it, or for the same value? */
static bool takes_setting(const struct vfpool_step *step, enum vfpool_attr attr,
			  const struct vfpool_settings *to)
{
	char has[VFPOOL_SETTING_TEXT], wants[VFPOOL_SETTING_TEXT];

	/* Each VF has a MAC of its own: one is told for all. */
	if (!(step->unsupported & attr) || attr & (VFPOOL_ATTR_MAC | VFPOOL_ATTR_GUID))
		return true;
	vfpool_setting_format(&step->to, attr, has);
	vfpool_setting_format(to, attr, wants);
	return strcmp(has, wants) == 0;
}

static struct vfpool_step *lack_for(struct vfpool_plan *plan, const struct vfpool_pf *pf,
				    enum vfpool_attr attr, const struct vfpool_settings *to)
{
	struct vfpool_step *step;

	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == VFPOOL_STEP_UNSUPPORTED &&
		    vfpool_pci_equal(&plan->steps[i].pf, &pf->address) &&
		    takes_setting(&plan->steps[i], attr, to))
			return &plan->steps[i];
	step = plan_add(plan, VFPOOL_STEP_UNSUPPORTED, pf);
	if (!step)
		return NULL;
	step->result = VFPOOL_STEP_FAILED;
	step->driver = strdup(pf->driver ? pf->driver : "its driver");
	return step->driver ? step : NULL;
}

int plan_lacks(struct vfpool_plan *plan, const struct vfpool_pf *pf, unsigned attrs,
	       const struct vfpool_settings *to)
{
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1) {
		struct vfpool_step *step = attrs & attr ? lack_for(plan, pf, attr, to) : NULL;

		if (!step && attrs & attr)
			return -ENOMEM;
		if (!step || step->unsupported & attr)
			continue;
		step->unsupported |= attr;
		vfpool_setting_copy(&step->to, attr, to);
	}
	return 0;
}

void step_end(struct vfpool_step *step)
{
	free(step->pf_name);
	free(step->driver);
	free(step->driver_from);
	free(step->text);
}

void vfpool_plan_free(struct vfpool_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_steps; i++)
		step_end(&plan->steps[i]);
	for (size_t i = 0; i < plan->n_notes; i++)
		free(plan->notes[i]);
	free(plan->steps);
	free(plan->notes);
	free(plan);
}

static int refuse(struct vfpool_plan *plan, const struct vfpool_pf *pf, int vf, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct vfpool_plan *plan, const struct vfpool_pf *pf, int vf, const char *format,
		  ...)
{
	struct vfpool_step *step = plan_add(plan, VFPOOL_STEP_REFUSED, pf);
	va_list args;
	int n;

	if (!step)
		return -ENOMEM;
	step->has_vf = vf >= 0;
	step->vf = vf >= 0 ? (unsigned)vf : 0;
	va_start(args, format);
	n = vasprintf(&step->text, format, args);
	va_end(args);
	return n < 0 ? -ENOMEM : 0;
}

/* Makes a failure of the step that refuse() has just added, when its `r` says that it could. Returns `r`. */
static int fail_step(struct vfpool_plan *plan, int r)
{
	if (r == 0)
		plan->steps[plan->n_steps - 1].result = VFPOOL_STEP_FAILED;
	return r;
}

/* Returns who has the PF's VFs, "VF 1: leased to web nic 0; VF 3: a guest holds it"; "" for nobody, NULL: out of memory. */
static char *list_holders(const struct vfpool_pf *pf)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *separator = "";

	if (!out)
		return NULL;
	for (size_t i = 0; i < pf->n_vfs; i++) {
		const struct vfpool_vf *vf = &pf->vfs[i];

		if (!vf->owner && !vf->busy)
			continue;
		fprintf(out, "%sVF %u: ", separator, vf->index);
		if (vf->owner)
			fprintf(out, "leased to %s nic %u", vf->owner, vf->nic);
		if (vf->busy)
			fprintf(out, "%s%s", vf->owner ? ", " : "", vf->busy);
		separator = "; ";
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/*
 * Plans another number of VFs than there is; *ret_make: they are made anew. The kernel gets from N to M only through
 * zero, which destroys all of them: never while anyone has one.
 */
static int plan_count(const struct wanted_pf *want, bool *ret_make, struct vfpool_plan *plan)
{
	const struct vfpool_pf *pf = want->pf;
	AUTO_FREE char *holders = NULL;
	struct vfpool_step *step;

	*ret_make = false;
	if (pf->n_vfs == want->numvfs)
		return 0;
	holders = pf->n_vfs > 0 ? list_holders(pf) : strdup("");
	if (!holders)
		return -ENOMEM;
	if (*holders && pf->n_vfs > want->numvfs)
		return refuse(plan, pf, -1,
			      "it has %zu VFs, more than the %u defined; left so while in use: %s",
			      pf->n_vfs, want->numvfs, holders);
	if (*holders)
		return refuse(plan, pf, -1,
			      "it has %zu VFs, the definition wants %u, and making them anew would "
			      "destroy VFs in use: %s",
			      pf->n_vfs, want->numvfs, holders);
	*ret_make = true;
	step = plan_add(plan, VFPOOL_STEP_MAKE_VFS, pf);
	if (!step)
		return -ENOMEM;
	step->count = want->numvfs;
	step->count_from = (unsigned)pf->n_vfs;
	return 0;
}

static int plan_pf(const struct wanted_pf *want, bool *ret_make, struct vfpool_plan *plan)
{
	if (want->up && !want->pf->up && !plan_add(plan, VFPOOL_STEP_UP, want->pf))
		return -ENOMEM;
	if (want->pf->autoprobe && !plan_add(plan, VFPOOL_STEP_AUTOPROBE_OFF, want->pf))
		return -ENOMEM;
	return plan_count(want, ret_make, plan);
}

/* Returns the driver's name, "" for no driver, NULL for "leave it": only the card's own driver is known
 * by the kernel alone. */
static const char *wanted_driver(enum vfpool_driver driver)
{
	switch (driver) {
	case VFPOOL_DRIVER_VFIO:
		return "vfio-pci";
	case VFPOOL_DRIVER_NONE:
		return "";
	case VFPOOL_DRIVER_HOST:
		break;
	}
	return NULL;
}

/* Is `is`, "" for no driver, the wanted one? */
static bool driver_is_wanted(enum vfpool_driver driver, const char *is)
{
	const char *want = wanted_driver(driver);

	return driver_is(is, want ? want : "host");
}

/* Returns what of `want` the PF's driver is known not to have, a set of enum vfpool_attr. VFs that are made anew (NULL) are tried anew. */
static unsigned refused(const struct wanted_vf *want, const struct vfpool_pf *pf,
			const struct vfpool_vf *vf)
{
	return vf ? vfpool_settings_refused(&want->settings, pf->refusals, pf->n_refusals) : 0;
}

char *plan_why_not_bound(const struct vfpool_settings *to, unsigned attrs)
{
	char value[VFPOOL_SETTING_TEXT], *text;
	unsigned attr = 1;

	while (attr < VFPOOL_ATTR_LAST && !(attrs & attr))
		attr <<= 1;
	vfpool_setting_format(to, attr, value);
	if (attr == VFPOOL_ATTR_MAC)
		return strdup("not bound: its MAC isn't set");
	return asprintf(&text, "not bound: its %s isn't set to %s", vfpool_attr_name(attr), value) <
			       0 ?
		       NULL :
		       text;
}

static int plan_program(const struct wanted_vf *want, const struct vfpool_pf *pf,
			const struct vfpool_vf *vf, struct vfpool_plan *plan)
{
	struct vfpool_step *step;
	unsigned differ = want->settings.have;

	if (vf)
		differ = vfpool_settings_to_send(&vf->programmed, &want->settings) &
			 ~refused(want, pf, vf);
	if (!differ)
		return 0;
	step = plan_add(plan, VFPOOL_STEP_PROGRAM, pf);
	if (!step)
		return -ENOMEM;
	step->has_vf = true;
	step->vf = want->index;
	step->to = want->settings;
	step->to.have = differ;
	if (vf)
		step->from = vf->programmed;
	return 0;
}

static bool vectors_differ(const struct wanted_vf *want, const struct vfpool_pf *pf,
			   const struct vfpool_vf *vf)
{
	/* One whose number can't be read keeps its driver: it would lose it at every apply. */
	return want->vectors && pf->vf_total_msix > 0 &&
	       (!vf || (vf->vectors ? vf->vectors != want->vectors : !vf->driver));
}

/* Plans the VF's message vectors, before it is programmed: to some drivers this is a reset of the VF. */
static int plan_vectors(const struct wanted_vf *want, const struct vfpool_pf *pf,
			const struct vfpool_vf *vf, struct vfpool_plan *plan)
{
	struct vfpool_step *step = plan_add(plan, VFPOOL_STEP_VECTORS, pf);

	if (!step)
		return -ENOMEM;
	step->has_vf = true;
	step->vf = want->index;
	step->count = want->vectors;
	step->count_from = vf ? vf->vectors : 0;
	step->driver_from = strdup(vf && vf->driver ? vf->driver : "");
	return step->driver_from ? 0 : -ENOMEM;
}

/* Plans the VF's driver. `is`: the driver that it has by then, "" for none. `lacking`: what it must have, and its card hasn't. */
static int plan_bind(const struct wanted_vf *want, const struct vfpool_pf *pf, const char *is,
		     unsigned lacking, struct vfpool_plan *plan)
{
	const char *driver = wanted_driver(want->driver);
	struct vfpool_step *step;

	if (driver_is_wanted(want->driver, is))
		return 0;
	step = plan_add(plan, VFPOOL_STEP_BIND, pf);
	if (!step)
		return -ENOMEM;
	step->has_vf = true;
	step->vf = want->index;
	step->driver = strdup(driver ? driver : "host");
	step->driver_from = strdup(is);
	if (lacking) {
		step->result = VFPOOL_STEP_FAILED;
		step->text = plan_why_not_bound(&want->settings, lacking);
	}
	return step->driver && step->driver_from && (step->text || !lacking) ? 0 : -ENOMEM;
}

static int plan_busy_settings(const struct wanted_vf *want, const struct vfpool_pf *pf,
			      const struct vfpool_vf *vf, bool live, struct vfpool_plan *plan)
{
	if (live) {
		size_t n = plan->n_steps;
		int r = plan_program(want, pf, vf, plan);

		if (r == 0 && plan->n_steps > n)
			plan->steps[n].live = true;
		return r;
	}
	if (vfpool_settings_differ(&vf->programmed, &want->settings))
		return refuse(plan, pf, (int)vf->index,
			      "its settings differ from the definition and it is in use (%s); "
			      "--live changes them all the same",
			      vf->busy);
	return 0;
}

/* Plans what can be done to a busy VF, which keeps its driver and vectors, and its settings unless `live`. */
static int plan_busy_vf(const struct wanted_vf *want, const struct vfpool_pf *pf,
			const struct vfpool_vf *vf, bool live, struct vfpool_plan *plan)
{
	int r;

	if (want->leave_busy)
		return 0;
	if (!driver_is_wanted(want->driver, vf->driver ? vf->driver : ""))
		return refuse(plan, pf, (int)vf->index, "its driver can't be changed: %s",
			      vf->busy);
	r = plan_busy_settings(want, pf, vf, live, plan);
	if (r < 0 || !vectors_differ(want, pf, vf))
		return r;
	return refuse(
		plan, pf, (int)vf->index,
		"it has %u message vectors instead of %u, which can't be changed while it is in "
		"use: %s",
		vf->vectors, want->vectors, vf->busy);
}

static int plan_vf(const struct wanted_vf *want, const struct vfpool_pf *pf, bool make, bool live,
		   struct vfpool_plan *plan)
{
	const struct vfpool_vf *vf = make ? NULL : vfpool_find_vf(pf, want->index);
	const char *driver = vf && vf->driver ? vf->driver : "";
	const unsigned lacking = refused(want, pf, vf) & want->settings.must;
	int r;

	if (want->refused)
		return fail_step(plan, refuse(plan, pf, (int)want->index, "%s", want->refused));
	if (!vf && !make)
		return 0; /* plan_count() has said why it isn't there */
	if (vf && vf->busy)
		return plan_busy_vf(want, pf, vf, live, plan);
	if (vectors_differ(want, pf, vf)) {
		r = plan_vectors(want, pf, vf, plan);
		if (r < 0)
			return r;
		driver = ""; /* the kernel takes them only so */
	}
	r = plan_program(want, pf, vf, plan);
	return r < 0 ? r : plan_bind(want, pf, driver, lacking, plan);
}

/* Adds to the plan what an earlier apply was refused, and no look at the VFs shows. */
static int plan_refused(const struct wanted *wanted, const struct vfpool_pf *pf, bool make,
			struct vfpool_plan *plan)
{
	for (size_t i = 0; pf->n_refusals > 0 && !make && i < wanted->n_vfs; i++) {
		const struct wanted_vf *want = &wanted->vfs[i];
		const struct vfpool_vf *vf = NULL;
		int r;

		if (vfpool_pci_equal(&want->pf, &pf->address))
			vf = vfpool_find_vf(pf, want->index);
		if (!vf || (vf->busy && want->leave_busy))
			continue;
		r = plan_lacks(plan, pf, refused(want, pf, vf), &want->settings);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Returns what of `want` was asked for, is set already as far as one can tell, and is never reported. */
static unsigned unchecked(const struct wanted_vf *want, const struct vfpool_vf *vf)
{
	struct vfpool_settings nothing = vf->programmed;

	/* One setting that differs makes the others be sent along. */
	nothing.mac.byte[0] ^= 1;
	return vfpool_settings_to_send(&nothing, &want->settings) & ~vf->programmed.have;
}

static int note_unchecked(const struct wanted *wanted, const struct vfpool_pf *pf,
			  struct vfpool_plan *plan)
{
	unsigned attrs = 0;
	int r = 0;

	for (size_t i = 0; i < wanted->n_vfs; i++) {
		const struct vfpool_vf *vf = NULL;

		if (vfpool_pci_equal(&wanted->vfs[i].pf, &pf->address))
			vf = vfpool_find_vf(pf, wanted->vfs[i].index);
		if (vf && vf->programmed.have)
			attrs |= unchecked(&wanted->vfs[i], vf);
	}
	for (unsigned attr = 1; r == 0 && attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (attrs & attr)
			r = plan_note(plan,
				      "%s doesn't report %s, so what its VFs have can't be checked",
				      pf_name(pf, "a PF"), vfpool_attr_name(attr));
	return r;
}

/* Notes that the PF, which has steps, is down. Cards differ in what they take then: bnxt nothing, igb no rate, others accept
 * and do nothing. */
static int note_down(const struct wanted_pf *want, size_t n_before, struct vfpool_plan *plan)
{
	if (want->pf->up || want->up || plan->n_steps == n_before)
		return 0;
	return plan_note(plan,
			 "%s is down, and its driver may refuse or ignore settings then; up='yes' "
			 "in the definition or --up brings it up",
			 pf_name(want->pf, "a PF"));
}

/* Says once for a PF that its VFs' message vectors can't be set, or not be read. Their other settings don't depend on it. */
static int refuse_vectors(const struct wanted *wanted, const struct vfpool_pf *pf,
			  struct vfpool_plan *plan)
{
	bool any = false;
	int r;

	for (size_t i = 0; i < wanted->n_vfs; i++)
		any = any || (wanted->vfs[i].vectors &&
			      vfpool_pci_equal(&wanted->vfs[i].pf, &pf->address));
	if (any && pf->vf_total_msix > 0 && pf->n_vfs > 0 && !pf->vfs[0].vectors &&
	    pf->vfs[0].driver)
		return plan_note(
			plan,
			"how many message vectors the VFs of %s have can't be read, which takes CAP_SYS_ADMIN; they "
			"are left as they are",
			pf_name(pf, "a PF"));
	if (!any || pf->vf_total_msix > 0)
		return 0;
	if (pf->vf_total_msix < 0)
		return plan_note(
			plan,
			"another vfpool is at work on %s, so its VFs' message vectors aren't "
			"known",
			pf_name(pf, "a PF"));
	r = refuse(plan, pf, -1,
		   "%s gives its VFs a fixed number of message vectors (sriov_vf_total_msix is 0 "
		   "or isn't there)",
		   pf->driver ? pf->driver : "its driver");
	return fail_step(plan, r);
}

static bool is_switchdev(const struct vfpool_pf *pf)
{
	return pf->eswitch && strcmp(pf->eswitch, "switchdev") == 0;
}

/* Plans the i-th PF and its VFs. */
static int plan_pf_and_vfs(const struct wanted *wanted, size_t i, bool live,
			   struct vfpool_plan *plan)
{
	const struct vfpool_pf *pf = wanted->pfs[i].pf;
	const size_t n_before = plan->n_steps;
	bool make;
	int r;

	if (is_switchdev(pf))
		return fail_step(
			plan,
			refuse(plan, pf, -1,
			       "it is in switchdev mode, where a VF's settings belong to its "
			       "representor; vfpool programs PFs in legacy mode ('devlink dev eswitch "
			       "set' changes it)"));
	r = plan_pf(&wanted->pfs[i], &make, plan);
	if (r < 0)
		return r;
	for (size_t j = 0; j < wanted->n_vfs; j++) {
		if (!vfpool_pci_equal(&wanted->vfs[j].pf, &pf->address))
			continue;
		r = plan_vf(&wanted->vfs[j], pf, make, live, plan);
		if (r < 0)
			return r;
	}
	r = plan_refused(wanted, pf, make, plan);
	if (r < 0)
		return r;
	r = note_down(&wanted->pfs[i], n_before, plan);
	if (r < 0)
		return r;
	r = refuse_vectors(wanted, pf, plan);
	return r < 0 ? r : note_unchecked(wanted, pf, plan);
}

int plan_make(const struct wanted *wanted, bool live, struct vfpool_plan *plan)
{
	for (size_t i = 0; i < wanted->n_pfs; i++) {
		int r = plan_pf_and_vfs(wanted, i, live, plan);

		if (r < 0)
			return r;
	}
	return 0;
}
