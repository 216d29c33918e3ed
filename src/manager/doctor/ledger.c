/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfpool itself has written down, and whether it comes back at the next boot. */
#include "manager/doctor/ledger.h"
#include "manager/open_ledger.h"

#include "util/file.h"

#include <string.h>

static int check_ledger(struct doctor *doctor)
{
	struct ledger *ledger = NULL;
	int r = open_ledger(doctor->vp, LEDGER_READ, &ledger);

	if (r == -EACCES)
		return report(doctor, VFPOOL_WARNING, "ask again as root",
			      "who leases what is for root");
	r = r < 0 || !ledger ? r : ledger_check(ledger);
	if (r == -EUCLEAN)
		return report(
			doctor, VFPOOL_FAULT,
			"copy the file away, and put a backup in its place by 'vfpool restore FILE'; "
			"what was leased since, it finds as far as VFs show it, and 'vfpool adopt' as far as guests name it",
			"%s", doctor->vp->err.text);
	if (r < 0)
		return report(doctor, VFPOOL_FAULT, "what it says; the ledger stays where it is",
			      "%s", doctor->vp->err.text);
	if (doctor->vp->doubt.text[0])
		return report(
			doctor, VFPOOL_FAULT,
			"'vfpool restore FILE' puts a backup in its place; 'vfpool --accept-new-ledger apply' goes "
			"on with what is there, and forgets who has what it doesn't know of",
			"%s", doctor->vp->doubt.text);
	if (ledger && !ledger_can_be_written(ledger))
		return report(
			doctor, VFPOOL_FAULT,
			"make room there, or mount it to be written: nothing is lost",
			"it is whole, but its file system is full or read-only: no VF can be leased or given back");
	return report(doctor, VFPOOL_SOUND, NULL, ledger ? "it is whole" : "there is none yet");
}

static int check_lease(struct doctor *doctor, const struct vfpool_lease *lease)
{
	static const struct vfpool_pci none;
	char pf[VFPOOL_PCI_TEXT];

	if (lease->state == VFPOOL_LEASE_PENDING || lease->state == VFPOOL_LEASE_RELEASING)
		return report(doctor, VFPOOL_WARNING, "'vfpool gc', unless it is still at work",
			      "%s nic %u of pool %s: %s was interrupted", lease->owner, lease->nic,
			      lease->pool,
			      lease->state == VFPOOL_LEASE_PENDING ? "an alloc" : "a release");
	vfpool_pci_format(&lease->place.pf, pf);
	if (lease->has_vf && vfpool_pci_equal(&lease->address, &none))
		return report(doctor, VFPOOL_FAULT,
			      "'vfpool apply' makes it; 'vfpool release' gives it up",
			      "%s nic %u of pool %s: its VF %u of the PF at %s isn't there",
			      lease->owner, lease->nic, lease->pool, lease->place.vf, pf);
	return 0;
}

static int check_leases(struct doctor *doctor)
{
	int r = vfpool_leases(doctor->vp, doctor->pool, doctor->inventory, &doctor->leases);

	if (r < 0 || !doctor->leases)
		return report(doctor, VFPOOL_WARNING, "see the check ledger", "they can't be read");
	for (struct vfpool_lease **lease = doctor->leases; r == 0 && *lease; lease++)
		r = check_lease(doctor, *lease);
	return r == 0 && report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL, "each lease has its VF") :
		       r;
}

/* The unit makes and programs them, a rule makes them only. */
static int check_boot(struct doctor *doctor)
{
	struct vfpool *vp = doctor->vp;
	int r = 0;

	if (unit_is_enabled(vp, BOOT_UNIT))
		return report(doctor, VFPOOL_SOUND, NULL, "vfpool.service makes the VFs at boot");
	for (struct vfpool_pool **pool = doctor->pools; r == 0 && *pool; pool++) {
		AUTO_FREE char *rule = format_text("%s/90-vfpool-%s.rules",
						   vp->dirs[VFPOOL_DIR_RULES], (*pool)->name);

		if (!rule)
			return -ENOMEM;
		if (report_is_asked_for(doctor, *pool) && access(rule, F_OK) < 0)
			r = report(doctor, VFPOOL_WARNING, "'systemctl enable vfpool.service'",
				   "nothing makes the VFs of pool %s at boot", (*pool)->name);
	}
	return r == 0 && report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL,
			      *doctor->pools ? "udev's rules make the VFs at boot" :
					       "no pool is defined") :
		       r;
}

const struct check ledger_checks[] = {
	{ "ledger", "the ledger", check_ledger },
	{ "leases", "the leases' VFs", check_leases },
	{ "boot", "vfpool.service, udev's rules", check_boot },
	{ 0 },
};
