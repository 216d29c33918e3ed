/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What several verbs print alike. */
#ifndef VFPOOL_OUTPUT_H
#define VFPOOL_OUTPUT_H

#include "verbs.h"

#include "util/cleanup.h"

#include <json-c/json.h>

DEFINE_CLEANUP(struct vfpool_findings *, cleanup_findings, vfpool_findings_free);

/* PFs with their VFs as a tree; `pool` (NULL: all) limits it to its VFs; `nodedev`: addresses are
 * libvirt's names. */
int print_inventory(const struct vfpool_inventory *inventory, const char *pool, bool nodedev);

/* A line for each PF that can't be looked at. */
void print_unread(const struct vfpool_inventory *inventory);

/* A lease that the table has no line for: its VF, or the card, isn't there. */
void print_lost(const struct vfpool_lease *lease, const struct vfpool_inventory *inventory);

/* The pools, with how many of their VFs are free, leased and busy. */
int print_pools(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		struct vfpool_lease *const *leases);

/* A line each; `found` may be NULL. */
void print_findings(const struct vfpool_findings *found, bool json, bool dry_run);

/* IOMMU groups with their devices as a tree. */
int print_groups(const struct vfpool_groups *groups);

int print_history(const struct vfpool_event *events, size_t n);

/* The same as JSON; the caller owns the object. `leases_known`: the ledger could be read; NULL leases and
 * reservations that couldn't are null. */
struct json_object *json_inventory(const struct vfpool_inventory *inventory, const char *pool, bool leases_known);
struct json_object *json_unread(const struct vfpool_inventory *inventory);
struct json_object *json_pool(const struct vfpool_pool *pool);
struct json_object *json_lease(const struct vfpool_lease *lease);
struct json_object *json_leases(struct vfpool_lease *const *leases);
struct json_object *json_reservations(const struct vfpool_reservation *reservations, size_t n);
struct json_object *json_findings(const struct vfpool_findings *findings);
struct json_object *json_diagnosis(const struct vfpool_diagnosis *diagnosis);
struct json_object *json_explanation(const struct vfpool_explanation *explanation);
struct json_object *json_groups(const struct vfpool_groups *groups);
struct json_object *json_bindings(const struct vfpool_binding *bindings, size_t n);
struct json_object *json_history(const struct vfpool_event *events, size_t n);
struct json_object *json_plan(const struct vfpool_plan *plan);

/* How leases are printed; what the options of a verb say. */
struct interface_args {
	const char *format; /* NULL: libvirt */
	const char *portgroup, *bus, *addr;
	bool multifunction;
	bool json;
	bool array; /* JSON of several, though there may be one */
};

#define INTERFACE_OPTIONS(args)                                                                   \
	{ "format", OPTION_TEXT, &(args)->format, "libvirt, network, hostdev, teaming, qemu, qmp, "    \
						  "stratovirt, env or json" },                         \
	{ "portgroup", OPTION_TEXT, &(args)->portgroup, "of the pool's network" },                     \
	{ "bus", OPTION_TEXT, &(args)->bus, "where QEMU or StratoVirt plugs it" },                     \
	{ "addr", OPTION_TEXT, &(args)->addr, "the slot there; several VFs are functions of it" },     \
	{ "multifunction", OPTION_FLAG, &(args)->multifunction, "the slot has functions of others too" }, \
	{ "json", OPTION_FLAG, &(args)->json, "the lease as JSON" }

/* Is there that format? -VERB_USAGE after a message. */
int check_interface_args(const struct verb *verb, struct interface_args *args);
/* Can so many leases of the pool be told so? */
int check_format_of_pool(struct vfpool *vp, const char *pool, const struct interface_args *args, unsigned n);
int print_interfaces(struct vfpool *vp, struct vfpool_lease *const *leases,
		     const struct interface_args *args);

/* What makes `new` of `old`; -VERB_SAID when anything does. */
int print_diff(const char *old_name, const char *old, const char *new_name, const char *new);

/* Prints the object and gives it back. */
void print_json(struct json_object *object);

const char *kind_name(enum vfpool_kind kind);
const char *allocate_name(enum vfpool_allocate allocate);

#endif
