/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hypervisors read, and the connection to libvirt. */
#ifndef VFPOOL_GUEST_H
#define VFPOOL_GUEST_H

#include "vfpool.h"

struct error;

/* libvirt programs a guest's VLAN with qos 0 and as 802.1Q, whatever it was. */
bool guest_vlan_is_beyond_libvirt(const struct vfpool_pool *pool,
				  const struct vfpool_lease *lease);

/* The lease in that format, as vfpool_interface() says. Fills `err`. */
int guest_interface(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		    enum vfpool_format format, const struct vfpool_interface_options *options,
		    char **ret_text, struct error *err);

/* Those of them that are XML; the lease fits the format. -ENOMEM is the one way to
 * fail. */
int guest_interface_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
			enum vfpool_format format, const char *portgroup, char **ret_xml);

/* The pool's <network>: `pf_dev` when it has all VFs of that one PF, else the
 * list of its VFs' addresses. */
int guest_network_xml(const struct vfpool_pool *pool, const char *pf_dev,
		      const struct vfpool_pci *addresses, size_t n, char **ret_xml);

/* Do both texts define the same network, whatever the UUID? */
bool guest_networks_equal(const char *a, const char *b);

/* Gives the network to libvirt. *ret_changed: it wasn't there alike. */
int guest_network_define(const char *uri, const char *name, const char *xml, bool autostart,
			 bool start, bool *ret_changed, struct error *err);

/* ---- guests ---- */

/* A guest of libvirt, with what all of its definitions (now, and after its next
 * start) name. */
struct guest {
	char uuid[37];
	char *name;
	struct vfpool_mac *macs; /* of its interfaces */
	size_t n_macs;
	struct vfpool_pci *devices; /* PCI devices of the host */
	size_t n_devices;
};

struct guests {
	struct guest *list;
	size_t n;
};

void guests_end(struct guests *guests);

/*
 * Every guest that libvirt at `uri` knows. -ENOENT: the own host's libvirt isn't there:
 * its socket isn't in `run_dir`, its run directory. -EHOSTDOWN: it hasn't told all in
 * time (a few seconds).
 */
int guest_list(const char *uri, const char *run_dir, struct guests *ret_guests,
	       struct error *err);

bool guest_has_mac(const struct guest *guest, const struct vfpool_mac *mac);
bool guest_has_device(const struct guest *guest, const struct vfpool_pci *device);

/* Adds the MACs and host devices of a domain's XML to the guest. -EBADMSG: it
 * isn't to be understood; -ENOMEM. */
int guest_read_domain(const char *xml, struct guest *guest);

#endif
