/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt: its daemon, settings, hooks and networks; a guest. */
#include "manager/doctor/libvirt.h"
#include "manager/guests/call.h"
#include "manager/network_file.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Without libvirt there is nothing to look at. */
static bool skip(struct doctor *doctor, int *ret)
{
	*ret = 0;
	if (doctor->has_libvirt || doctor->guests_known)
		return false;
	*ret = report(doctor, VFPOOL_SOUND, NULL, "libvirt isn't installed");
	return true;
}

static int check_daemon(struct doctor *doctor)
{
	struct vfpool *vp = doctor->vp;
	const char *unit = report_libvirt_unit(doctor);
	AUTO_FREE char *remedy = NULL;
	unsigned devices = 0;
	int r;

	if (skip(doctor, &r))
		return r;
	remedy = format_text("'systemctl enable --now %s.socket'%s", unit,
			     strcmp(unit, "virtqemud") == 0 ?
				     ", and virtnodedevd.socket and virtnetworkd.socket" :
				     "");
	if (!remedy)
		return -ENOMEM;
	if (!doctor->guests_known)
		return report(doctor, VFPOOL_FAULT, remedy, "%s", doctor->guests_error.text);
	r = guest_count_devices(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &devices, &vp->err);
	if (r < 0)
		return report(doctor, VFPOOL_FAULT, remedy, "%s", vp->err.text);
	if (devices == 0)
		return report(doctor, VFPOOL_WARNING, remedy,
			      "its node device driver knows of no PCI device");
	return report(doctor, VFPOOL_SOUND, NULL, "it answers, and knows of %u PCI devices",
		      devices);
}

static int check_conf(struct doctor *doctor)
{
	AUTO_FREE char *path = format_text("%s/etc/libvirt/qemu.conf",
					   doctor->vp->dirs[VFPOOL_DIR_ROOT]);
	struct guest_qemu_conf conf;
	AUTO_FREE char *user = NULL;
	int r;

	if (skip(doctor, &r))
		return r;
	if (!path || guest_read_qemu_conf(path, &conf) < 0)
		return -ENOMEM;
	user = conf.user;
	if (conf.has_acl && !conf.acl_has_vfio)
		r = report(
			doctor, VFPOOL_WARNING,
			"put \"/dev/vfio/vfio\" into it, and restart libvirt's daemon",
			"cgroup_device_acl lacks /dev/vfio/vfio: a guest with a VF may not start (Operation not permitted)");
	if (r < 0)
		return r;
	if (conf.keeps_owners)
		r = report(
			doctor, VFPOOL_FAULT, "dynamic_ownership = 1, and restart libvirt's daemon",
			"dynamic_ownership is 0 and QEMU runs as %s, to whom nobody gives /dev/vfio/N",
			user ? user : "libvirt's own user");
	if (r < 0 || !report_found_nothing(doctor))
		return r;
	return report(doctor, VFPOOL_SOUND, NULL, "nothing in it keeps VFs from guests%s",
		      conf.relaxed_acs ? "; relaxed_acs_check has no effect with vfio" : "");
}

static int check_memlock(struct doctor *doctor)
{
	const struct host_process *daemon = &doctor->daemon;
	AUTO_FREE char *remedy = NULL;
	int r;

	if (skip(doctor, &r))
		return r;
	if (!daemon->pid)
		return report(
			doctor, VFPOOL_SOUND, NULL,
			"libvirt's daemon doesn't run now: systemd starts it when it is asked");
	if (daemon->may_raise_limits || !daemon->has_memlock)
		return report(doctor, VFPOOL_SOUND, NULL,
			      "%s raises it for a guest with a VF, whose memory is locked",
			      daemon->name);
	remedy = format_text(
		"'systemctl edit %s', with LimitMEMLOCK=infinity below [Service], and restart it",
		daemon->name);
	return remedy ?
		       report(doctor, VFPOOL_FAULT, remedy,
			      "%s (process %d) may lock %llu KiB and not raise that, and a guest with a VF locks all of its memory",
			      daemon->name, daemon->pid, daemon->memlock / 1024) :
		       -ENOMEM;
}

/* When the folder was made, in seconds since 1970; 0: the file system doesn't know. */
static long long made_at(const char *folder)
{
	struct statx is;

	return statx(AT_FDCWD, folder, 0, STATX_BTIME, &is) == 0 && (is.stx_mask & STATX_BTIME) ?
		       is.stx_btime.tv_sec :
		       0;
}

/* libvirt looks for folders with hooks when it starts. */
static int check_hook(struct doctor *doctor, const char *driver)
{
	AUTO_FREE char *folder = format_text("%s/%s.d", doctor->vp->dirs[VFPOOL_DIR_HOOKS], driver);
	AUTO_FREE char *path = folder ? format_text("%s/vfpool", folder) : NULL;
	AUTO_FREE char *remedy = format_text("'systemctl restart %s'", report_libvirt_unit(doctor));
	AUTO_FREE char *chmod = path ? format_text("'chmod 755 %s'", path) : NULL;

	if (!path || !remedy || !chmod)
		return -ENOMEM;
	if (access(path, F_OK) == 0 && access(path, X_OK) < 0)
		return report(doctor, VFPOOL_WARNING, chmod,
			      "%s isn't executable, so libvirt doesn't call it: %s", path,
			      strcmp(driver, "qemu") == 0 ?
				      "a guest may start with a VF that is leased to another" :
				      "which guests are on its networks isn't seen");
	if (access(path, X_OK) < 0)
		return report(
			doctor, VFPOOL_WARNING,
			"'make install' in vfpool's sources puts it there; then restart libvirt's daemon",
			"%s isn't there: %s", path,
			strcmp(driver, "qemu") == 0 ?
				"a guest may start with a VF that is leased to another" :
				"which guests are on its networks isn't seen");
	if (doctor->daemon.pid && doctor->daemon.started &&
	    made_at(folder) > doctor->daemon.started + 1)
		return report(doctor, VFPOOL_WARNING, remedy,
			      "%s came after %s had started, which doesn't know of it", folder,
			      doctor->daemon.name);
	return 0;
}

/* The last call of the hook that was let go on without having done its work, since the host has booted. */
static int check_hook_failure(struct doctor *doctor)
{
	AUTO_FREE char *path = call_failure_path(doctor->vp), *text = NULL, *remedy = NULL;
	char at[40] = "once";
	struct error ignored;
	struct tm local;
	long long when;
	int rest = 0;
	time_t seconds;

	if (!path)
		return -ENOMEM;
	if (read_file(path, 4096, &text, NULL, &ignored) < 0)
		return 0;
	make_printable(text);
	text[strlen(text) - (*text != '\0')] = '\0'; /* its line's end */
	if (sscanf(text, "%lld %n", &when, &rest) == 1) {
		seconds = (time_t)when;
		if (localtime_r(&seconds, &local))
			strftime(at, sizeof(at), "at %Y-%m-%d %H:%M:%S", &local);
	}
	remedy = format_text(
		"mend what it says; 'vfpool doctor --guest' looks at the guest that it was about, and 'rm %s' ends this "
		"warning",
		path);
	return remedy ? report(doctor, VFPOOL_WARNING, remedy,
			       "%s the hook let libvirt go on without having done its work: %s", at,
			       text + rest) :
			-ENOMEM;
}

static int check_hooks(struct doctor *doctor)
{
	int r;

	if (skip(doctor, &r))
		return r;
	r = check_hook(doctor, "qemu");
	if (r < 0)
		return r;
	r = check_hook(doctor, "network");
	if (r < 0)
		return r;
	r = check_hook_failure(doctor);
	if (r < 0)
		return r;
	return report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL, "vfpool's are there") :
		       0;
}

/* A guest that runs has its VFs on vfio. When libvirt refuses to start one because of an unmanaged device on
 * its host's driver, its file stays, and the VF counts as in use. */
static int check_leftovers(struct doctor *doctor)
{
	int r = 0;

	for (size_t i = 0; i < doctor->inventory->n_pfs; i++)
		for (size_t j = 0; r == 0 && j < doctor->inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_pf *pf = &doctor->inventory->pfs[i];
			const struct vfpool_vf *vf = &pf->vfs[j];
			AUTO_FREE char *remedy = NULL;

			if (vf->holder != VFPOOL_HELD_BY_LIBVIRT || !vf->driver ||
			    driver_is_vfio(vf->driver))
				continue;
			remedy = format_text(
				"'rm %s/hostdevmgr/%s_vf%u', unless a guest with it is just starting",
				doctor->vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], pf->netdev, vf->index);
			if (!remedy)
				return -ENOMEM;
			r = report(
				doctor, VFPOOL_WARNING, remedy,
				"libvirt's file says that a guest has VF %u of %s, which is on %s: left "
				"from a start that failed",
				vf->index, pf->netdev, vf->driver);
		}
	return r == 0 && report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL, "none of a VF that no guest has") :
		       r;
}

/* ---- networks ---- */

static int check_pool_network(struct doctor *doctor, const struct vfpool_pool *pool)
{
	AUTO_FREE char *is = NULL, *wanted = NULL, *remedy = NULL, *what = NULL;
	enum guest_network_kind kind;
	int r;

	if (pool->allocate != VFPOOL_BY_LIBVIRT || !report_is_asked_for(doctor, pool))
		return 0;
	remedy = format_text("'vfpool network %s --define --start'", pool->name);
	if (!remedy)
		return -ENOMEM;
	r = vfpool_network_compare(doctor->vp, pool->name, NULL, &is, &wanted);
	if (r == -VFPOOL_EINUSE)
		return report(doctor, VFPOOL_FAULT, NULL, "pool %s: %s", pool->name,
			      doctor->vp->err.text);
	if (r < 0)
		return report(doctor, VFPOOL_WARNING, remedy, "pool %s: %s", pool->name,
			      doctor->vp->err.text);
	if (!is)
		return report(doctor, VFPOOL_FAULT, remedy, "pool %s: libvirt has no network %s",
			      pool->name, pool->network);
	if (strcmp(is, wanted) == 0)
		return 0;
	if (network_file_look(doctor->vp, pool, &kind, &what) == 0 && kind == GUEST_NETWORK_HOSTDEV)
		return report(doctor, VFPOOL_WARNING,
			      GUEST_OTHER_NAME
			      "; 'vfpool network' with --define --force takes this one",
			      "pool %s: libvirt's network %s isn't vfpool's (%s)", pool->name,
			      pool->network, what);
	return report(doctor, VFPOOL_WARNING, remedy,
		      "pool %s: libvirt's network %s has other VFs than the pool ('vfpool network "
		      "%s --diff')",
		      pool->name, pool->network, pool->name);
}

/* A network of anybody's whose PF has no VFs. */
static int check_network_file(struct doctor *doctor, const char *path)
{
	AUTO_FREE char *xml = NULL, *dev = NULL;
	const char *name = strrchr(path, '/') + 1;
	const int length = (int)(strlen(name) - strlen(".xml"));
	struct error ignored;

	if (read_file(path, 1024 * 1024, &xml, NULL, &ignored) < 0 ||
	    guest_network_pf(xml, &dev) < 0 || !dev)
		return 0;
	for (size_t i = 0; i < doctor->inventory->n_pfs; i++) {
		const struct vfpool_pf *pf = &doctor->inventory->pfs[i];

		if (pf->netdev && strcmp(pf->netdev, dev) == 0 && pf->n_vfs > 0)
			return 0;
	}
	return report(
		doctor, VFPOOL_FAULT,
		"make its VFs ('vfpool apply' when it is a pool's), or 'virsh net-undefine' it",
		"libvirt's network %.*s is on %s, which has no VFs (No usable Vf's present)",
		length, name, dev);
}

static int check_networks(struct doctor *doctor)
{
	AUTO_FREE char *pattern = format_text("%s/*.xml", doctor->vp->dirs[VFPOOL_DIR_NETWORKS]);
	glob_t found = { .gl_pathc = 0 };
	int r;

	if (skip(doctor, &r))
		return r;
	if (!pattern)
		return -ENOMEM;
	for (struct vfpool_pool **pool = doctor->pools; r == 0 && doctor->guests_known && *pool;
	     pool++)
		r = check_pool_network(doctor, *pool);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
			r = check_network_file(doctor, found.gl_pathv[i]);
	globfree(&found);
	return r == 0 && report_found_nothing(doctor) ?
		       report(doctor, VFPOOL_SOUND, NULL, "no network lacks its VFs") :
		       r;
}

/* ---- a guest ---- */

static int check_lease_of(struct doctor *doctor, const struct vfpool_vf *vf, const char *address,
			  const char *guest)
{
	if (!vf->owner)
		return report(doctor, VFPOOL_WARNING, "'vfpool adopt' records it",
			      "it has %s, a VF of pool %s that is leased to nobody", address,
			      vf->pool);
	return strcmp(vf->owner, guest) == 0 ?
		       0 :
		       report(doctor, VFPOOL_FAULT,
			      "'vfpool rename', if that is the same guest; else take the VF out of its definition",
			      "it has %s, which is leased to %s", address, vf->owner);
}

static int check_vf(struct doctor *doctor, const struct vfpool_device *device, const char *address,
		    const char *guest)
{
	const struct vfpool_pool_pf by_address = { .by = VFPOOL_PF_BY_ADDRESS,
						   .address = device->pf };
	const struct vfpool_pf *pf = vfpool_find_pf(doctor->inventory, &by_address);
	const struct vfpool_vf *vf = pf ? vfpool_find_vf(pf, device->vf) : NULL;
	int r = 0;

	if (!vf)
		return 0;
	if (pf->netdev && !pf->up)
		r = report(doctor, VFPOOL_FAULT, "bring the PF up",
			   "it has %s, whose PF %s is down (not online)", address, pf->netdev);
	return r == 0 && vf->pool ? check_lease_of(doctor, vf, address, guest) : r;
}

/* Is the whole group on vfio-pci, or without drivers, but for this device, which libvirt may bind? */
static int check_group(struct doctor *doctor, const struct vfpool_device *device,
		       const char *address)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	char other[VFPOOL_PCI_TEXT];
	int r = host_read_group_of(&doctor->host, &device->address, &group);

	if (r < 0)
		return report(doctor, VFPOOL_WARNING, NULL, "%s", doctor->vp->err.text);
	if (group.number < 0)
		return report(doctor, VFPOOL_FAULT, "what the first checks say",
			      "it has %s, which is in no IOMMU group", address);
	for (size_t i = 0; i < group.n_devices; i++) {
		if (!group.devices[i].is_in_the_way ||
		    vfpool_pci_equal(&group.devices[i].address, &device->address))
			continue;
		vfpool_pci_format(&group.devices[i].address, other);
		return report(doctor, VFPOOL_FAULT,
			      "'vfpool iommu' shows the group; a VF of another card may do",
			      "it has %s, with %s (%s) in its IOMMU group %d", address, other,
			      group.devices[i].driver, group.number);
	}
	return 0;
}

/* An interface of the guest, or a plain device, which is there. */
static int check_device(struct doctor *doctor, const struct guest_nic *nic,
			const struct vfpool_device *device, const char *address,
			const struct guest *guest)
{
	AUTO_FREE char *remedy = format_text("'vfpool bind %s', or managed='yes' in its definition",
					     address);
	int r = 0;

	if (!remedy)
		return -ENOMEM;
	if (nic->is_unmanaged && !(device->driver && driver_is_vfio(device->driver)))
		r = report(
			doctor, VFPOOL_FAULT, remedy,
			"it has %s unmanaged, which isn't on vfio-pci (must be manually detached)",
			address);
	if (r < 0)
		return r;
	if (device->used && !guest->is_running)
		r = report(doctor, VFPOOL_FAULT, "end what uses it",
			   "it is off, and %s is in use: %s", address, device->used);
	if (r < 0)
		return r;
	r = check_group(doctor, device, address);
	if (r < 0)
		return r;
	return device->is_vf ? check_vf(doctor, device, address, guest->name) : 0;
}

/* NULL: none, or the ledger, which has a check of its own, doesn't say. */
static struct vfpool_lease *lease_of_mac(struct doctor *doctor, const struct vfpool_mac *mac)
{
	struct vfpool_lease *lease = NULL;
	struct ledger *ledger = NULL;

	if (open_ledger(doctor->vp, LEDGER_READ, &ledger) < 0 || !ledger ||
	    ledger_find_mac(ledger, mac, &lease) < 0)
		return NULL;
	return lease;
}

/* A transient guest's definition is of its one start, which is over. */
static bool has_next_start(const struct doctor *doctor, const struct guest *guest,
			   const struct vfpool_mac *mac)
{
	for (size_t i = 0; i < doctor->guests.n; i++) {
		const struct guest *is = &doctor->guests.list[i];

		if (strcmp(is->uuid, guest->uuid) != 0)
			continue;
		for (size_t j = 0; j < is->n_nics; j++)
			if (is->nics[j].has_mac && vfpool_mac_equal(&is->nics[j].mac, mac) &&
			    is->nics[j].next_vlan >= 0)
				return true;
		return false;
	}
	return true;
}

static int check_vlan(struct doctor *doctor, const struct guest_nic *nic, const struct guest *guest)
{
	CLEANUP(cleanup_lease)
	struct vfpool_lease *lease = nic->has_mac ? lease_of_mac(doctor, &nic->mac) : NULL;
	char vlans[VLANS_TEXT], word[SHELL_WORD_MAX];
	AUTO_FREE char *remedy = format_text("'vfpool attach --refresh %s'",
					     name_for_shell(guest->name, word));

	if (!remedy)
		return -ENOMEM;
	for (struct vfpool_pool **pool = doctor->pools; lease && *pool; pool++)
		if (strcmp((*pool)->name, lease->pool) == 0 &&
		    vf_vlan_is_stale(*pool, lease, nic->vlan, vlans) &&
		    has_next_start(doctor, guest, &nic->mac))
			return report(doctor, VFPOOL_FAULT, remedy,
				      "its definition says %s, of pool %s", vlans, lease->pool);
	return 0;
}

static int check_nic(struct doctor *doctor, const struct guest_nic *nic, const struct guest *guest)
{
	CLEANUP(device_end) struct vfpool_device device = { 0 };
	char address[VFPOOL_PCI_TEXT];
	int r;

	if (!nic->has_address)
		return 0;
	r = check_vlan(doctor, nic, guest);
	if (r < 0)
		return r;
	vfpool_pci_format(&nic->address, address);
	r = host_read_device(&doctor->host, &nic->address, &device);
	if (r == -VFPOOL_ENOTFOUND)
		return report(
			doctor, VFPOOL_FAULT,
			"'vfpool apply' makes VFs; 'vfpool attach --refresh' mends addresses that changed",
			"it has %s, which this host doesn't have", address);
	return r < 0 ? report(doctor, VFPOOL_WARNING, NULL, "%s", doctor->vp->err.text) :
		       check_device(doctor, nic, &device, address, guest);
}

/* QEMU has memory of its own, which is locked as well. */
static int check_limit(struct doctor *doctor, const struct guest *guest)
{
	if (!guest->hard_limit || guest->n_nics == 0 ||
	    guest->hard_limit > guest->memory + 1024 * 1024)
		return 0;
	return report(
		doctor, guest->hard_limit <= guest->memory ? VFPOOL_FAULT : VFPOOL_WARNING,
		"take <hard_limit> out of <memtune>, or raise it to 1 GiB above its memory",
		"its hard_limit of %llu KiB leaves little beside its %llu KiB of memory, all of which a VF has locked",
		guest->hard_limit, guest->memory);
}

static int look_at_guest(struct doctor *doctor, struct guest *guest)
{
	struct vfpool *vp = doctor->vp;
	AUTO_FREE char *xml = NULL;
	int r = guest_ask(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], guest_definition,
			  doctor->guest, &xml, &vp->err);

	if (r < 0)
		return r;
	r = xml ? guest_read_domain(xml, guest) : -EBADMSG;
	if (r == -EBADMSG || (r == 0 && !guest->name))
		return fail(&vp->err, -EBADMSG, "what libvirt says of guest %s can't be understood",
			    doctor->guest);
	for (size_t i = 0; i < doctor->guests.n; i++)
		if (strcmp(doctor->guests.list[i].uuid, guest->uuid) == 0)
			guest->is_running = doctor->guests.list[i].is_running;
	return r;
}

static int check_guest(struct doctor *doctor)
{
	CLEANUP(guest_end) struct guest guest = { .name = NULL };
	int r;

	if (!doctor->guest)
		return 0;
	if (!doctor->guests_known)
		return report(doctor, VFPOOL_FAULT, "see the check libvirt",
			      "libvirt doesn't answer, so %s can't be looked at", doctor->guest);
	r = look_at_guest(doctor, &guest);
	if (r == -VFPOOL_ENOTFOUND || r == -ENOMEM)
		return r;
	if (r < 0)
		return report(doctor, VFPOOL_FAULT, "see the check libvirt", "%s",
			      doctor->vp->err.text);
	for (size_t i = 0; i < guest.n_nics; i++) {
		r = check_nic(doctor, &guest.nics[i], &guest);
		if (r < 0)
			return r;
	}
	r = check_limit(doctor, &guest);
	if (r < 0 || !report_found_nothing(doctor))
		return r;
	return report(doctor, VFPOOL_SOUND, NULL,
		      "nothing in the definition of %s keeps VFs from it", guest.name);
}

const struct check libvirt_checks[] = {
	{ "libvirt", "libvirt's daemon and its node device driver", check_daemon },
	{ "qemu.conf", "/etc/libvirt/qemu.conf", check_conf },
	{ "memory-lock", "the limit of locked memory of libvirt's daemon", check_memlock },
	{ "hooks", "libvirt's hooks", check_hooks },
	{ "leftovers", "libvirt's files of VFs in its run directory", check_leftovers },
	{ "networks", "libvirt's networks", check_networks },
	{ "guest", "the guest's definition", check_guest },
	{ 0 },
};
