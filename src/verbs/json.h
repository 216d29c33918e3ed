/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON forms. They are stable: fields are added, never renamed. */
#ifndef VFPOOL_JSON_H
#define VFPOOL_JSON_H

#include "vfpool.h"

#include <json-c/json.h>

/*
 * Each returns what it is given as JSON, which the caller owns. NULL leases are those of a ledger
 * that can't be read: null, as are the reservations then.
 */
struct json_object *json_list(struct vfpool_pool *const *pools,
			      const struct vfpool_inventory *inventory,
			      struct vfpool_lease *const *leases);
struct json_object *json_show(const struct vfpool_pool *pool,
			      const struct vfpool_inventory *inventory,
			      struct vfpool_lease *const *leases,
			      const struct vfpool_reservation *reservations, size_t n);
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

#endif
