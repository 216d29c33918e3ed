/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvfpool: pools of SR-IOV virtual functions.
 *
 * Conventions
 *  - A function that returns int returns 0, or what failed, negative: an errno, or one of the
 *    outcomes VFPOOL_E… below. vfpool_error() then says what was being done, to what, and why it
 *    failed. The library never prints. Any call may fail with ENOMEM or an errno of the kernel; a
 *    comment names those results that a caller may want to tell apart, without the minus. What
 *    changes something fails with EPERM for others than root.
 *  - Results come through parameters named ret_…, which aren't NULL and are untouched on failure,
 *    unless a comment says otherwise. The caller owns them, and ends a struct or an array with the
 *    matching …_free(), which takes NULL, a char * with free().
 *  - With dry_run a function looks and checks as it would, says what it would do, and changes
 *    nothing.
 *  - Strings are NUL-terminated UTF-8. A char * inside a struct belongs to it; a const char * of a
 *    request is the caller's, for the call.
 *  - A context is used by one thread at a time. Any number of processes may
 *    work on the same host: PFs are locked, the ledger is transactional.
 */
#ifndef VFPOOL_H
#define VFPOOL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Outcomes that callers tell apart from plain failure. They lie above Linux's
 * errnos, which end at 4095 (MAX_ERRNO in include/linux/err.h), so that one int
 * carries both and nothing that a driver says is taken for one.
 */
#define VFPOOL_ENOVF 4101     /* no VF of the pool is free */
#define VFPOOL_EINUSE 4102    /* refused: someone uses what would change */
#define VFPOOL_ENOTFOUND 4103 /* no such pool, PF, VF or lease */
#define VFPOOL_EPARTIAL 4104  /* some steps failed, the others are done */
#define VFPOOL_ELEDGER 4105   /* refused: it isn't the ledger by which the VFs were given out */

/* ---- plain data -------------------------------------------------------- */

/* A PCI address, 0000:01:10.2 in text. */
struct vfpool_pci {
	uint32_t domain;
	uint8_t bus;
	uint8_t device;   /* 0 to 31 */
	uint8_t function; /* 0 to 7 */
};

/* Room for the text of any PCI address, and for libvirt's name of the device, pci_0000_01_10_2, in
 * bytes with the NUL. */
#define VFPOOL_PCI_TEXT 20
#define VFPOOL_NODEDEV_TEXT 24

/* An Ethernet address. */
struct vfpool_mac {
	uint8_t byte[6];
};

/* Room for its text, d2:56:46:01:02:03, in bytes with the NUL. */
#define VFPOOL_MAC_TEXT 18

/* What a PF can program into a VF; bits, because they come in sets. */
enum vfpool_attr {
	VFPOOL_ATTR_MAC = 1 << 0,
	VFPOOL_ATTR_VLAN = 1 << 1,
	VFPOOL_ATTR_RATE = 1 << 2,
	VFPOOL_ATTR_SPOOFCHK = 1 << 3,
	VFPOOL_ATTR_LINK = 1 << 4,
	VFPOOL_ATTR_TRUST = 1 << 5,
	VFPOOL_ATTR_RSS_QUERY = 1 << 6,
	VFPOOL_ATTR_GUID = 1 << 7, /* InfiniBand's MAC */
};

#define VFPOOL_ATTR_LAST VFPOOL_ATTR_GUID

/* Link state of a VF; the values are the kernel's IFLA_VF_LINK_STATE_…. */
enum vfpool_link {
	VFPOOL_LINK_AUTO = 0, /* as the PF's link */
	VFPOOL_LINK_ON = 1,
	VFPOOL_LINK_OFF = 2,
};

/* The settings of a VF that its PF programs, or those of them in `have`. */
struct vfpool_settings {
	unsigned have; /* set of enum vfpool_attr */
	/* When they are wanted: those without which nobody is to get the VF, should its card not
	 * have them */
	unsigned must;
	struct vfpool_mac mac;
	uint16_t vlan;       /* 0: none; 1 to 4094 */
	uint8_t qos;         /* VLAN priority, 0 to 7 */
	uint16_t vlan_proto; /* 0x8100 (802.1Q) or 0x88a8 (802.1ad) */
	uint32_t min_rate;   /* Mbit/s, 0: none */
	uint32_t max_rate;   /* Mbit/s, 0: no limit */
	bool spoofchk;
	bool trust;
	bool rss_query; /* the VF may ask for the PF's RSS key */
	enum vfpool_link link;
	uint64_t guid; /* InfiniBand's node and port GUID, the same one */
};

/* Returns those settings of `want` that `is` has otherwise, a set of enum vfpool_attr. A setting
 * that isn't known in both isn't among them. */
unsigned vfpool_settings_differ(const struct vfpool_settings *is,
				const struct vfpool_settings *want);

/*
 * Returns which settings of `want` to send to a VF that is as `is` says, a set of enum vfpool_attr:
 * those that differ. What its driver doesn't report goes along with the others when it was asked
 * for, that is when it isn't the default. All, when nothing is known.
 */
unsigned vfpool_settings_to_send(const struct vfpool_settings *is,
				 const struct vfpool_settings *want);

/* Returns those settings of `want` that aren't as a driver makes a VF, a set of enum
 * vfpool_attr. */
unsigned vfpool_settings_asked(const struct vfpool_settings *want);

/* Gives `to` that setting of `from`. */
void vfpool_setting_copy(struct vfpool_settings *to, enum vfpool_attr attr,
			 const struct vfpool_settings *from);

/* Room for the text of any one setting. */
#define VFPOOL_SETTING_TEXT 48

/* What a card's driver doesn't have: that setting with that value, in the words of
 * vfpool_setting_format(). igb has VLANs as 802.1Q, say, and none as 802.1ad. */
struct vfpool_refusal {
	enum vfpool_attr attr;
	char value[VFPOOL_SETTING_TEXT];
};

/* Returns those settings of `want` that are among the n refusals, with their values, a set of enum
 * vfpool_attr. */
unsigned vfpool_settings_refused(const struct vfpool_settings *want,
				 const struct vfpool_refusal *refusals, size_t n);

/* Returns the setting's name as ip-link(8) spells it, a constant. */
const char *vfpool_attr_name(enum vfpool_attr attr);

/* Writes one setting's value as text, "-" when it isn't in settings->have. */
void vfpool_setting_format(const struct vfpool_settings *settings, enum vfpool_attr attr,
			   char text[VFPOOL_SETTING_TEXT]);

/* A range of VF indexes, `last` included. */
struct vfpool_range {
	unsigned first, last;
};

enum vfpool_lease_state {
	VFPOOL_LEASE_PENDING,   /* a VF and a MAC are chosen, not yet programmed */
	VFPOOL_LEASE_ACTIVE,    /* programmed, the owner's */
	VFPOOL_LEASE_RELEASING, /* given back, not yet scrubbed */
	VFPOOL_LEASE_RELEASED,  /* what a release returns; the ledger has no such lease */
};

/* Where a VF is: by its PF, which is known by its permanent MAC wherever it is plugged, and its index on that. */
struct vfpool_place {
	struct vfpool_pci pf; /* where its PF was last seen */
	bool has_pf_mac;
	struct vfpool_mac pf_mac; /* the PF's permanent MAC */
	unsigned vf;
};

/* One VF, or one unit of a libvirt pool's capacity, handed to one owner. */
struct vfpool_lease {
	uint64_t id; /* never used twice on this host: the lease's generation */
	char *pool;
	char *owner;
	unsigned nic; /* which of the owner's interfaces, from 0 on */
	struct vfpool_mac mac;
	enum vfpool_lease_state state;
	int vlan;         /* instead of the pool's: 0 (none) to 4094; -1: the pool's */
	char *guest;      /* UUID of the libvirt guest that was seen with it, NULL: none was */
	char *uri;        /* the libvirt that knows this guest, NULL: none was seen */
	bool until_stop;  /* it ends when its guest stops */
	bool was_started; /* until_stop, and its guest has started */
	bool made;        /* of vfpool_alloc(): it wasn't there before */
	bool has_vf;      /* false in a pool that libvirt allocates */
	struct vfpool_place place;
	/* The VF's, looked up now; all zero when the VF isn't there */
	struct vfpool_pci address;
	unsigned deferred; /* settings that wait for the PF's link, a set of enum vfpool_attr */
	bool quarantined;  /* released by force: its VF isn't free yet */
	bool forgotten;    /* released, and its MAC is nobody's now */
};

/* A MAC that belongs to an owner, with or without a lease. */
struct vfpool_reservation {
	char *pool;
	char *owner;
	unsigned nic;
	struct vfpool_mac mac;
	bool leased;  /* the owner has a lease with it */
	int64_t used; /* when it was made, or its last lease ended: seconds since 1970 */
};

enum vfpool_vf_state {
	VFPOOL_VF_FREE,
	VFPOOL_VF_LEASED,
	VFPOOL_VF_BUSY,        /* something has it, no lease */
	VFPOOL_VF_HELD,        /* nobody is to get it: `held` says why */
	VFPOOL_VF_QUARANTINED, /* released by force, still open or not yet scrubbed */
	VFPOOL_VF_UNKNOWN,     /* the ledger can't be read */
	VFPOOL_N_VF_STATES,
};

/* Who has a VF, as far as it shows without touching the VF. */
enum vfpool_holder {
	VFPOOL_HELD_BY_NOBODY,
	VFPOOL_HELD_BY_LIBVIRT, /* a guest of libvirt */
	VFPOOL_HELD_BY_VFIO,    /* something else has it open through vfio */
	VFPOOL_HELD_BY_NETDEV,  /* its netdev is in use on this host */
	VFPOOL_HELD_BY_UNKNOWN, /* it can't be told, so it counts as busy */
};

struct vfpool_vf {
	unsigned index;
	struct vfpool_pci address;
	char *netdev; /* NULL: none in this network namespace */
	bool has_seen_mac;
	/* What its netdev shows; differs from the programmed one until its driver is rebound */
	struct vfpool_mac seen_mac;
	char *driver;          /* NULL: none */
	char *driver_override; /* NULL: none */
	int iommu_group;       /* -1: none */
	/* Why a guest can't get it as things are, or not without others; NULL: nothing is known
	 * to be in the way */
	char *obstacle;
	/* The obstacle is only that whoever gets it has its group's others too */
	bool shares_group;
	/* Message vectors (MSI-X) that it has, 0: not known or not asked for */
	unsigned vectors;
	/* What the PF says; have == 0 when it couldn't be read */
	struct vfpool_settings programmed;
	enum vfpool_holder holder;
	char *busy; /* the holder in words, NULL: it isn't busy */

	/* From the ledger and the definitions: */
	enum vfpool_vf_state state;
	char *pool;  /* NULL: in no pool */
	char *owner; /* NULL: no lease */
	unsigned nic;
	char *held; /* why nobody is to get it, NULL: it isn't held */
	/* It hasn't what its pool asks for: 'vfpool apply' would change it, or leaves it as it
	 * is in use */
	bool is_off;
};

struct vfpool_pf {
	struct vfpool_pci address;
	bool is_network; /* others (nvme, …) are listed, never programmed */
	bool is_infiniband;
	char *netdev; /* NULL: none in this network namespace */
	char **altnames;
	size_t n_altnames;
	int ifindex; /* 0 without netdev */
	bool has_mac;
	struct vfpool_mac mac; /* the permanent one */
	uint16_t vendor, device;
	char *vendor_name; /* by udev's hardware database, NULL: not in it */
	char *device_name;
	char *driver;
	char *eswitch; /* "legacy" or "switchdev", NULL: the kernel doesn't tell */
	unsigned totalvfs;
	/* Message vectors that all its VFs share; 0: its driver gives each a fixed number, or no
	 * definition asks for another; -1: not known, to others than root or while another
	 * vfpool is at work on it */
	int vf_total_msix;
	bool autoprobe; /* sriov_drivers_autoprobe */
	int numa_node;  /* -1: none */
	bool up;        /* IFF_UP */
	bool carrier;   /* the link is there */
	/* From the ledger: what its driver refused, and doesn't report either, so that a look at
	 * the VFs can't tell it */
	struct vfpool_refusal *refusals;
	size_t n_refusals;
	struct vfpool_vf *vfs; /* by index, ascending */
	size_t n_vfs;
};

/* A PF that can't be looked at, as one whose driver doesn't answer. */
struct vfpool_unread_pf {
	struct vfpool_pci address;
	char *netdev; /* NULL: none, or that can't be read either */
	char *why;    /* a sentence's end: what was read, and what the kernel said */
};

/* The host's PFs and their VFs, as the kernel says now. */
struct vfpool_inventory {
	struct vfpool_pf *pfs; /* network cards first, then by PCI address */
	size_t n_pfs;
	struct vfpool_unread_pf *unread; /* none of those above, by PCI address */
	size_t n_unread;
};

void vfpool_inventory_free(struct vfpool_inventory *inventory);

/* How a definition names a PF. */
enum vfpool_pf_by {
	VFPOOL_PF_BY_DEV, /* netdev name or alternative name */
	VFPOOL_PF_BY_ADDRESS,
	VFPOOL_PF_BY_MAC, /* the permanent MAC */
};

struct vfpool_pool_pf {
	enum vfpool_pf_by by;
	char *dev;
	struct vfpool_pci address;
	struct vfpool_mac mac;
	unsigned numvfs;          /* how many VFs it is to have, of all pools */
	struct vfpool_range *vfs; /* the pool's; n_vfs == 0: all of them */
	size_t n_vfs;
	bool up;  /* bring the PF up */
	int line; /* where it stands in the definition's file */
};

/* Who chooses a VF for an owner: vfpool_alloc(), or libvirt when the guest starts. */
enum vfpool_allocate { VFPOOL_BY_VFPOOL, VFPOOL_BY_LIBVIRT };
/* Of those PFs with a free VF, which the next one is of: the first of the definition, or the one
 * with the fewest leases. */
enum vfpool_placement { VFPOOL_PACK, VFPOOL_SPREAD };
/* What VFs are bound to: vfio-pci, the host's own driver for them, or none. */
enum vfpool_driver { VFPOOL_DRIVER_VFIO, VFPOOL_DRIVER_HOST, VFPOOL_DRIVER_NONE };

/* A port profile that an adjacent switch knows (802.1Qbg, 802.1Qbh), instead of a
 * VLAN. */
struct vfpool_virtualport {
	char *type; /* NULL: none */
	struct {
		char *name, *value; /* as in libvirt's <parameters> */
	} parameters[5];
	size_t n_parameters;
};

/* A named variant of a libvirt network, which a guest's interface can ask for. */
struct vfpool_portgroup {
	char *name;
	bool is_default;
	uint16_t vlan; /* 0: the network's */
	struct vfpool_virtualport virtualport;
};

/* A pool's definition. */
struct vfpool_pool {
	char *name;
	char *file; /* where it was read from, for messages */
	struct vfpool_pool_pf *pfs;
	size_t n_pfs;
	enum vfpool_allocate allocate;
	enum vfpool_placement placement;
	uint8_t mac_prefix[5];
	unsigned mac_prefix_len;       /* bytes, 1 to 5 */
	char *seed;                    /* of which the owners' MACs are made; NULL: the host's */
	struct vfpool_settings policy; /* everything but the MAC */
	/* Message vectors (MSI-X) of each VF, 1 to 2048; 0: left as they are */
	unsigned vectors;
	enum vfpool_driver driver;
	/* The kernel's vfio driver that libvirt is to take; NULL: vfio-pci */
	char *driver_model;
	bool unmanaged; /* libvirt doesn't bind and rebind its VFs */
	struct vfpool_virtualport virtualport;
	/* What a guest's other, virtual card of a failover pair is plugged into, one of them; both
	 * NULL: there is none */
	char *teaming_network, *teaming_bridge;
	char *network; /* libvirt's name for it; NULL: not libvirt's */
	bool network_autostart;
	struct vfpool_portgroup *portgroups;
	size_t n_portgroups;
};

void vfpool_pool_free(struct vfpool_pool *pool);

/* ---- the plan ---------------------------------------------------------- */

enum vfpool_step_kind {
	VFPOOL_STEP_AUTOPROBE_OFF,
	VFPOOL_STEP_MAKE_VFS, /* `count` of them; first none, when there are others */
	VFPOOL_STEP_UP,
	VFPOOL_STEP_PROGRAM, /* `to` over `from` */
	VFPOOL_STEP_BIND,    /* to `driver`, "" = to none */
	VFPOOL_STEP_REFUSED, /* what can't be done now, `text` says why */
	/* What the PF's driver doesn't have: `unsupported` of `to`. One step for each value,
	 * when VFs are to have different ones */
	VFPOOL_STEP_UNSUPPORTED,
	VFPOOL_STEP_VECTORS, /* `count` message vectors; takes the VF's driver away first */
};

enum vfpool_step_result { VFPOOL_STEP_PLANNED, VFPOOL_STEP_DONE, VFPOOL_STEP_FAILED };

struct vfpool_step {
	enum vfpool_step_kind kind;
	enum vfpool_step_result result;
	struct vfpool_pci pf; /* of a device that is no VF, bound by hand: its own */
	char *pf_name;        /* the PF's netdev, or its address */
	bool has_vf;
	unsigned vf;
	bool live; /* the VF is busy, and changed all the same */
	unsigned count;
	/* Of MAKE_VFS: the VFs that are destroyed for it; of VECTORS: what it has, 0: not known */
	unsigned count_from;
	struct vfpool_settings from; /* have: what is known of it */
	struct vfpool_settings to;   /* have: what is sent */

	/* Sets of enum vfpool_attr: */
	unsigned failed;      /* those of to.have that the kernel didn't take */
	unsigned deferred;    /* those that wait for the PF's link */
	unsigned unsupported; /* those that the PF's driver doesn't have, with these values */
	unsigned unverified;  /* those that were accepted and can't be read back */

	char *driver_from; /* of BIND and VECTORS: the one that it has, "" = none */
	char *driver;      /* of BIND: the one that it gets, "" = none; of UNSUPPORTED: the PF's */
	/* Of a refused or failed step: why; of VECTORS also why they are unverified */
	char *text;
};

struct vfpool_plan {
	struct vfpool_step *steps;
	size_t n_steps;
	size_t n_pools; /* how many definitions it is of */
	char **notes;   /* things a person should know, nothing that apply does */
	size_t n_notes;
};

void vfpool_plan_free(struct vfpool_plan *plan);

/* ---- context ----------------------------------------------------------- */

struct vfpool;

/* The folders that vfpool works on; vfpool(8) has the defaults. */
enum vfpool_dir {
	VFPOOL_DIR_SYSFS,         /* /sys */
	VFPOOL_DIR_CONFIG,        /* definitions: <config>/pools/NAME.xml */
	VFPOOL_DIR_STATE,         /* the ledger */
	VFPOOL_DIR_RUN,           /* locks, and the hook's last failure */
	VFPOOL_DIR_RULES,         /* udev's rules of the admin */
	VFPOOL_DIR_LIBVIRT_RUN,   /* libvirt's run directory */
	VFPOOL_DIR_NETWORKS,      /* libvirt's persistent networks */
	VFPOOL_DIR_PROC,          /* /proc, to name who holds a VF */
	VFPOOL_DIR_HOOKS,         /* libvirt's hooks */
	VFPOOL_DIR_LIBVIRT_STATE, /* libvirt's state: guests that were saved */
	VFPOOL_DIR_ROOT,          /* where other programs' files are found, empty: / */
	VFPOOL_N_DIRS,
};

/* Makes a context, which the others take; ENOMEM is the one way to fail. vfpool_free() ends it. */
int vfpool_new(struct vfpool **ret_vp);
void vfpool_free(struct vfpool *vp);

/* Sets a directory, to be called before its first use. Copies the path. */
int vfpool_set_dir(struct vfpool *vp, enum vfpool_dir dir, const char *path);

/* Returns the directory as it is set: the context's, until it is set anew. */
const char *vfpool_get_dir(const struct vfpool *vp, enum vfpool_dir dir);

/* Sets libvirt's connection URI, qemu:///system by default. Copies it. */
int vfpool_set_uri(struct vfpool *vp, const char *uri);

/*
 * Decides what becomes of a ledger that isn't the one. Functions that change something fail
 * (VFPOOL_ELEDGER) while the ledger is gone, another or older than the one by which this host's VFs
 * were given out, and those that only look say so in a note. With `accept` they go on with the one
 * that is there, or make a new one: what was leased by the old one and isn't in the new one is
 * given out again. No lease gets a number that was given before. A process that finds its ledger
 * replaced or deleted while it has it open fails likewise; it needs a new context.
 */
void vfpool_accept_new_ledger(struct vfpool *vp, bool accept);

/* Called during long work: of the step on that PF `done` of `total`, which may be 0, are done. The
 * strings are the library's. */
typedef void (*vfpool_progress_fn)(void *arg, const char *pf, const char *step, unsigned done,
				   unsigned total);
void vfpool_set_progress(struct vfpool *vp, vfpool_progress_fn fn, void *arg);

/* Called with what a person should know of work that goes on all the same: one line, which is the
 * library's. */
typedef void (*vfpool_note_fn)(void *arg, const char *text);
void vfpool_set_notes(struct vfpool *vp, vfpool_note_fn fn, void *arg);

/* Sets what the history is to say of who did it: a program's command line. Copies it. */
int vfpool_set_command(struct vfpool *vp, const char *command);

/* Returns one sentence on the last failure, with what was being done: the context's, until the next
 * call with it; never NULL, "" before the first failure. */
const char *vfpool_error(const struct vfpool *vp);

/* ---- definitions ------------------------------------------------------- */

/*
 * Checks the definitions in n files against the schema, their own sense, each other, the other
 * pools' definitions, the cards that are there and the leases. Changes nothing. EINVAL, with file
 * and line: a definition is wrong; VFPOOL_EINUSE: it would take a leased VF away. *ret_pools is in
 * the files' order and ends with NULL.
 */
int vfpool_validate(struct vfpool *vp, const char *const *files, size_t n,
		    struct vfpool_pool ***ret_pools);

/*
 * Does what vfpool_validate() does, then stores the files' texts as the pools' definitions, all or
 * none: of one that is killed, the next call that reads definitions does the rest, or there is
 * nothing of it; who may read only is told of that in a note. Who reads at the same time sees all
 * of before or all of after. Pools that share a PF can change its numvfs only together. ret_changed
 * has room for n: false where it was there already.
 */
int vfpool_define(struct vfpool *vp, const char *const *files, size_t n, bool dry_run,
		  struct vfpool_pool ***ret_pools, bool *ret_changed);

/* Forgets a definition; the VFs stay as they are. VFPOOL_ENOTFOUND: there is none;
 * VFPOOL_EINUSE: the pool has leases. */
int vfpool_undefine(struct vfpool *vp, const char *name, bool dry_run);

/* Gives the definition's text as vfpool_define() was given it. VFPOOL_ENOTFOUND: there is none. */
int vfpool_dumpxml(struct vfpool *vp, const char *name, char **ret_text);

/* Gives every definition, sorted by name; the array ends with NULL. One that can't be read or is
 * broken is told in a note (vfpool_set_notes()) and left out. */
int vfpool_pools(struct vfpool *vp, struct vfpool_pool ***ret_pools);
void vfpool_pools_free(struct vfpool_pool **pools);

/* Gives the definition of that name. VFPOOL_ENOTFOUND: there is none; another error: it can't be
 * read, or is broken. */
int vfpool_find_pool(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool);

/* ---- host -------------------------------------------------------------- */

/* Gives the host as it is, with each VF's pool and lease. Anyone may look: where the ledger can't
 * be read (it is root's, the disk is full or read-only), a note says so, and free VFs are
 * VFPOOL_VF_UNKNOWN. */
int vfpool_inventory(struct vfpool *vp, struct vfpool_inventory **ret_inventory);

/* Returns the PF that the definition means, the inventory's; NULL: it isn't there. */
const struct vfpool_pf *vfpool_find_pf(const struct vfpool_inventory *inventory,
				       const struct vfpool_pool_pf *want);

/* True when that PF may be among those that can't be looked at: they can't be told by their
 * MACs. */
bool vfpool_may_be_unread(const struct vfpool_inventory *inventory,
			  const struct vfpool_pool_pf *want);

/* Returns the PF's VF of that index, the PF's; NULL: it isn't there. */
const struct vfpool_vf *vfpool_find_vf(const struct vfpool_pf *pf, unsigned index);

/* Writes how the definition names the PF, as "dev='enp1s0'", cut off at `size` bytes with the
 * NUL. */
void vfpool_pool_pf_format(const struct vfpool_pool_pf *want, char *text, size_t size);

/* True when the pool has that VF of that PF. */
bool vfpool_pool_has_vf(const struct vfpool_pool_pf *pf, unsigned index);

enum vfpool_apply_flags {
	VFPOOL_APPLY_DRY_RUN = 1 << 0,
	VFPOOL_APPLY_LIVE = 1 << 1, /* also on busy VFs */
	VFPOOL_APPLY_UP = 1 << 2,   /* bring the PFs up, as up='yes' does */
};

/* Waits until the PFs that definitions (`name`'s, NULL: all) name are there, with their network
 * devices, `seconds` at most. *ret_all: they all are; it isn't a failure when they aren't. */
int vfpool_wait(struct vfpool *vp, const char *name, unsigned seconds, bool *ret_all);

/*
 * Makes the host what the definitions ask for: `name`'s, or every pool's when it is NULL. `flags`
 * is a set of enum vfpool_apply_flags. Of all, a definition that is broken, contradicts another
 * (both are meant) or has too few MACs is told in a note and left out, as if its VFs were no
 * pool's: VFPOOL_EPARTIAL; and what vfpool_bind() was to make last is bound anew where a reboot
 * undid it. PFs are locked one after the other, each for its own work; one that can't be locked or
 * looked at is a failed step, and the others are done. *ret_plan has the steps with their results:
 * also after VFPOOL_EPARTIAL (a step failed), VFPOOL_EINUSE (every step that didn't succeed was
 * refused because of a holder) and, once work has begun, any other failure. A second call finds
 * nothing to do.
 */
int vfpool_apply(struct vfpool *vp, const char *name, unsigned flags,
		 struct vfpool_plan **ret_plan);

/* ---- IOMMU groups ------------------------------------------------------- */

/* What a PCI device is in the tree of buses. */
enum vfpool_kind { VFPOOL_ENDPOINT, VFPOOL_BRIDGE, VFPOOL_ROOT_PORT };

/* A PCI device of an IOMMU group. */
struct vfpool_device {
	struct vfpool_pci address;
	enum vfpool_kind kind;
	unsigned class; /* base class, subclass and interface: 0x020000 is an Ethernet card */
	uint16_t vendor, device;
	char *vendor_name; /* by udev's hardware database, NULL: not in it */
	char *device_name;
	char *driver;          /* NULL: none */
	char *driver_override; /* NULL: none */
	char *netdev;          /* NULL: none in this network namespace */
	bool is_vf;
	struct vfpool_pci pf; /* a VF's PF */
	unsigned vf;          /* a VF's index on its PF */
	char *used;           /* what uses it, NULL: nothing that shows */
	bool is_in_the_way;   /* its driver keeps the group from a guest */
};

/* What the IOMMU can't tell apart, so that only one guest can have it. */
struct vfpool_group {
	int number; /* -1: the device has none, as where the IOMMU is off */
	/* The kernel's word: DMA, DMA-FQ, identity; NULL: it doesn't say */
	char *type;
	struct vfpool_device *devices; /* by address */
	size_t n_devices;
	bool is_viable; /* a guest can have it as it stands: no device is in the way */
};

struct vfpool_groups {
	struct vfpool_group *list; /* by number */
	size_t n;
};

/*
 * Gives the IOMMU groups of those devices (PCI addresses), or all when n is 0. A group is viable
 * when each of its devices has no driver or one that leaves DMA alone: vfio's, pci-stub, a port's
 * pcieport (the kernel's driver_managed_dma, since 5.19). VFPOOL_ENOTFOUND: no such device.
 */
int vfpool_iommu(struct vfpool *vp, const char *const *addresses, size_t n,
		 struct vfpool_groups **ret_groups);
void vfpool_groups_free(struct vfpool_groups *groups);

/* ---- drivers by hand ---------------------------------------------------- */

/* What is asked of bind and unbind. */
struct vfpool_bind_request {
	const char *const *addresses; /* PCI addresses */
	size_t n_addresses;           /* one or more */
	/* For bind: a kernel driver's name, "host": the device's own; NULL: vfio-pci */
	const char *driver;
	bool group;   /* with all endpoints of their IOMMU groups */
	bool persist; /* bind: also at each boot, by vfpool_apply() of all pools */
	bool dry_run;
};

/* A device and what was, or in a dry run would be, done with it. */
struct vfpool_binding {
	struct vfpool_pci address;
	char *driver_from; /* NULL: none */
	char *driver;      /* NULL: none */
	bool changed;      /* false: it was as it is to be */
	bool persists;     /* it gets that driver at each boot */
};

/*
 * Binds VFs, network cards, and devices that are in an IOMMU group with a VF, to a driver, by their
 * driver_override. All or none: when one fails, those that were done get back what they had, and
 * the error says so. What they had is in the ledger first. EINVAL: it is none of these, or a
 * bridge; or with `persist` a pool's VF whose definition has another driver. VFPOOL_EINUSE: one is
 * in use, or a leased VF; nothing overrides that. *ret_bindings has *ret_n, by address.
 */
int vfpool_bind(struct vfpool *vp, const struct vfpool_bind_request *request,
		struct vfpool_binding **ret_bindings, size_t *ret_n);

/*
 * Gives back what they had before vfpool_bind(), driver (or none) and driver_override, and forgets
 * that. All or none, and refused, as above. What isn't there any more is forgotten, with a note.
 * VFPOOL_ENOTFOUND: a device that vfpool hasn't bound, or not since the host was booted; with
 * `group`: none of it.
 */
int vfpool_unbind(struct vfpool *vp, const struct vfpool_bind_request *request,
		  struct vfpool_binding **ret_bindings, size_t *ret_n);

void vfpool_bindings_free(struct vfpool_binding *bindings, size_t n);

/* ---- leases ------------------------------------------------------------ */

/* What is asked of alloc; begin with VFPOOL_ALLOC_REQUEST. */
struct vfpool_alloc_request {
	const char *owner; /* a guest's name: 1 to 255 bytes of UTF-8 that can be seen */
	unsigned nic;      /* which of the owner's interfaces, from 0 on */
	unsigned count;    /* how many nics from that one on: all or none */
	int numa;          /* a NUMA node, -1: any */
	bool numa_only;    /* no VF from elsewhere */
	const char *pf;    /* netdev, PCI address or permanent MAC, NULL: any */
	int vf;            /* index on its PF, -1: any */
	bool has_mac;
	struct vfpool_mac mac; /* the owner's MAC, where vfpool makes none */
	int vlan;              /* instead of the pool's: 0 (none) to 4094; -1: the pool's */
	bool until_stop;       /* libvirt's hook ends a new lease when its guest stops */
	bool dry_run;
};

#define VFPOOL_ALLOC_REQUEST                                 \
	{                                                    \
		.count = 1, .numa = -1, .vf = -1, .vlan = -1 \
	}

/*
 * Gives VFs of the pool, and MACs, to the owner's interfaces, recorded before it returns;
 * *ret_leases has `count` and ends with NULL. Asked again, it gives the same leases, also where the
 * ledger's file system is full or read-only. A VF that its card refuses to set up is passed over,
 * with a note. VFPOOL_ENOVF: not enough are free. VFPOOL_EINUSE: the owner holds something else
 * than what is asked for, or the MAC is somebody's.
 */
int vfpool_alloc(struct vfpool *vp, const char *pool, const struct vfpool_alloc_request *request,
		 struct vfpool_lease ***ret_leases);

/* What is asked of release: which lease, by one or more of the first five. */
struct vfpool_release_request {
	const char *pool;            /* NULL: any */
	const char *owner;           /* NULL: whoever has the VF */
	int nic;                     /* -1: any */
	const struct vfpool_pci *vf; /* the VF's address now, NULL: any */
	uint64_t lease;              /* its number, 0: any */
	bool all;                    /* every lease that is meant; else there must be one */
	bool forget;                 /* the MAC is nobody's then */
	/* Also when something has the VF, or it can't be looked at: it goes into quarantine */
	bool force;
	bool dry_run;
};

#define VFPOOL_RELEASE_REQUEST \
	{                      \
		.nic = -1      \
	}

/*
 * Ends leases: scrubs their VFs, keeps the MACs for their owner. VFPOOL_ENOTFOUND when there is
 * none, with when and by which command it ended; VFPOOL_EINUSE while the VF is busy; another error
 * when its PF can't be looked at; EINVAL when several could be meant, with what they are.
 * *ret_leases, also when some failed (VFPOOL_EPARTIAL), has those that ended.
 */
int vfpool_release(struct vfpool *vp, const struct vfpool_release_request *request,
		   struct vfpool_lease ***ret_leases);

/* Gives the leases of one pool, or of all (NULL), with their VFs' addresses by the inventory; the
 * array ends with NULL. *ret_leases itself is NULL where the ledger can't be read, as
 * vfpool_inventory() has said. */
int vfpool_leases(struct vfpool *vp, const char *pool, const struct vfpool_inventory *inventory,
		  struct vfpool_lease ***ret_leases);

/*
 * Gives the leases of an owner, or with `lease` (0: none) the one of that number, then `owner` is
 * NULL; each with its VF's address. `nic` -1: any; `pool` NULL: any. The array ends with NULL.
 * VFPOOL_ENOTFOUND: there is none.
 */
int vfpool_find_leases(struct vfpool *vp, const char *pool, const char *owner, int nic,
		       uint64_t lease, struct vfpool_lease ***ret_leases);

/* ---- libvirt's guests --------------------------------------------------- */

/* Which of a guest's definitions. */
enum {
	VFPOOL_GUEST_LIVE = 1,    /* of the running guest */
	VFPOOL_GUEST_CONFIG = 2,  /* of its next start */
	VFPOOL_GUEST_CURRENT = 4, /* of the running guest, or of one that is shut off */
};

/* What is asked of attach and detach; begin with VFPOOL_ATTACH_REQUEST. */
struct vfpool_attach_request {
	const char *pool;   /* detach takes NULL: any */
	const char *guest;  /* name or UUID; its name is the owner's */
	int nic;            /* -1: attach takes 0, detach any */
	unsigned where;     /* VFPOOL_GUEST_*; 0: attach takes CURRENT, detach whatever has it */
	unsigned timeout_s; /* detach: how many seconds a running guest may take */
	bool dry_run;
};

#define VFPOOL_ATTACH_REQUEST              \
	{                                  \
		.nic = -1, .timeout_s = 60 \
	}

/*
 * Allocates a VF for the guest and gives it to libvirt; what libvirt changed of its
 * settings is put back. A lease that is held already is attached where it isn't yet.
 * When libvirt refuses, no new lease is left. VFPOOL_ENOTFOUND: no such guest.
 */
int vfpool_attach(struct vfpool *vp, const struct vfpool_attach_request *request,
		  struct vfpool_lease **ret_lease);

/*
 * Takes a lease's VF out of the guest, waits until it is really gone, and ends the
 * lease (*ret_lease says so), unless a definition that wasn't meant still names it.
 * VFPOOL_EINUSE: a running guest doesn't let go of it; the lease stays.
 */
int vfpool_detach(struct vfpool *vp, const struct vfpool_attach_request *request,
		  struct vfpool_lease **ret_lease);

/*
 * Does what libvirt's hook is for: `driver` is qemu or network, `object` the guest or the
 * network; libvirt's XML is read from the descriptor `xml` to its end. Never calls libvirt,
 * which waits for its hook, and returns within 2 seconds, whatever hangs. VFPOOL_EINUSE, at
 * "prepare" and "start" only, is the one result that is to stop the guest's start: its
 * definition would take a pool's VF that is leased to another, or to nobody, or says another
 * VLAN than its lease, which couldn't be programmed. After any other failure libvirt
 * is to go on; the last one is kept in the run directory, and vfpool_doctor() tells of it.
 */
int vfpool_hook(struct vfpool *vp, const char *driver, const char *object, const char *operation,
		const char *extra, int xml);

void vfpool_lease_free(struct vfpool_lease *lease);
void vfpool_leases_free(struct vfpool_lease **leases);

/* Gives the reservations of the pool, or of all (NULL); the array has *ret_n. */
int vfpool_reservations(struct vfpool *vp, const char *pool,
			struct vfpool_reservation **ret_reservations, size_t *ret_n);

/*
 * Ends the reservations without a lease, of that pool or of all (NULL), that were last used before
 * `before` (seconds since 1970): their MACs are nobody's then. *ret_reservations has those that
 * ended, the one that was idle longest first.
 */
int vfpool_forget_idle(struct vfpool *vp, const char *pool, int64_t before, bool dry_run,
		       struct vfpool_reservation **ret_reservations, size_t *ret_n);
void vfpool_reservations_free(struct vfpool_reservation *reservations, size_t n);

/*
 * Holds a VF for `reason`: nobody gets it from now on; a lease on it stays. `device` is a VF's PCI
 * address, or a PF's netdev, address or permanent MAC with `vf` its index, -1 for the whole PF. A
 * NULL reason ends it, by permanent MAC also for a PF that isn't there; one with control or
 * invisible characters, or that isn't UTF-8, is EINVAL. *ret_changed: it wasn't so.
 */
int vfpool_hold(struct vfpool *vp, const char *device, int vf, const char *reason, bool dry_run,
		bool *ret_changed);

/* Gives a guest's leases and MACs, *ret_n of them, to its new name. VFPOOL_ENOTFOUND: nobody has
 * the old one; VFPOOL_EINUSE: the new one has a MAC for the same nic of a pool. */
int vfpool_rename(struct vfpool *vp, const char *owner, const char *new_owner, bool dry_run,
		  unsigned *ret_n);

/*
 * Gives a pool a new name: its definition, its VFs, leases and MACs go along, all of it or nothing;
 * when it is killed in between, the next call that reads definitions finishes it. VFPOOL_EINUSE:
 * there is such a pool, or the ledger has MACs of one, or its libvirt network would be called
 * otherwise.
 */
int vfpool_rename_pool(struct vfpool *vp, const char *name, const char *new_name, bool dry_run);

/* ---- what was and what is left ----------------------------------------- */

/* One entry of the history. */
struct vfpool_event {
	int64_t at; /* seconds since 1970 */
	/* One of alloc, release, force-release, forget, rename, hold, unhold, guest, bind, unbind;
	 * of the ledger itself: epoch, restore */
	char *event;
	uint64_t lease;     /* 0: none */
	char *pool, *owner; /* "" when it has none */
	unsigned nic;
	char *mac;
	bool has_vf;
	char *pf; /* its permanent MAC, or its address */
	unsigned vf;
	char *command;
};

/* Which entries of the history are asked for: those for which all of this holds. */
struct vfpool_history_filter {
	const char *owner;           /* NULL: any */
	const struct vfpool_pci *vf; /* a VF there is now; NULL: any */
	int64_t since;               /* seconds since 1970 */
};

/* Gives the entries of the history that the filter lets through, the oldest first; the array has
 * *ret_n. VFPOOL_ENOTFOUND: there is no VF at that address. */
int vfpool_history(struct vfpool *vp, const struct vfpool_history_filter *filter,
		   struct vfpool_event **ret_events, size_t *ret_n);
void vfpool_events_free(struct vfpool_event *events, size_t n);

/* What gc or adopt found, and did about it. */
enum vfpool_finding_kind {
	VFPOOL_FOUND_PENDING,     /* an alloc that was interrupted: undone */
	VFPOOL_FOUND_RELEASING,   /* a release that was interrupted: finished */
	VFPOOL_FOUND_QUARANTINED, /* nothing holds the VF now: scrubbed and free */
	VFPOOL_FOUND_IDLE,        /* a VF that was found busy once: free again */
	VFPOOL_FOUND_GUEST,       /* a guest has the lease's MAC: noted in the lease */
	/* Its guest is gone, or has stopped as it was made for: it is ended */
	VFPOOL_FOUND_ORPHAN,
	VFPOOL_FOUND_UNSEEN,   /* no guest has it: for a person to decide */
	VFPOOL_FOUND_VANISHED, /* the lease's VF isn't there */
	VFPOOL_FOUND_ADOPTED,  /* a guest names a pool's VF: it has a lease now */
	/* Entries of the history are older, or more, than is kept: removed */
	VFPOOL_FOUND_HISTORY,
	VFPOOL_FOUND_MOVED, /* a guest names its VF by an address that it had once */
	VFPOOL_FOUND_VLAN,  /* a guest's definition says another VLAN than its lease */
};

enum vfpool_finding_result {
	VFPOOL_FINDING_DONE, /* or, in a dry run, to be done */
	VFPOOL_FINDING_LEFT, /* something has the VF, or it is a person's to decide */
	VFPOOL_FINDING_FAILED,
};

struct vfpool_finding {
	enum vfpool_finding_kind kind;
	enum vfpool_finding_result result;
	struct vfpool_lease *lease; /* NULL: it is about a VF without a lease */
	char *text;                 /* a sentence on it */
};

struct vfpool_findings {
	struct vfpool_finding *list;
	size_t n;
	bool guests_known; /* libvirt told all of its guests */
};

void vfpool_findings_free(struct vfpool_findings *findings);

/* What is asked of gc; begin with VFPOOL_GC_REQUEST. */
struct vfpool_gc_request {
	unsigned history_days; /* entries of the history that are older are removed */
	unsigned history_rows; /* entries beyond so many are removed, the oldest first */
	bool dry_run;
};

#define VFPOOL_GC_REQUEST                                   \
	{                                                   \
		.history_days = 400, .history_rows = 200000 \
	}

/*
 * Finishes or undoes what was interrupted, and ends leases whose guest was seen and is gone: by a
 * complete answer from libvirt, and when nothing holds the VF. No other lease is ended; one whose
 * PF is gone, or can't be looked at, is left to a person. First of all the ledger is checked:
 * EUCLEAN when it is damaged. VFPOOL_EPARTIAL: something failed. The history is pruned to what is
 * asked for, but that a lease was made is kept as long as it is there.
 */
int vfpool_gc(struct vfpool *vp, const struct vfpool_gc_request *request,
	      struct vfpool_findings **ret_findings);

/*
 * Records leases for what libvirt's guests, or that one (name or UUID; NULL: all),
 * name already: VFs of pools, and networks of pools that libvirt allocates. Nothing
 * is programmed. EHOSTDOWN: libvirt doesn't answer; VFPOOL_EPARTIAL: something is at
 * odds, as a VF that is leased to another.
 */
int vfpool_adopt(struct vfpool *vp, const char *guest, bool dry_run,
		 struct vfpool_findings **ret_findings);

/*
 * Finds the guests (or the one, by name) whose definition has a lease's MAC on an address that is
 * another VF's by now, as after a card was added, or another VLAN than the lease's, and mends the
 * definition of their next start. A plain <hostdev> on a pool's VF that isn't that guest's is told.
 * libvirt may take `wait` seconds to tell its guests, 0: a few, then EHOSTDOWN. *ret_findings has
 * each, also after VFPOOL_EPARTIAL.
 */
int vfpool_refresh(struct vfpool *vp, const char *guest, bool dry_run, unsigned wait,
		   struct vfpool_findings **ret_findings);

/* Writes a whole copy of the ledger, while others use it; the file is written whole or not at all,
 * and checked. `force` replaces a file that is there. VFPOOL_ENOTFOUND: there is no ledger yet;
 * VFPOOL_EINUSE: the file is the ledger itself, or one that SQLite uses beside it; EEXIST: it is
 * there. */
int vfpool_backup(struct vfpool *vp, const char *file, bool force);

/*
 * Puts a backup in the ledger's place, whatever is there, and begins with lease numbers that were
 * never given. A VF that has the MAC of an owner without a lease is its owner's again; one that has
 * an owner's MAC which the backup doesn't know is held, also where the backup has a lease of it, or
 * not the VF. *ret_findings has each; libvirt's guests are vfpool_adopt()'s. `dry_run` only looks
 * whether the file is sound. VFPOOL_EINUSE: it is the ledger itself; EUCLEAN: it is none, or
 * damaged.
 */
int vfpool_restore(struct vfpool *vp, const char *file, bool dry_run,
		   struct vfpool_findings **ret_findings);

/* ---- what others read -------------------------------------------------- */

/* How a lease is told to what starts a guest. */
enum vfpool_format {
	VFPOOL_FORMAT_LIBVIRT,    /* <interface type='hostdev'>, or of a libvirt pool 'network' */
	VFPOOL_FORMAT_NETWORK,    /* <interface type='network'> */
	VFPOOL_FORMAT_HOSTDEV,    /* plain <hostdev>, which libvirt doesn't program */
	VFPOOL_FORMAT_TEAMING,    /* a virtual card and the VF, as a failover pair */
	VFPOOL_FORMAT_QEMU,       /* -device vfio-pci,… */
	VFPOOL_FORMAT_QMP,        /* device_add and device_del, a line each */
	VFPOOL_FORMAT_STRATOVIRT, /* -device vfio-pci,… with its bus and addr */
	VFPOOL_FORMAT_ENV,        /* NAME=value lines for a shell */
	VFPOOL_N_FORMATS,
};

/* Reads a format's name, libvirt, network, … as above. EINVAL: there is no such format. */
int vfpool_format_parse(const char *name, enum vfpool_format *ret_format);

struct vfpool_interface_options {
	/* Where QEMU or StratoVirt plugs it; NULL: it chooses, or a root port, slot 0 of
	 * StratoVirt */
	const char *bus, *addr;
	const char *portgroup; /* of the pool's network; NULL: its default */
	/* 0: the only one; of several this one, from 1 on: StratoVirt's root port is
	 * pcie.NUMBER, instead of NIC + 1, the names of FORMAT_ENV end with _0, _1, …; with
	 * `addr` on one bus they are functions of that slot from that function on, at most up to
	 * 7, and function 0 carries multifunction=on */
	unsigned number;
	bool multifunction; /* the slot of QEMU or StratoVirt has functions of others too */
};

/* Gives the lease's text in that format. `options` may be NULL. EINVAL: it can't be told so, as a
 * lease without a VF to QEMU. */
int vfpool_interface(struct vfpool *vp, const struct vfpool_lease *lease, enum vfpool_format format,
		     const struct vfpool_interface_options *options, char **ret_text);

/* Checks that a lease of the pool could be told so, before there is one. EINVAL, as above: it
 * couldn't. `options` isn't NULL. */
int vfpool_check_interface(struct vfpool *vp, const char *pool, enum vfpool_format format,
			   const struct vfpool_interface_options *options);

/*
 * Gives libvirt's <network> for the pool; `from`, NULL or a file, is an admin's own network of that
 * name, whose <forward>, and VLAN if it has none, become the pool's. EINVAL: it is a pool that
 * vfpool allocates. *ret_notes is NULL before the call, and then names VFs that are left out and
 * their holders, unless there are none; free() it, after a failure too.
 */
int vfpool_network_xml(struct vfpool *vp, const char *pool, const char *from, char **ret_xml,
		       char **ret_notes);

/* What is asked of vfpool_network_define(). */
struct vfpool_network_request {
	const char *from; /* as above */
	bool start;
	bool autostart; /* libvirt itself starts it at boot */
	/* What is done at boot: the network is started, and when it wasn't there before, or had
	 * VFs that aren't its own any more, the guests that have autostart and are off, since
	 * libvirt couldn't start them; where that can't be done they are told in notes */
	bool sync;
	bool undefine; /* stops it and takes it from libvirt; only `force` counts then */
	bool force;    /* one of VFs that somebody else has made, too */
};

/* True when the network of that pool is one that a boot brings back: by the pool's definition, or
 * by libvirt's own autostart. */
bool vfpool_network_is_synced(const struct vfpool *vp, const struct vfpool_pool *pool);

/*
 * Defines the pool's network in libvirt when it isn't there alike. One that runs is stopped and
 * started to change it; VFPOOL_EINUSE when guests use it, with their names: nothing was changed.
 * VFPOOL_EINUSE too when the network is somebody else's: what vfpool has made has an element of the
 * namespace urn:vfpool in its <metadata>. One that isn't of VFs is never replaced. *ret_notes is as
 * above.
 */
int vfpool_network_define(struct vfpool *vp, const char *pool,
			  const struct vfpool_network_request *request, bool *ret_changed,
			  char **ret_notes);

/* Gives what libvirt has for it (*ret_is, NULL: nothing) and what it is to have, as texts that
 * compare line by line. VFPOOL_EINUSE: what libvirt has isn't of VFs. */
int vfpool_network_compare(struct vfpool *vp, const char *pool, const char *from, char **ret_is,
			   char **ret_wanted);

/* Gives the udev rules that make the pool's VFs at boot, one for each of its PFs. */
int vfpool_udev_rules(struct vfpool *vp, const char *pool, char **ret_text);

/* Writes them where udev reads them; *ret_path is the file. *ret_changed: they weren't there. */
int vfpool_udev_install(struct vfpool *vp, const char *pool, char **ret_path, bool *ret_changed);

/* Takes them away again, also of a pool that isn't defined any more; *ret_path is the file.
 * *ret_changed: they were there. */
int vfpool_udev_remove(struct vfpool *vp, const char *pool, char **ret_path, bool *ret_changed);

/* Gives, for a udev rule, the properties of a VF's network device: VFPOOL_POOL=NAME and what keeps
 * managers of the network away, a line each; "" when it is no pool's. */
int vfpool_udev_properties(struct vfpool *vp, const char *netdev, char **ret_text);

/* Gives the rules of the pool that udev reads now, NULL: none. */
int vfpool_udev_installed(struct vfpool *vp, const char *pool, char **ret_text);

/* ---- what is wrong? ----------------------------------------------------- */

enum vfpool_verdict {
	VFPOOL_SOUND,
	VFPOOL_WARNING, /* it works, but not as it should, or not after the next boot */
	VFPOOL_FAULT,   /* VFs don't go into guests so */
};

/* One thing that was looked at; a check may have several. */
struct vfpool_check {
	const char *name;      /* of the check: firmware, acs, … */
	const char *looked_at; /* files and programs, a constant as the name is */
	enum vfpool_verdict verdict;
	char *found;  /* a sentence */
	char *remedy; /* what to do on this host; NULL: nothing */
};

struct vfpool_diagnosis {
	struct vfpool_check *checks; /* in the order in which things depend on each other */
	size_t n;
};

void vfpool_diagnosis_free(struct vfpool_diagnosis *diagnosis);

/*
 * Looks for what keeps VFs from guests: of all pools or the one, and of that guest of libvirt (name
 * or UUID; NULL: none). Changes nothing. What can't be looked at is a warning that says so.
 * VFPOOL_ENOTFOUND: no such pool or guest.
 */
int vfpool_doctor(struct vfpool *vp, const char *pool, const char *guest,
		  struct vfpool_diagnosis **ret_diagnosis);

/* What an error message means. */
struct vfpool_explanation {
	const char *meaning, *remedy;
	const char *checks[4]; /* names of the checks that look for it; ends with NULL */
};

/* How many bytes a message may have. */
#define VFPOOL_MESSAGE_MAX (64 * 1024)

/* Tells what messages of libvirt, QEMU, the kernel, iproute2 or udev mean, in lines of which the
 * one counts that says most on VFs: *ret_line. *ret_is is a constant. VFPOOL_ENOTFOUND: none is
 * known; E2BIG: they are longer than VFPOOL_MESSAGE_MAX. */
int vfpool_explain(struct vfpool *vp, const char *message, const struct vfpool_explanation **ret_is,
		   char **ret_line);

/* ---- text -------------------------------------------------------------- */

/* Writes the address as 0000:01:10.2. */
void vfpool_pci_format(const struct vfpool_pci *address, char text[VFPOOL_PCI_TEXT]);

/* Writes libvirt's name of the device, pci_0000_01_10_2. */
void vfpool_pci_nodedev(const struct vfpool_pci *address, char text[VFPOOL_NODEDEV_TEXT]);

/* Reads either of the two. EINVAL: it is neither. This and vfpool_mac_parse() leave vfpool_error()
 * as it is. */
int vfpool_pci_parse(const char *text, struct vfpool_pci *ret_address);
bool vfpool_pci_equal(const struct vfpool_pci *a, const struct vfpool_pci *b);

/* Returns a number below, equal to or above 0, as strcmp(). */
int vfpool_pci_compare(const struct vfpool_pci *a, const struct vfpool_pci *b);

/* Writes the MAC as d2:56:46:01:02:03. */
void vfpool_mac_format(const struct vfpool_mac *mac, char text[VFPOOL_MAC_TEXT]);

/* Reads a MAC, with colons. EINVAL: it is none. */
int vfpool_mac_parse(const char *text, struct vfpool_mac *ret_mac);
bool vfpool_mac_equal(const struct vfpool_mac *a, const struct vfpool_mac *b);

#ifdef __cplusplus
}
#endif
#endif
