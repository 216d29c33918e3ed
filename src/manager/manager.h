/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the operations share. The manager is the only room that knows the
 * others: it asks them, lets pool/ decide, and carries it out. */
#ifndef VFPOOL_MANAGER_H
#define VFPOOL_MANAGER_H

#include "guest/guest.h"
#include "host/host.h"
#include "ledger/ledger.h"
#include "pool/pool.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "vfpool.h"

struct vfpool {
	struct error err;
	char *dirs[VFPOOL_N_DIRS];
	char *uri;
	char *command; /* for the history */
	vfpool_progress_fn progress;
	void *progress_arg;
	vfpool_note_fn note;
	void *note_arg;
	struct ledger *ledger; /* NULL: not open yet */
	bool accept_ledger;    /* whichever it is */
	bool ledger_is_judged;
	bool ledger_is_proven; /* it is worth a stamp that there is none of yet */
	bool doubt_is_told;
	bool pending_is_told; /* changes of definitions that can't be finished */
	struct error doubt;   /* why it isn't the one by which the VFs are given out, "": it is */
};

DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);
DEFINE_CLEANUP(struct vfpool_pool **, cleanup_pools, vfpool_pools_free);
DEFINE_CLEANUP(struct vfpool_inventory *, cleanup_inventory, vfpool_inventory_free);
DEFINE_CLEANUP(struct vfpool_plan *, cleanup_plan, vfpool_plan_free);
DEFINE_CLEANUP(struct vfpool_lease *, cleanup_lease, vfpool_lease_free);
DEFINE_CLEANUP(struct vfpool_lease **, cleanup_leases, vfpool_leases_free);
DEFINE_CLEANUP(struct vfpool_findings *, cleanup_findings, vfpool_findings_free);
/* A ledger in a variable with this loses what wasn't committed at the scope's end. */
DEFINE_CLEANUP(struct ledger *, rollback, ledger_rollback);

/* The ledger, which stays open in the context. LEDGER_READ and LEDGER_CHANGE: NULL when there is
 * none yet. */
int open_ledger(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger);

/* Is that ledger (NULL: there is none) the one by which this host's VFs are given out? Fills vp->doubt. */
int judge_ledger(struct vfpool *vp, struct ledger *ledger);
/* Who only reads is told of it, once. */
void tell_doubt(struct vfpool *vp);

/* In its place, a copy in memory, where the ledger's file system takes no more: its changes are lost, so that
 * whoever asks for it drops it in the end. NULL: there is no ledger yet. */
int copy_ledger(struct vfpool *vp, struct ledger **ret_ledger);
void drop_ledger(struct vfpool *vp);

/* Did open_ledger() fail for a reason that leaves the rest of the host to look at? */
bool ledger_is_out_of_reach(int r);

/* Tells the caller's function for notes, if there is one. */
void note(struct vfpool *vp, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The host behind the context; end it with host_end(). */
int open_host(struct vfpool *vp, struct host *ret_host);
void host_end(struct host *host);
#define AUTO_HOST CLEANUP(host_end)
#define NO_HOST             \
	{                   \
		.sysfs = -1 \
	}

/* Changing the host takes root; one clear line instead of ten from below. */
int check_root(struct vfpool *vp, const char *doing);

/* Can that be an owner's name? -EINVAL. */
int check_owner(struct vfpool *vp, const char *owner);

/* The definition of that name. VFPOOL_ENOTFOUND. */
int load_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool);

/* Where the pool's definition is; free() it, found or not. VFPOOL_ENOTFOUND:
 * there is none. */
int find_pool_path(struct vfpool *vp, const char *name, char **ret_path);

/* A definition from the file that a person names, with its text. */
int load_pool_file(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
		   char **ret_text, size_t *ret_size);

/* All definitions but those of these names, in an array with room for these;
 * it ends with NULL. */
int load_others(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
		struct vfpool_pool ***ret_pools, size_t *ret_n);

struct definition_text {
	const char *name, *text;
	size_t size;
	mode_t mode;
};

/* What is to become of definitions, all of it or nothing. */
struct definition_changes {
	const char *from,
		*to; /* a pool's new name, in the ledger too: then its definition goes; or NULL */
	struct definition_text *stored;
	size_t n;
};

/* Does it, whenever it is killed: what was begun is finished by settle_definitions(). `ledger` is from hold_definitions(),
 * whose transaction ends where a pool gets a new name. */
int change_definitions(struct vfpool *vp, struct ledger *ledger,
		       const struct definition_changes *changes);

/* The ledger (NULL: there is none, and `mode` makes none) in a transaction, in which nobody else changes definitions and
 * nothing is left of earlier changes. */
int hold_definitions(struct vfpool *vp, enum ledger_mode mode, struct ledger **ret_ledger);

/* Before definitions are read: finishes what was begun. False: that isn't for this process to do, or fails, as is
 * told in a note. */
bool settle_definitions(struct vfpool *vp);

/* Is that, to the byte, the pool's definition? */
bool definition_is(const struct vfpool *vp, const char *name, const char *text, size_t size);

/* The pools' <pf>s with the PFs they mean; free() *ret_uses. */
int resolve_uses(struct vfpool *vp, struct vfpool_pool *const *pools,
		 const struct vfpool_inventory *inventory, struct pool_use **ret_uses,
		 size_t *ret_n);

/* All definitions but those that are broken. */
int load_sound(struct vfpool *vp, struct vfpool_pool ***ret_pools);
/* Likewise, each of those told in a note, and counted. */
int load_telling(struct vfpool *vp, struct vfpool_pool ***ret_pools, unsigned *ret_broken);

/* The pool of which that VF of the PF at `pf` is; NULL: none. */
const struct vfpool_pool *pool_of_vf(const struct pool_use *uses, size_t n,
				     const struct vfpool_pci *pf, unsigned vf);

/* host_read_vectors() where a definition is about them: a PF whose driver hangs would let this process
 * hang too, and most have no need to ask. */
void read_vectors(struct host *host, const struct pool_use *uses, size_t n, bool locked,
		  struct vfpool_pf *pf);

/* pool_check_uses(), once the PFs of definitions with <vectors> were asked how many there are. */
int check_uses(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
	       const struct pool_use *uses, size_t n);

/* host_read(), with a note for each PF that can't be looked at. */
int read_host(struct vfpool *vp, struct host *host, int which,
	      struct vfpool_inventory **ret_inventory);

/* Why that <pf> means nothing here, with its file and line. */
int fail_missing_pf(struct vfpool *vp, struct host *host, const struct pool_use *use);

/* Fills each VF's pool, owner and state. A NULL ledger has no leases. */
int mark_uses(struct vfpool *vp, struct ledger *ledger, const struct pool_use *uses, size_t n_uses,
	      struct vfpool_pf *pf);

/* vfpool_inventory() of a host whose ledger can't be read. */
int inventory_without_ledger(struct vfpool *vp, struct vfpool_inventory **ret_inventory);

/* By what a free VF's own MAC is made, beside the seed. */
#define PARKING_KEY 64
void parking_key(const struct vfpool_pf *pf, unsigned vf, char ret_key[PARKING_KEY]);

/* The seed of the pool's MACs; free() it. */
int pool_seed(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
	      char **ret_seed);

/* Is the file something else than the pool's udev rules as they should be? */
bool rules_differ(struct vfpool *vp, struct vfpool_pool *pool,
		  const struct vfpool_inventory *inventory, const char *path);

#define BOOT_UNIT "vfpool.service"
#define LATE_UNIT "vfpool-late.service"

/* Does systemd start that unit of vfpool's at boot? */
bool unit_is_enabled(const struct vfpool *vp, const char *unit);

/* What is libvirt's network of the pool's name, by its file? -ENOENT: libvirt has none; another error: it
 * can't be told, without a message. */
int look_at_network_file(const struct vfpool *vp, const struct vfpool_pool *pool,
			 enum guest_network_kind *ret_kind, char **ret_what);

/* Does libvirt itself start the pool's network? By its files. */
bool network_has_autostart(const struct vfpool *vp, const struct vfpool_pool *pool);

/* VFPOOL_EINUSE: libvirt has a network of that pool's network's name that isn't of VFs. */
int check_network_is_free(struct vfpool *vp, const struct vfpool_pool *pool);

/* The PF that a person names: netdev, PCI address or permanent MAC. VFPOOL_ENOTFOUND.
 * The PF is the inventory's. */
int find_named_pf(struct vfpool *vp, const struct vfpool_inventory *inventory, const char *name,
		  const struct vfpool_pf **ret_pf);

/* MACs that aren't vfpool's to give. */
struct foreign_macs {
	bool known;              /* they were asked for */
	struct host_link *links; /* of this host */
	size_t n_links;
	struct guests guests;
	struct host *host;
	bool compares_vfs; /* also those that VFs are programmed with: */
	bool vfs_known;    /* they were asked for */
	struct host_vf_mac *vfs;
	size_t n_vfs;
	bool libvirt_picks; /* the pool's VFs */
	struct ledger *ledger;
	int64_t own_vf; /* the row of the VF that is to get the MAC, 0: none; that one may have it already */
};

/* Asks the kernel and, when it answers in time, libvirt. */
int find_foreign_macs(struct vfpool *vp, struct host *host, struct foreign_macs *macs);
/* After that: what the VFs of this host are programmed with, as far as their PFs can be read. It asks each PF for all
 * its VFs, and so is for those MACs only that may be on one by more than chance. */
int find_vf_macs(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		 struct foreign_macs *macs);
void foreign_macs_end(struct foreign_macs *macs);

/*
 * The reservation of (owner, nic) in the pool, made when there is none: with
 * `mac`, or one made of the seed (NULL). In a transaction. VFPOOL_EINUSE: the MAC is
 * somebody's, or the owner has another one. -E_VF_MACS, without a message: those of the VFs have to be known.
 */
int reserve_mac(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		const char *owner, unsigned nic, const struct vfpool_mac *mac,
		const struct foreign_macs *foreign, struct ledger_reservation *ret_reservation);

/* What else keeps a MAC from being given. */
struct mac_filter {
	bool (*is_taken)(const void *arg, const struct vfpool_mac *mac);
	const void *arg;
};

/* Neither zero nor multicast? */
bool can_be_an_owners(const struct vfpool_mac *mac);

/* The first MAC of the pool's half from `from` on, and then from its beginning, that nobody in the ledger has, nor
 * anyone by the filter (NULL: there is none). -ENOENT, without a message: none. */
int find_free_mac(struct ledger *ledger, const struct vfpool_pool *pool, enum mac_half half,
		  const struct vfpool_mac *from, const struct mac_filter *filter,
		  struct vfpool_mac *ret_mac);

/* Is the VF another pool's still, though the definitions give it to this one? */
bool is_anothers(const struct pool_use *use, const struct ledger_vf *row);

/* The VF, of the PF with that row, is in the ledger as that pool's, with its parking MAC, unless another pool has leased it. In
 * a transaction. */
int record_vf(struct vfpool *vp, struct ledger *ledger, const struct pool_use *use, int64_t pf_id,
	      unsigned vf);

/* The parking MAC that the VF has, or that record_vf() would give it. `ledger` may be NULL, `pf_id` 0: there is none yet. */
int foresee_parking(struct vfpool *vp, struct ledger *ledger, const struct pool_use *use,
		    int64_t pf_id, unsigned vf, struct vfpool_mac *ret_mac);

/* What the pool programs into a VF of that PF that has this MAC, */
struct vfpool_settings settings_with_mac(const struct vfpool_pool *pool, const struct vfpool_pf *pf,
					 const struct vfpool_mac *mac);
/* and into the VF of that lease. */
struct vfpool_settings settings_of_lease(const struct vfpool_pool *pool, const struct vfpool_pf *pf,
					 const struct vfpool_lease *lease);

/*
 * Programs one VF that the caller has locked, only where it differs, and
 * compares. *ret_deferred: what waits for the PF's link; *ret_sent: what was
 * changed, after a failure too.
 */
int program_vf(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       const struct vfpool_settings *to, unsigned *ret_deferred, unsigned *ret_sent);

/* Fills the PF's refusals from the ledger. */
int read_refusals(struct ledger *ledger, struct vfpool_pf *pf);
/* What the step found its PF's driver not to have is remembered where it can't be read back; */
int remember_refused(struct vfpool *vp, struct ledger *ledger, struct vfpool_pf *pf,
		     const struct vfpool_step *step);
/* all of it is forgotten with the VFs, which may have had another driver, */
int forget_refusals(struct ledger *ledger, const struct vfpool_pf *pf);
/* and what no definition asks of the PF any more. */
int forget_unasked(struct ledger *ledger, const struct vfpool_pf *pf, const struct wanted *wanted);

enum mending {
	MEND_STARTING, /* libvirt has programmed the VF, and the guest doesn't run yet */
	MEND_RUNNING,
	MEND_STOPPED, /* libvirt has put back what it had found */
};

/* Programs what the lease says where libvirt has programmed something else: the VLAN of a guest that starts, by whatever
 * its definition says; the VLAN's qos and protocol while it runs; MAC and VLAN when it has stopped, unless something has
 * the VF. 0 when there is nothing to program, or the lease isn't there any more. */
int mend_lease(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	       const struct vfpool_lease *lease, enum mending when);

/* Does a guest's definition with that VLAN (0: none, -1: it says nothing) say another than the lease? Then `text` is both,
 * after "says". */
#define VLANS_TEXT 60
bool vlan_is_stale(const struct vfpool_pool *pool, const struct vfpool_lease *lease, int vlan,
		   char text[VLANS_TEXT]);

/* Gives a VF back what it had in those settings when it was read. */
int restore_vf(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       unsigned sent);

/* Is the lease's MAC (on InfiniBand its GUID) on that VF? */
bool vf_has_lease_mac(const struct vfpool_pf *pf, const struct vfpool_vf *vf,
		      const struct vfpool_lease *lease);

/* Is it the PF that the lease's VF is on, wherever it is plugged now? */
bool is_lease_pf(const struct vfpool_lease *lease, const struct vfpool_pf *pf);

/*
 * The lease's PF where it is now, with the lease's one VF (ret_pf->n_vfs == 0: it
 * isn't there), locked unless ret_lock is NULL. VFPOOL_ENOTFOUND: the PF is
 * gone; -E_UNREAD: it is there, or may be, and can't be looked at.
 */
int open_lease_pf(struct host *host, const struct vfpool_lease *lease, struct vfpool_pf *ret_pf,
		  int *ret_lock);

/* The same where another PF will do: -EWOULDBLOCK, without a message, when another process has the lock and keeps it. */
int open_lease_pf_soon(struct host *host, const struct vfpool_lease *lease,
		       struct vfpool_pf *ret_pf, int *ret_lock);

/* Its PF can't be looked at, as the last error says: -E_UNREAD, and what gives it up. */
int fail_unread_lease(struct vfpool *vp, const struct vfpool_lease *lease);

/* Fills the lease's address when its VF is there, also on a PF that can't be looked at otherwise. */
int look_up_address(struct host *host, struct vfpool_lease *lease);

/* The VF of a lease that ends, pf->vfs[0], goes back to the baseline with its
 * parking MAC, before anyone else gets it. The caller has locked the PF. */
int scrub_vf(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	     const struct vfpool_pf *pf, const struct vfpool_lease *lease);

/*
 * Why no guest can get the VF, pf->vfs[0], by a lease with that number to `owner` (NULL, 0: not known yet) in a
 * pool whose VFs are for guests: its IOMMU group also has what the host uses, or what another owner has.
 * *ret_obstacle is NULL when nothing is in the way; free() it.
 */
int find_obstacle(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
		  struct vfpool_pf *pf, const char *owner, uint64_t lease, char **ret_obstacle);

/*
 * A VF that nobody gets until it is seen idle (it was found busy once, or is in
 * quarantine), pf->vfs[0], is made free when nothing has it now, and `owner` (NULL: anyone) could have it. One that is gone
 * (pf->n_vfs == 0) leaves quarantine: its MAC went with it. The caller has locked
 * the PF, if that is there.
 */
int free_idle_vf(struct vfpool *vp, struct host *host, struct ledger *ledger,
		 const struct vfpool_pool *pool, const struct ledger_vf *seen, struct vfpool_pf *pf,
		 const char *owner, bool *ret_freed);

/* Does a guest name the VF, pf->vfs[0]? */
bool is_named(const struct guests *guests, const struct vfpool_pf *pf);

/* Where that row's VF is, in the form that open_lease_pf() wants. */
struct vfpool_lease place_of(const struct ledger_vf *row);

/* What ending a lease takes. */
struct ending {
	struct vfpool *vp;
	struct ledger *ledger;
	struct host *host;
	const struct vfpool_pool *pool;
	bool forget, force, dry_run;
	bool only_pending; /* -E_CHANGED, without a message, when it isn't pending any more */
};

/* Releases one lease; the rest of it is told in *lease. */
int end_lease(const struct ending *ending, struct vfpool_lease *lease);

/* The pool's definition, or one with nothing but its name when that is gone. */
int load_pool_or_default(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool);

/* Appends to an array that ends with NULL. -ENOMEM. */
int add_to_leases(struct vfpool_lease ***leases, size_t *n, struct vfpool_lease *lease);

/* Takes the lease (NULL: it is about a VF without one) out of *lease. -ENOMEM, without a
 * message. */
int add_finding(struct vfpool_findings *found, enum vfpool_finding_kind kind,
		enum vfpool_finding_result result, struct vfpool_lease **lease, const char *format,
		...) __attribute__((format(printf, 5, 6)));

/* VFPOOL_EPARTIAL when something failed. */
int sum_up_findings(struct vfpool *vp, const struct vfpool_findings *found, const char *doing);

/* Notes in the lease which guest of the context's libvirt has it. */
int see_guest(struct vfpool *vp, struct ledger *ledger, const struct vfpool_lease *lease,
	      const char *uuid);

/* The driver's name for host_bind(). */
const char *driver_name(enum vfpool_driver driver);

#endif
