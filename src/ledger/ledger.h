/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The durable record of VFs, leases and reservations on this host. What must
 * always hold (one VF one holder, no MAC twice) are constraints of its schema.
 *
 * Functions fill `err` and return a negative errno, but for those outcomes
 * that are named with each.
 */
#ifndef VFPOOL_LEDGER_H
#define VFPOOL_LEDGER_H

#include "vfpool.h"

#include <errno.h>

struct error;
struct ledger;

/* Did a change of the ledger fail for want of a file system that takes it? */
bool ledger_takes_no_more(int r);

enum ledger_mode {
	LEDGER_READ, /* *ret_ledger is NULL when there is none yet. One of an older vfpool, or on a file system
			* that takes no more, stays as it is: what is read is a copy in memory */
	LEDGER_CHANGE, /* NULL as well; one of an older vfpool is brought up to date */
	LEDGER_WRITE,  /* made when there is none */
};

/* Opens the ledger in `state_dir`. `run_dir` has its stamp (NULL: there is none to be). */
int ledger_open(const char *state_dir, const char *run_dir, enum ledger_mode mode,
		struct ledger **ret_ledger, struct error *err);
void ledger_close(struct ledger *ledger);

/* Opens a copy in memory, whose changes are lost; *ret_ledger is NULL when there is no ledger. */
int ledger_open_copy(const char *state_dir, const char *run_dir, struct ledger **ret_ledger,
		     struct error *err);
/* Can the ledger be written, as far as its file system says? */
bool ledger_can_be_written(const struct ledger *ledger);

/* Makes what was opened to read one that may be changed from now on. */
int ledger_raise(struct ledger *ledger, enum ledger_mode mode);

/* Is it the one by which this host's VFs are given out, as far as its stamp tells? */
enum ledger_standing {
	LEDGER_PROVEN,
	LEDGER_UNPROVEN, /* there is no stamp, as at the first look since boot */
	LEDGER_ANOTHER,
	LEDGER_OLDER, /* it is that one, as it was earlier */
	LEDGER_GONE,  /* there is a stamp, and no ledger (NULL) */
};
int ledger_look(struct ledger *ledger, const char *run_dir, enum ledger_standing *ret_standing,
		struct error *err);

/* Makes the ledger's stamp, when there is none: it is the one by which the VFs are given out. */
int ledger_prove(struct ledger *ledger);
/* Makes the ledger the one by which the VFs are given out from now on, whatever the stamp says. */
int ledger_replace_stamp(struct ledger *ledger);

/* Does the same with a ledger that is another from then on, and gives no lease a number that was given before. */
int ledger_begin_epoch(struct ledger *ledger);

/* Tells by *ret_is whether the ledger has had no such epoch. Else VFs may have MACs that it doesn't know of. */
int ledger_is_first(struct ledger *ledger, bool *ret_is);

/* Begins a new operation: `command` is what the history says of who does it; the caller keeps the text. It waits
 * for others' writing a minute in all, however many questions it has. */
void ledger_set_command(struct ledger *ledger, const char *command);

/* Lets the operation wait so long instead of that minute. */
void ledger_set_wait(struct ledger *ledger, unsigned ms);

/* Is the file whole, and does all that must hold do so? -EUCLEAN: it is damaged. */
int ledger_check(struct ledger *ledger);

/* A whole, checked copy of it in `path`, which is there whole or not at all. -EEXIST: `path` is there,
 * and not `force`; VFPOOL_EINUSE: it is the ledger itself, or one of the files beside that. */
int ledger_backup(struct ledger *ledger, const char *path, bool force);

/* Puts that backup in the ledger's place, whatever is there, with an epoch of its own; ledger_replace_stamp() of it
 * when it is to be used. `dry_run`: only looks
 * whether it is sound. VFPOOL_EINUSE: it is the ledger itself. */
int ledger_restore(const char *state_dir, const char *run_dir, const char *file, bool dry_run,
		   struct error *err);

/* Finds the reservation with that MAC, when it has no lease: its row is *ret_id, else 0. */
int ledger_idle_reservation(struct ledger *ledger, const char *pool, const struct vfpool_mac *mac,
			    int64_t *ret_id);

/* Begins several changes that hold together or not at all. Others wait meanwhile: nothing slow comes in between. */
int ledger_begin(struct ledger *ledger);
/* Begins many questions to one state of the ledger; ledger_rollback() ends them. Without it each question takes and
 * drops SQLite's locks. */
int ledger_begin_read(struct ledger *ledger);
int ledger_commit(struct ledger *ledger);
/* Ends what wasn't committed; nothing when nothing is open, or no ledger. */
void ledger_rollback(struct ledger *ledger);

/* Is a transaction open? Of no ledger (NULL): no. */
bool ledger_is_busy(const struct ledger *ledger);

/* Copies this host's random seed, made with the ledger, to *ret_seed. */
int ledger_seed(struct ledger *ledger, char **ret_seed);

/* ---- PFs and VFs ---- */

/* Finds the PF's row by its permanent MAC, else by its address. *ret_id is 0 when there is none, unless `add`. */
int ledger_pf(struct ledger *ledger, const struct vfpool_pf *pf, bool add, int64_t *ret_id);

/* A PF of a pool, as placement needs it. */
struct ledger_pool_pf {
	int64_t pf;
	int numa;
	bool held; /* nobody gets its VFs */
	unsigned free, leased;
};

/* Lists the pool's PFs in its definition's order; free() *ret_places. */
int ledger_pool_pfs(struct ledger *ledger, const char *pool, struct ledger_pool_pf **ret_places,
		    size_t *ret_n);
int ledger_set_pool_pfs(struct ledger *ledger, const char *pool, const int64_t *pfs, size_t n);

struct ledger_vf {
	int64_t id; /* 0: no such row */
	struct vfpool_place place;
	struct vfpool_mac parking;
	int64_t lease; /* 0: none */
	bool avoid;    /* it was found busy */
	bool held, pf_held;
	bool quarantined;
	struct vfpool_mac quarantine; /* the MAC that is live on it */
	char pool[64];
};

int ledger_vf(struct ledger *ledger, int64_t pf, unsigned index, struct ledger_vf *ret_vf);
/* Fills *ret_vf with the same row as it is now. */
int ledger_vf_again(struct ledger *ledger, const struct ledger_vf *vf, struct ledger_vf *ret_vf);

/* Adds the VF to the pool, with its parking MAC. -E_TAKEN: the MAC is somebody's. */
int ledger_add_vf(struct ledger *ledger, int64_t pf, unsigned index, const char *pool,
		  const struct vfpool_mac *parking);
int ledger_remove_vf(struct ledger *ledger, const struct ledger_vf *vf);

/* Lists every VF of the pool, or of all pools (NULL); free() *ret_vfs. */
int ledger_vfs(struct ledger *ledger, const char *pool, struct ledger_vf **ret_vfs, size_t *ret_n);

/* Finds the first VF of the PF in that pool that is free, neither held nor to be avoided. ret_vf->id is 0: there is
 * none. */
int ledger_free_vf(struct ledger *ledger, const char *pool, int64_t pf, struct ledger_vf *ret_vf);

/* Marks the lease's VF, which was found busy: nobody gets it until it is seen free again. */
int ledger_avoid_leased(struct ledger *ledger, int64_t id);
/* Marks a VF without a lease, which no guest can get, in the same way. */
int ledger_avoid_vf(struct ledger *ledger, int64_t vf);
int ledger_forgive_vf(struct ledger *ledger, int64_t vf);

/* Holds the VF, or all of the PF (index -1), for that reason, so that nobody gets it; NULL: holds it no more.
 * *ret_reason is what it was, NULL: it wasn't held; free() it. */
int ledger_hold(struct ledger *ledger, int64_t pf, int index, const char *reason,
		char **ret_reason);
int ledger_held(struct ledger *ledger, int64_t pf, int index, char **ret_reason);

/* ---- what drivers don't have ---- */

/* Lists what that driver of the PF refused; free() *ret_refusals. */
int ledger_refusals(struct ledger *ledger, int64_t pf, const char *driver,
		    struct vfpool_refusal **ret_refusals, size_t *ret_n);
int ledger_add_refusal(struct ledger *ledger, int64_t pf, const char *driver,
		       const struct vfpool_refusal *refusal);
/* Forgets the refusal, or all of the PF (NULL). */
int ledger_forget_refusal(struct ledger *ledger, int64_t pf, const struct vfpool_refusal *refusal);

/* ---- reservations ---- */

struct ledger_reservation {
	int64_t id; /* 0: none */
	struct vfpool_mac mac;
};

/* Finds the MAC that belongs to (owner, nic) in the pool. */
int ledger_reservation(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       struct ledger_reservation *ret_reservation);

/* Reserves the MAC. `attempt` is how many MACs were taken before. -E_TAKEN: the MAC is somebody's. */
int ledger_reserve(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		   const struct vfpool_mac *mac, unsigned attempt, int64_t *ret_id);

/* Ends the reservation, which has no lease; its MAC is nobody's then, unless it is live on a VF in quarantine.
 * -E_NONE: there is none. */
int ledger_forget(struct ledger *ledger, const char *pool, const char *owner, unsigned nic);

/* Which reservations; all of them when it is all zero. */
struct ledger_reservation_filter {
	const char *pool;                      /* NULL: any */
	bool idle;                             /* only those without a lease, */
	int64_t before;                        /* last used before then, 0: whenever */
	const struct vfpool_mac *first, *last; /* only MACs of that closed range, NULL: any */
};

/* Lists the reservations by pool, owner and nic; when they are idle, those that were longest come first. */
int ledger_reservations(struct ledger *ledger, const struct ledger_reservation_filter *filter,
			struct vfpool_reservation **ret_reservations, size_t *ret_n);

/* Finds the first MAC of the closed range that is nobody's. -ENOENT, without a message: there is none. */
int ledger_free_mac(struct ledger *ledger, const struct vfpool_mac *first,
		    const struct vfpool_mac *last, struct vfpool_mac *ret_mac);

/* Drops the reservations of these nics that no lease was ever given for: nobody has
 * been told of their MACs. */
int ledger_drop_untold(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       unsigned count);

/* Gives the owner a new name. -E_TAKEN: the new owner has a MAC for the same pool and nic. */
int ledger_rename(struct ledger *ledger, const char *owner, const char *new_owner, unsigned *ret_n);

/* Gives the pool a new name, which ledger_knows_pool() didn't: its VFs, leases and reservations go along. Done
 * twice it changes nothing. */
int ledger_rename_pool(struct ledger *ledger, const char *pool, const char *new_pool);

/* Tells by *ret_known whether there is a VF or a reservation of a pool of that name. */
int ledger_knows_pool(struct ledger *ledger, const char *pool, bool *ret_known);

/* Tells whose the MAC is by a sentence's end, *ret_who, NULL: nobody's; free() it. */
int ledger_mac_user(struct ledger *ledger, const struct vfpool_mac *mac, char **ret_who);

/* Finds the VF in quarantine on which the MAC is live; ret_vf->id is 0: there is none. */
int ledger_quarantined_vf(struct ledger *ledger, const struct vfpool_mac *mac,
			  struct ledger_vf *ret_vf);

/* ---- leases ---- */

/* What leases to look for; begin with LEDGER_ANY_LEASE. */
struct ledger_lease_filter {
	const char *pool, *owner; /* NULL: any */
	int nic;                  /* -1: any */
	int64_t id;               /* 0: any */
};

#define LEDGER_ANY_LEASE  \
	{                 \
		.nic = -1 \
	}

/* Lists the leases of the filter, in an array that ends with NULL. The VFs' own addresses aren't known here. */
int ledger_leases(struct ledger *ledger, const struct ledger_lease_filter *filter,
		  struct vfpool_lease ***ret_leases);

/* *ret_lease is NULL when there is none. */
int ledger_find_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		      struct vfpool_lease **ret_lease);
int ledger_find_mac(struct ledger *ledger, const struct vfpool_mac *mac,
		    struct vfpool_lease **ret_lease);
int ledger_get_lease(struct ledger *ledger, int64_t id, struct vfpool_lease **ret_lease);
/* The NUMA node of the lease's VF, -1: none. */
int ledger_lease_numa(struct ledger *ledger, int64_t id, int *ret_numa);
int ledger_count_leases(struct ledger *ledger, const char *pool, unsigned *ret_n);

/* A pending lease of the reservation on the VF, or on none (0) in a pool that
 * libvirt allocates. `vlan` -1: the pool's. */
int ledger_add_lease(struct ledger *ledger, int64_t reservation, int64_t vf, int vlan,
		     int64_t *ret_id);

/* The lease ends when its guest stops. */
int ledger_end_at_stop(struct ledger *ledger, int64_t id);
/* Such a lease's guest has started. */
int ledger_start_lease(struct ledger *ledger, int64_t id);

/* -E_CHANGED: the lease isn't in the state `from`. */
int ledger_move_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from,
		      enum vfpool_lease_state to);
int ledger_end_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from);

/* Ends the lease though its VF can't be scrubbed: that is in quarantine then. */
int ledger_quarantine(struct ledger *ledger, int64_t id, enum vfpool_lease_state from);
int ledger_end_quarantine(struct ledger *ledger, const struct ledger_vf *vf);

/* Notes the libvirt guest that was seen with the lease. */
int ledger_see_guest(struct ledger *ledger, int64_t id, const char *uuid, const char *uri);

/* ---- drivers that were given by hand ---- */

/* Room for a driver's name. */
#define LEDGER_DRIVER 128

struct ledger_binding {
	int64_t id;                /* 0: none */
	int64_t pf_id;             /* of a VF, 0: it is none */
	struct vfpool_place place; /* of a VF */
	struct vfpool_pci address; /* a VF's: where it was last seen */
	uint16_t vendor, device;
	char driver[LEDGER_DRIVER];        /* it is to have */
	char from_driver[LEDGER_DRIVER];   /* it had, "": none */
	char from_override[LEDGER_DRIVER]; /* "": none */
	bool persists;
	char boot[40]; /* the boot of which from_… are */
};

/* Finds the binding of the VF, or of the device at that address when pf_id is 0. One of another boot than `boot` is
 * void, unless it persists. */
int ledger_binding(struct ledger *ledger, int64_t pf_id, unsigned vf,
		   const struct vfpool_pci *address, const char *boot,
		   struct ledger_binding *ret_binding);
/* Finds a binding by the address where its device, VF or not, was last seen. */
int ledger_binding_at(struct ledger *ledger, const struct vfpool_pci *address, const char *boot,
		      struct ledger_binding *ret_binding);
/* Lists the bindings that persist; free() *ret_bindings. */
int ledger_persistent_bindings(struct ledger *ledger, struct ledger_binding **ret_bindings,
			       size_t *ret_n);

/* Records it, in the place of what was there of that VF or device. */
int ledger_set_binding(struct ledger *ledger, const struct ledger_binding *binding);
int ledger_forget_binding(struct ledger *ledger, const struct ledger_binding *binding);

/* ---- history ---- */

struct ledger_history_filter {
	const char *owner; /* NULL: any */
	int64_t pf;        /* its row, 0: any VF */
	unsigned vf;
	int64_t since;
};

int ledger_history(struct ledger *ledger, const struct ledger_history_filter *filter,
		   struct vfpool_event **ret_events, size_t *ret_n);

/* Which entries have had their time: older than `before`, or beyond the newest `rows`. That a lease was made is kept as
 * long as it is there. */
struct ledger_history_age {
	int64_t before;
	unsigned rows;
};

int ledger_count_old_history(struct ledger *ledger, const struct ledger_history_age *age,
			     unsigned *ret_n);

/* Removes some thousands of them in a transaction of its own, the oldest first; *ret_n 0: there was none. */
int ledger_prune_history(struct ledger *ledger, const struct ledger_history_age *age,
			 unsigned *ret_n);

/* Finds how the last lease of these ended; *ret_found is false when there was none. */
int ledger_last_end(struct ledger *ledger, const struct ledger_lease_filter *filter,
		    struct vfpool_event *ret_event, bool *ret_found);
void ledger_event_end(struct vfpool_event *event);

#endif
