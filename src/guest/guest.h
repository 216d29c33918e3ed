/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hypervisors read, and the connection to libvirt. */
#ifndef VFPOOL_GUEST_H
#define VFPOOL_GUEST_H

#include "vfpool.h"

struct error;

/* Has the lease a VLAN that libvirt can't program? It does so with qos 0 and as 802.1Q. */
bool guest_vlan_is_beyond_libvirt(const struct vfpool_pool *pool, const struct vfpool_lease *lease);

/* Returns the VLAN that the lease's <interface> has, 0: none, -1: a port profile says, or the network. */
int guest_vlan(const struct vfpool_pool *pool, const struct vfpool_lease *lease);

/* What a lease's interface is asked in. */
struct guest_form {
	enum vfpool_format format;
	const struct vfpool_interface_options *options;
	bool has_hook; /* vfpool's hook in libvirt puts back what libvirt leaves out */
};

/* Puts the lease into that form, as vfpool_interface() says. Fills `err`. */
int guest_interface(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		    const struct guest_form *form, char **ret_text, struct error *err);

/* Puts the lease into a form that is XML, and that it fits. -ENOMEM is the one way to
 * fail. */
int guest_interface_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
			enum vfpool_format format, const char *portgroup, char **ret_xml);

/* Writes the pool's <network>: with `pf_dev` when it has all VFs of that one PF, else with the
 * list of its VFs' addresses. */
int guest_network_xml(const struct vfpool_pool *pool, const char *pf_dev,
		      const struct vfpool_pci *addresses, size_t n, char **ret_xml);

/* Completes an admin's own <network>: its <forward> is replaced by that of `made`, which the pool's
 * guest_network_xml() is, and it gets `made`'s VLAN when it has none. -EBADMSG: it isn't a network of
 * that name. */
int guest_network_complete(const char *own, const char *made, char **ret_xml);

/* The namespace of the element in a network's <metadata> by which vfpool knows what it has made. */
#define GUEST_NETWORK_MARK "urn:vfpool"

/* What to do about another's. */
#define GUEST_OTHER_NAME \
	"<network name='…'/> in the pool's definition gives the pool's another name"

enum guest_network_kind {
	GUEST_NETWORK_OURS,    /* of VFs, and vfpool has made it */
	GUEST_NETWORK_HOSTDEV, /* of VFs, and somebody else's */
	GUEST_NETWORK_OTHER,   /* a bridge, NAT, … */
};

/* Finds out what libvirt's <network> is; *ret_what says it, as in "forward mode nat, bridge virbr0". -EBADMSG: it
 * is none; -ENOMEM. */
int guest_network_look(const char *xml, enum guest_network_kind *ret_kind, char **ret_what);

/* Do both texts define the same network, whatever the UUID and the mark? */
bool guest_networks_equal(const char *a, const char *b);

/* Do guests use the running network, by its own XML? */
bool guest_network_is_used(const char *xml);

/* Writes the text without its UUID and mark, a line each element, so that two of them compare. */
int guest_network_normal(const char *xml, char **ret_text);

enum guest_autostart { GUEST_AUTOSTART_AS_IS, GUEST_AUTOSTART_OFF, GUEST_AUTOSTART_ON };

struct guest_network {
	const char *name, *xml;
	enum guest_autostart autostart;
	bool start;
	bool force; /* replace one of VFs that is somebody else's */
	const struct vfpool_pci
		*vfs; /* all that it may have: one that runs with another is stale */
	size_t n_vfs;
};

struct guest_network_result {
	bool changed; /* it wasn't there, or didn't run, alike */
	bool started; /* it runs, and has not before, or with VFs that aren't its own any more */
};

/*
 * Gives the network to libvirt. One that runs is stopped and started to change it. VFPOOL_EINUSE when
 * guests use it, with their names, or when it is somebody else's.
 */
int guest_network_define(const char *uri, const struct guest_network *network,
			 struct guest_network_result *ret_result, struct error *err);

/* Calls `fn` for the guests that are off, have autostart, and use that network: libvirt couldn't start them without
 * it. `start`: they are started, and `fn` gets NULL or why one wasn't. */
typedef int (*guest_on_network_fn)(void *arg, const char *guest, const char *failure);
int guest_each_on_network(const char *uri, const char *network, bool start, guest_on_network_fn fn,
			  void *arg, struct error *err);

/* Stops the network and takes it from libvirt. VFPOOL_EINUSE likewise; *ret_changed: it was there. */
int guest_network_undefine(const char *uri, const char *name, bool force, bool *ret_changed,
			   struct error *err);

/* Reads the network that libvirt has; *ret_xml is NULL when there is none. */
int guest_network_get(const char *uri, const char *name, char **ret_xml, struct error *err);

/* ---- guests ---- */

/* An <interface> of a guest, or a plain <hostdev>. */
struct guest_nic {
	bool has_mac; /* false: plain */
	struct vfpool_mac mac;
	bool has_address; /* a PCI device of the host */
	struct vfpool_pci address;
	int vlan;      /* 0: none */
	int next_vlan; /* after its next start; -1, of guest_list(): it hasn't the device then */
	char *network; /* libvirt's, NULL: none */
	bool is_unmanaged; /* libvirt doesn't bind vfio-pci for it; not told by guest_list() */
};

/* A guest of libvirt, with what its definitions (now, and after its next start)
 * name. */
struct guest {
	char uuid[37];
	char *name;
	bool is_running, is_saved; /* of guest_list() */
	struct guest_nic *nics;    /* each once, in the definition's order */
	size_t n_nics;
	unsigned long long memory, hard_limit; /* KiB, 0: not told, as by guest_list() */
};

void guest_end(struct guest *guest);

struct guests {
	struct guest *list;
	size_t n;
};

void guests_end(struct guests *guests);

/*
 * Lists every guest that libvirt at `uri` knows. -ENOENT: the own host's libvirt isn't there:
 * its socket isn't in `run_dir`, its run directory. -EHOSTDOWN: it hasn't told all in
 * time (a few seconds).
 */
int guest_list(const char *uri, const char *run_dir, struct guests *ret_guests, struct error *err);

/* Lists them within so many seconds. */
int guest_list_within(const char *uri, const char *run_dir, unsigned seconds,
		      struct guests *ret_guests, struct error *err);

bool guest_has_mac(const struct guest *guest, const struct vfpool_mac *mac);
bool guest_has_device(const struct guest *guest, const struct vfpool_pci *device);

/* Returns the first guest that names the lease's VF and isn't its owner's: it has neither the MAC nor the
 * owner's name; NULL: there is none. */
const struct guest *guests_stranger(const struct guests *guests, const struct vfpool_lease *lease);

/* Adds what a domain's XML names to the guest, and its name and UUID where it has none
 * yet. -EBADMSG: it isn't to be understood; -ENOMEM. */
int guest_read_domain(const char *xml, struct guest *guest);

/* What qemu.conf, libvirt's settings for QEMU, says on devices. */
struct guest_qemu_conf {
	bool has_acl, acl_has_vfio; /* cgroup_device_acl, and has it /dev/vfio/vfio? */
	bool relaxed_acs;           /* relaxed_acs_check */
	bool keeps_owners;          /* dynamic_ownership = 0, and QEMU isn't root: */
	char *user;                 /* the user that it runs as, NULL: libvirt's default */
};

/* Reads qemu.conf, which may be missing. -ENOMEM is the one way to fail. */
int guest_read_qemu_conf(const char *path, struct guest_qemu_conf *ret_conf);

/* Finds the PF of a hostdev network's <forward> in its XML; NULL: it names none. -EBADMSG, -ENOMEM. */
int guest_network_pf(const char *xml, char **ret_dev);

/* Finds out how many PCI devices libvirt's node device driver tells of. -ENOENT, -EHOSTDOWN as guest_list(). */
int guest_count_devices(const char *uri, const char *run_dir, unsigned *ret_n, struct error *err);

/* Asks libvirt in a child, for a few seconds at most: `question` may hang. *ret_text is what it gave, NULL:
 * nothing. Its error, or -EHOSTDOWN: it hasn't answered; -ENOENT as guest_list(). */
typedef int (*guest_question_fn)(const char *uri, const char *name, char **ret_text,
				 struct error *err);
int guest_ask(const char *uri, const char *run_dir, guest_question_fn question, const char *name,
	      char **ret_text, struct error *err);

/* Asks, for guest_ask(), for the XML of the guest's next start, or of one without a definition as it runs. By
 * name or UUID. VFPOOL_ENOTFOUND. */
int guest_definition(const char *uri, const char *name, char **ret_xml, struct error *err);

/* A guest's interface on a libvirt network. */
struct guest_port {
	char uuid[37], name[256]; /* the guest's */
	struct vfpool_mac mac;
};

/* Reads libvirt's XML of a port, or what it gives the network hook. -EBADMSG: it isn't to be
 * understood, or it is about no port. */
int guest_read_port(const char *xml, struct guest_port *ret_port);

/* Returns the device by which the guest has the lease: its VF, with its MAC or plain, or without a VF one with
 * its MAC on that network of libvirt. NULL: it hasn't it. */
const struct guest_nic *guest_find_nic(const struct guest *guest, const struct vfpool_lease *lease,
				       const char *network);

/* Returns the guest's device with the lease's MAC on another VF, as an old definition has it; NULL: there is none. */
const struct guest_nic *guest_find_old_nic(const struct guest *guest,
					   const struct vfpool_lease *lease);

/* Moves the interface that has this MAC to that VF, with that VLAN (0: none, -1: as it is), in the domain's XML. -ENOENT:
 * there is none; -EBADMSG, -ENOMEM. */
int guest_move_nic(const char *xml, const struct vfpool_mac *mac, const struct vfpool_pci *to,
		   int vlan, char **ret_xml);

/* Writes the element that takes the device out of its guest. -ENOMEM. */
int guest_nic_xml(const struct guest_nic *nic, char **ret_xml);

/* ---- one guest ---- */

/* A guest's definitions: of the running one, and of its next start. */
struct guest_state {
	char uuid[37];
	char *name;
	bool is_running, is_persistent;
	struct guest now, next;
};

void guest_state_end(struct guest_state *state);

/* Looks at a guest, by name or UUID. VFPOOL_ENOTFOUND: libvirt has no such guest. Waits for libvirt without
 * a deadline, as the next two do. */
int guest_look(const char *uri, const char *name, struct guest_state *ret_state, struct error *err);

enum {
	GUEST_NOW = 1,
	GUEST_NEXT = 2,
};

/* Put the device into, or take it out of, the definitions that `where` says. A running guest gives a device back
 * later, or never. */
int guest_attach(const char *uri, const char *uuid, const char *xml, unsigned where,
		 struct error *err);
int guest_detach(const char *uri, const char *uuid, const char *xml, unsigned where,
		 struct error *err);

/* Does as guest_move_nic() in the guest's definition of its next start, and leaves all else as it is. */
int guest_move(const char *uri, const char *uuid, const struct vfpool_mac *mac,
	       const struct vfpool_pci *to, int vlan, struct error *err);

#endif
