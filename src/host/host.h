/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is: the kernel's PFs and VFs, looked at and changed. */
#ifndef VFPOOL_HOST_H
#define VFPOOL_HOST_H

#include "vfpool.h"

struct error;
struct nlsock;

#define GLANCE_MS 20

struct host {
	int sysfs; /* descriptor of the tree's root */
	struct nlsock *nl;
	const char *run_dir;     /* locks */
	const char *libvirt_run; /* libvirt's run directory */
	const char *proc;        /* /proc */
	unsigned patience;       /* seconds for making VFs, 0: by their number */
	unsigned glances; /* how often a driver that is being tried is waited for, GLANCE_MS each */
	unsigned lock_glances;    /* likewise a PF's lock by who only looks */
	struct vfpool_pci *stuck; /* PFs whose locks were waited for in vain */
	size_t n_stuck;
	long long link_deadline; /* until when a rate waits for its PF's link, in ms of
				  * CLOCK_MONOTONIC; 0: it doesn't */
	vfpool_progress_fn progress;
	void *progress_arg;
	struct error *err;
};

/* Which VFs to look at: these, or the one with that index. */
#define HOST_ALL_VFS (-1)
#define HOST_NO_VFS (-2)

/* Reads every PF; `which` is HOST_ALL_VFS or HOST_NO_VFS. One that can't be looked at is among the inventory's
 * `unread` and keeps no other from being told. */
int host_read_inventory(struct host *host, int which, struct vfpool_inventory **ret_inventory);

/* Fills the PFs' eswitch mode where the kernel tells it. */
void host_read_eswitch(struct vfpool_inventory *inventory);

/* Fills vendor_name and device_name where they are known. */
void host_name_devices(struct vfpool_inventory *inventory);
void host_name_group_devices(struct vfpool_groups *groups);

/* Says why the PF can't be looked at; returns -E_UNREAD. */
int host_fail_unread(struct error *err, const struct vfpool_unread_pf *pf);

/* Reads one PF. VFPOOL_ENOTFOUND: it isn't there, or is no PF; -E_UNREAD: it can't be looked at. A VF that isn't there is just
 * missing from ret_pf->vfs. */
int host_read_pf(struct host *host, const struct vfpool_pci *address, int which,
		 struct vfpool_pf *ret_pf);
void pf_end(struct vfpool_pf *pf);

/* Finds the address of a VF on a PF that need not be sound. Returns false when it isn't there, or the PF can't be told
 * to be the one with the MAC `pf_mac` (NULL: any). */
bool host_find_vf_address(struct host *host, const struct vfpool_pci *pf,
			  const struct vfpool_mac *pf_mac, unsigned vf,
			  struct vfpool_pci *ret_address);

/* Finds the PF of the VF with that address, and its index there. VFPOOL_ENOTFOUND: there
 * is no such device, or it is no VF. */
int host_find_vf(struct host *host, const struct vfpool_pci *vf, struct vfpool_pci *ret_pf,
		 unsigned *ret_index);

/* Finds the VF's index on that PF. -ENOENT: it is none of its. */
int host_vf_index(struct host *host, const struct vfpool_pci *pf, const struct vfpool_pci *vf,
		  unsigned *ret_index);

/* Finds the PCI address of a netdev's device. VFPOOL_ENOTFOUND: there is none. */
int host_netdev_address(struct host *host, const char *netdev, struct vfpool_pci *ret_address);

/* Is that PCI class one of network cards, by the PCI code and ID assignment specification? */
bool is_network_class(unsigned class);

/* Reads any PCI device; device_end() it. VFPOOL_ENOTFOUND: it isn't there. */
int host_read_device(struct host *host, const struct vfpool_pci *address,
		     struct vfpool_device *ret_device);
void device_end(struct vfpool_device *device);

/* Fills the device's `used`, as host_vf_busy() does for a VF; `folder` is its own in sysfs. */
int host_device_use(struct host *host, int folder, struct vfpool_device *device);

/* Read the IOMMU group with that number, and that of a device, which is -1 with the device alone where it has none.
 * group_end() it. */
int host_read_group(struct host *host, int number, struct vfpool_group *ret_group);
int host_read_group_of(struct host *host, const struct vfpool_pci *address,
		       struct vfpool_group *ret_group);
void group_end(struct vfpool_group *group);

/* Has the firmware reserved memory for a device in it? vfio takes none of the group then. */
bool host_group_is_reserved(struct host *host, int number);

/* Reads the groups of those devices, or all groups when n is 0. */
int host_read_groups(struct host *host, const struct vfpool_pci *devices, size_t n,
		     struct vfpool_groups **ret_groups);

/* Fills `obstacle` and `shares_group` of the PF's VFs. */
int host_judge_vfs(struct host *host, struct vfpool_pf *pf);

/* A network card of this host, or another link. */
struct host_link {
	int ifindex;
	char name[16];             /* "?": not told */
	struct vfpool_mac macs[2]; /* that it has, and its permanent one */
	unsigned n_macs;
	bool may_have_vfs;
};

struct host_links {
	struct host_link *list;
	size_t n;
};

/* Finds all links of the host; free() the list. */
int host_links(struct host *host, struct host_links *ret_links);

/* The MAC that is programmed into a VF, on InfiniBand that of which vfpool makes its GUID. */
struct host_vf_mac {
	struct vfpool_mac mac;
	char pf[16];
	bool has_pf_mac;
	struct vfpool_mac pf_mac; /* permanent */
	unsigned vf;
};

struct host_vf_macs {
	struct host_vf_mac *list;
	size_t n;
};

/* Finds the MACs that the links' VFs are programmed with; free() the list. A PF that can't be read is left out:
 * *ret_unread is the last such, NULL: none. */
int host_vf_macs(struct host *host, const struct host_links *links, struct host_vf_macs *ret_macs,
		 const struct host_link **ret_unread);

/* Is the link that of a VF? */
bool host_link_is_vf(struct host *host, const struct host_link *link);

/* Says why nothing on this host is the PF that the definition means; returns that error. */
int host_explain_missing(struct host *host, const struct vfpool_pool_pf *want);

/* Fills the VF's `holder` and `busy`. What can't be known counts as busy. Never
 * opens the device: that would make a guest's own start fail. `folder` is the
 * VF's in sysfs. */
int host_vf_busy(struct host *host, const struct vfpool_pf *pf, int folder, struct vfpool_vf *vf);

/* Looks a second time at a VF of the PF, just before it is changed; *ret_busy is NULL
 * when nobody has it. */
int host_look_again(struct host *host, const struct vfpool_pf *pf, unsigned vf, char **ret_busy);

/* Adds to `busy` who holds a VF through vfio, where it shows. */
void host_name_holders(struct host *host, struct vfpool_pf *pf);

/* Is another program than vfpool taking the PF's VFs away, and not done? *ret_text says so, with the process where
 * that is found, NULL: no; free() it. */
int host_find_remover(struct host *host, const struct vfpool_pf *pf, char **ret_text);

/* Takes the PF's lock, waiting for other processes for a bounded time: -ETIMEDOUT. Once that was in
 * vain, it isn't waited for again with this host. The lock ends with the descriptor. */
int host_lock_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd);
/* Take the lock within a second, or without waiting. -EWOULDBLOCK, without a message: another process has it. */
int host_lock_pf_soon(struct host *host, const struct vfpool_pf *pf, int *ret_fd);
int host_try_lock_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd);

/* Takes the lock for a look during which no vfpool is to work on the PF. *ret_fd stays as it is where none ever had
 * the lock. -EWOULDBLOCK: one has it; -EACCES: it is root's. */
int host_share_pf(struct host *host, const struct vfpool_pf *pf, int *ret_fd);

/* Notes in the lock that this process has it, for those who wait for it. */
int host_sign_lock(int lock);

/*
 * Programs the VFs of `steps` (all of one PF, each with `to`), reads them back
 * and compares. Sets each step's result, text, and what failed, is deferred or
 * unsupported; a VF that someone has taken meanwhile is left alone, its step
 * becomes a refusal. Fails only when the PF can't be asked at all.
 */
int host_program(struct host *host, const struct vfpool_pf *pf, struct vfpool_step **steps,
		 size_t n);

/* Sets the PF's netdev up. */
int host_set_link_up(struct host *host, const struct vfpool_pf *pf);

/* Switches the PF's autoprobe off, so that the kernel gives new VFs no driver. */
int host_autoprobe_off(struct host *host, const struct vfpool_pf *pf);

/* Says that the PFs were just changed: rates wait some seconds for their links, for all PFs together. */
void host_expect_links(struct host *host);

/* Makes `count` VFs, through zero when there are others. Nobody uses any of
 * them: the caller has looked, under the PF's lock, which goes along to the
 * process that may get stuck. */
int host_make_vfs(struct host *host, const struct vfpool_pf *pf, unsigned count, int lock);

/* Binds the device to `driver`, by its override, which stays so; "host": the card's own; "": none. */
int host_bind(struct host *host, const struct vfpool_pci *vf, const char *driver);

/* Binds it likewise, and then its override is `override`, "" for none: as it once was. A VF whose PF has autoprobe
 * off can't get a driver without. */
int host_restore_driver(struct host *host, const struct vfpool_pci *device, const char *driver,
			const char *override);

/* Room for the kernel's name of this boot. */
#define HOST_BOOT_ID 40

/* Reads which boot of the host this is. */
int host_boot_id(struct host *host, char ret_id[HOST_BOOT_ID]);

/* Fills the PF's vf_total_msix and, where that is a number, its VFs' vectors. `locked`: this process
 * has the PF's lock. */
void host_read_vectors(struct host *host, struct vfpool_pf *pf, bool locked);

/* Takes the VF's driver away, gives it that many message vectors and reads them back. It stays
 * without a driver. *ret_verified: it could be read, which takes CAP_SYS_ADMIN. */
int host_set_vectors(struct host *host, const struct vfpool_pci *vf, unsigned count,
		     bool *ret_verified);

/* What of the machine and its system decides whether devices go into guests. */
struct host_platform {
	bool is_intel, is_amd;   /* the processor's maker */
	bool is_x86, has_virt;   /* an x86 one, and does it run guests by itself (vmx, svm)? */
	bool has_dmar, has_ivrs; /* the firmware tells of an IOMMU: Intel's, AMD's table of ACPI */
	unsigned n_iommus, n_groups;
	char *cmdline;         /* the kernel's */
	bool knows_interrupts; /* /proc/interrupts can be read */
	bool remaps_interrupts, allows_unsafe_interrupts;
	bool has_vfio;      /* vfio-pci is loaded, or can be: */
	char *vfio_missing; /* else why not */
	bool selinux_enforces, selinux_denies_sysfs;
	bool has_apparmor;
};

/* Reads the platform, below `root` where it isn't in /proc or sysfs. -ENOMEM is the one way to fail. */
int host_read_platform(struct host *host, const char *root, struct host_platform *ret_platform);
void platform_end(struct host_platform *platform);

/* A process by its name, of which there may be several: the first that is found; 0: none. */
struct host_process {
	int pid;
	char name[32];
	bool may_raise_limits; /* CAP_SYS_RESOURCE */
	bool has_memlock;      /* its limit of locked memory: `memlock` bytes, else none */
	unsigned long long memlock;
	long long started; /* seconds since 1970, 0: not known */
};
/* Finds the first process of root's that has one of the names, which end with NULL. */
void host_find_process(struct host *host, const char *const *names,
		       struct host_process *ret_process);

/* Where a PF's VFs may find no place, had it that many. */
struct host_room {
	unsigned last_bus,
		max_bus; /* the VFs', and the last one that the bridge above lets through; both 0:
				     * not told */
	struct vfpool_pci bridge;
	int window; /* the first of the VFs' BARs that the firmware left without memory, -1: none */
	bool ari;   /* alternative routing: more than 8 functions on its bus */
};
/* Looks for what would be in the way of that many VFs. */
int host_look_for_room(struct host *host, const struct vfpool_pf *pf, unsigned numvfs,
		       struct host_room *ret_room);

/* Checks that there is that driver, or a module of that name which may be loaded; "host" is a device's own. */
int host_check_driver(struct host *host, const char *driver);

/* Checks that there is such a module, below `root`, and that it may be loaded. */
int host_find_module(struct host *host, const char *root, const char *what);

/* A rule that makes the PF's VFs at boot. */
struct host_udev_rule {
	const struct vfpool_pf *pf;
	unsigned numvfs;
};

/* Writes the pool's n rules. -ENOMEM is the one way to fail. */
int host_udev_rules(const char *pool, const struct host_udev_rule *rules, size_t n,
		    char **ret_text);

/* Has udev done with the PF's netdev, so that its name stays? True where nobody can tell. */
bool host_udev_is_done(const struct vfpool_pf *pf);

/* Calls `fn` for each line below `root` by which another program sets the number of VFs of one of
 * these PFs, or their settings; stops at its first error. */
typedef int (*host_maker_fn)(void *arg, const struct vfpool_pf *pf, const char *what,
			     const char *file, unsigned line);
int host_other_makers(const char *root, const struct vfpool_pf *const *pfs, size_t n,
		      host_maker_fn fn, void *arg);

/* Checks that the file is sound to udev, where that can tell. */
int host_udev_verify(struct host *host, const char *file);

/* Tells udevd to read its rules again. */
int host_udev_reload(struct host *host);

#endif
