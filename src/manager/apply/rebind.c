/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What 'vfpool bind --persist' has bound is bound anew after a reboot: apply's last part. */
#include "manager/apply/rebind.h"
#include "manager/bind/bind.h"
#include "manager/bind/targets.h"
#include "manager/vf.h"

#include "util/name.h"

#include <string.h>

/* Finds where the binding's device is now: VFs are known by PF and index. VFPOOL_ENOTFOUND. */
static int find_place(struct apply *apply, const struct ledger_binding *binding,
		      struct vfpool_pci *ret_address)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	int r;

	if (!binding->pf_id) {
		*ret_address = binding->address;
		return 0;
	}
	r = vf_open_pf(&apply->host, &binding->place, &pf, NULL);
	if (r < 0)
		return r;
	if (pf.n_vfs == 0)
		return fail(&apply->vp->err, -VFPOOL_ENOTFOUND, "VF %u of %s isn't there",
			    binding->place.vf, pf_name(&pf, "its PF"));
	*ret_address = pf.vfs[0].address;
	return 0;
}

static int find_device(struct apply *apply, const struct ledger_binding *binding,
		       struct vfpool_pci *ret_address, struct vfpool_device *device)
{
	int r = find_place(apply, binding, ret_address);

	if (r < 0)
		return r;
	r = host_read_device(&apply->host, ret_address, device);
	if (r < 0)
		return r;
	if (device->vendor != binding->vendor || device->device != binding->device)
		return fail(&apply->vp->err, -VFPOOL_ENOTFOUND,
			    "it is %04x:%04x now, and was %04x:%04x", device->vendor,
			    device->device, binding->vendor, binding->device);
	return 0;
}

static const struct vfpool_pf *find_pf(const struct apply *apply, const struct vfpool_pci *address)
{
	const struct vfpool_pool_pf want = { .by = VFPOOL_PF_BY_ADDRESS, .address = *address };

	return vfpool_find_pf(apply->inventory, &want);
}

/* Adds to the plan what was to be done with the device, and how that went; `r` is bind's. */
static int add_step(struct apply *apply, struct vfpool_plan *plan,
		    const struct ledger_binding *binding, const struct vfpool_device *device, int r)
{
	const struct vfpool_pf alone = { .address = device->address };
	const struct vfpool_pf *pf = device->is_vf ? find_pf(apply, &device->pf) : &alone;
	const bool refused = r == -VFPOOL_EINUSE;
	struct vfpool_step *step = plan_add(plan, refused ? VFPOOL_STEP_REFUSED : VFPOOL_STEP_BIND,
					    pf ? pf : &alone);

	if (!step)
		return fail_oom(&apply->vp->err);
	step->has_vf = device->is_vf;
	step->vf = device->vf;
	if (r < 0 && !refused)
		step->result = VFPOOL_STEP_FAILED;
	else if (r == 0 && !(apply->flags & VFPOOL_APPLY_DRY_RUN))
		step->result = VFPOOL_STEP_DONE;
	step->text = r < 0 ? strdup(apply->vp->err.text) : NULL;
	step->driver_from = strdup(driver_of(device));
	step->driver = strdup(binding->driver);
	return step->driver_from && step->driver && (r == 0 || step->text) ?
		       0 :
		       fail_oom(&apply->vp->err);
}

static int note_missing(struct apply *apply, struct vfpool_plan *plan,
			const struct ledger_binding *binding)
{
	char text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(&binding->address, text);
	return plan_note(
		plan,
		"%s, which is to have the driver %s at each boot: %s; 'vfpool unbind %s' forgets it",
		text, binding->driver, apply->vp->err.text, text);
}

static int bind_one(struct apply *apply, const struct ledger_binding *binding,
		    struct vfpool_plan *plan, bool *ret_missing)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	struct vfpool_binding *bound = NULL;
	struct vfpool_pci address;
	bool changed = false;
	int r = find_device(apply, binding, &address, &device);

	if (r == -VFPOOL_ENOTFOUND) {
		*ret_missing = true;
		return note_missing(apply, plan, binding) < 0 ? fail_oom(&apply->vp->err) : 0;
	}
	if (r < 0)
		return r;
	r = bind_again(apply->vp, &address, binding->driver, apply->flags & VFPOOL_APPLY_DRY_RUN,
		       &bound);
	if (r == 0) {
		changed = bound->changed;
		vfpool_bindings_free(bound, 1);
	}
	return r < 0 || changed ? add_step(apply, plan, binding, &device, r) : 0;
}

int rebind_persistent(struct apply *apply, struct vfpool_plan *plan, bool *ret_missing)
{
	AUTO_FREE struct ledger_binding *bindings = NULL;
	size_t n = 0;
	int r = apply->ledger ? ledger_persistent_bindings(apply->ledger, &bindings, &n) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = bind_one(apply, &bindings[i], plan, ret_missing);
		if (r < 0)
			return r;
	}
	return 0;
}
