/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON forms. They are stable: fields are added, never renamed. */
#include "verbs/json.h"
#include "verbs/overview.h"
#include "verbs/words.h"

#include <stdio.h>

/* Makes an array of the `n` members of `list`, each as what json_one() makes of a pointer to it. */
#define JSON_ARRAY(list, n, json_one)                                         \
	({                                                                    \
		struct json_object *array_ = json_object_new_array();         \
		for (size_t i_ = 0; i_ < (n); i_++)                           \
			json_object_array_add(array_, json_one(&(list)[i_])); \
		array_;                                                       \
	})

static void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

/* Adds the text; NULL becomes null. */
static void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_add(object, key, text ? json_object_new_string(text) : NULL);
}

static void json_add_number(struct json_object *object, const char *key, int64_t number)
{
	json_add(object, key, json_object_new_int64(number));
}

/* Adds the number, or null where it isn't `known`. */
static void json_add_known(struct json_object *object, const char *key, bool known, int64_t number)
{
	json_add(object, key, known ? json_object_new_int64(number) : NULL);
}

static void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_add(object, key, json_object_new_boolean(value));
}

/* Adds the address as text; NULL becomes null. */
static void json_add_pci(struct json_object *object, const char *key,
			 const struct vfpool_pci *address)
{
	char text[VFPOOL_PCI_TEXT];

	if (address)
		vfpool_pci_format(address, text);
	json_add_text(object, key, address ? text : NULL);
}

/* Adds a device's address, and libvirt's name of the device. */
static void json_add_device(struct json_object *object, const struct vfpool_pci *address)
{
	char text[VFPOOL_NODEDEV_TEXT];

	json_add_pci(object, "address", address);
	vfpool_pci_nodedev(address, text);
	json_add_text(object, "nodedev", text);
}

/* Adds the MAC as text; NULL becomes null. */
static void json_add_mac(struct json_object *object, const char *key, const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];

	if (mac)
		vfpool_mac_format(mac, text);
	json_add_text(object, key, mac ? text : NULL);
}

/* Adds a PCI vendor's or device's number as four digits. */
static void json_add_id(struct json_object *object, const char *key, uint16_t id)
{
	char text[8];

	snprintf(text, sizeof(text), "%04x", id);
	json_add_text(object, key, text);
}

static struct json_object *json_text(char *const *text)
{
	return json_object_new_string(*text);
}

static struct json_object *json_settings(const struct vfpool_settings *settings)
{
	static const char *const links[] = { "auto", "on", "off" };
	struct json_object *object = json_object_new_object();

	if (settings->have & VFPOOL_ATTR_MAC)
		json_add_mac(object, "mac", &settings->mac);
	if (settings->have & VFPOOL_ATTR_VLAN) {
		json_add_number(object, "vlan", settings->vlan);
		json_add_number(object, "qos", settings->qos);
		json_add_text(object, "proto",
			      settings->vlan_proto == 0x88a8 ? "802.1ad" : "802.1Q");
	}
	if (settings->have & VFPOOL_ATTR_RATE) {
		json_add_number(object, "min_rate", settings->min_rate);
		json_add_number(object, "max_rate", settings->max_rate);
	}
	if (settings->have & VFPOOL_ATTR_SPOOFCHK)
		json_add_bool(object, "spoofchk", settings->spoofchk);
	if (settings->have & VFPOOL_ATTR_LINK)
		json_add_text(object, "link",
			      settings->link <= VFPOOL_LINK_OFF ? links[settings->link] : "?");
	if (settings->have & VFPOOL_ATTR_TRUST)
		json_add_bool(object, "trust", settings->trust);
	if (settings->have & VFPOOL_ATTR_GUID) {
		char text[VFPOOL_SETTING_TEXT];

		vfpool_setting_format(settings, VFPOOL_ATTR_GUID, text);
		json_add_text(object, "guid", text);
	}
	if (settings->have & VFPOOL_ATTR_RSS_QUERY)
		json_add_bool(object, "query_rss", settings->rss_query);
	return object;
}

static struct json_object *json_vf(const struct vfpool_vf *vf, bool leases_known)
{
	static const char *const states[] = {
		[VFPOOL_VF_FREE] = "free",
		[VFPOOL_VF_LEASED] = "leased",
		[VFPOOL_VF_BUSY] = "busy",
		[VFPOOL_VF_HELD] = "held",
		[VFPOOL_VF_QUARANTINED] = "quarantined",
		[VFPOOL_VF_UNKNOWN] = NULL,
	};
	struct json_object *object = json_object_new_object();

	json_add_number(object, "index", vf->index);
	json_add_device(object, &vf->address);
	json_add_text(object, "netdev", vf->netdev);
	json_add_mac(object, "seen_mac", vf->has_seen_mac ? &vf->seen_mac : NULL);
	json_add_text(object, "driver", vf->driver);
	json_add_text(object, "driver_override", vf->driver_override);
	json_add_known(object, "iommu_group", vf->iommu_group >= 0, vf->iommu_group);
	json_add_text(object, "obstacle", vf->obstacle);
	json_add_known(object, "vectors", vf->vectors, vf->vectors);
	json_add(object, "programmed", json_settings(&vf->programmed));
	json_add_text(object, "state", states[vf->state]);
	json_add_text(object, "busy", vf->busy);
	json_add_text(object, "held", vf->held);
	json_add(object, "as_defined",
		 vf->pool && leases_known ? json_object_new_boolean(!vf->is_off) : NULL);
	json_add_text(object, "pool", vf->pool);
	json_add_text(object, "owner", vf->owner);
	json_add_known(object, "nic", vf->owner, vf->nic);
	return object;
}

static struct json_object *json_pf(const struct vfpool_pf *pf, const char *pool, bool leases_known)
{
	struct json_object *object = json_object_new_object();
	struct json_object *vfs = json_object_new_array();

	json_add_device(object, &pf->address);
	json_add_text(object, "netdev", pf->netdev);
	json_add(object, "altnames", JSON_ARRAY(pf->altnames, pf->n_altnames, json_text));
	json_add_mac(object, "mac", pf->has_mac ? &pf->mac : NULL);
	json_add_id(object, "vendor", pf->vendor);
	json_add_id(object, "device", pf->device);
	json_add_text(object, "vendor_name", pf->vendor_name);
	json_add_text(object, "device_name", pf->device_name);
	json_add_bool(object, "network", pf->is_network);
	json_add_text(object, "driver", pf->driver);
	json_add_text(object, "eswitch", pf->eswitch);
	json_add_number(object, "totalvfs", pf->totalvfs);
	json_add_number(object, "numvfs", (int64_t)pf->n_vfs);
	json_add_known(object, "vf_total_msix", pf->vf_total_msix > 0, pf->vf_total_msix);
	json_add_bool(object, "autoprobe", pf->autoprobe);
	json_add_known(object, "numa_node", pf->numa_node >= 0, pf->numa_node);
	json_add_bool(object, "up", pf->up);
	json_add_bool(object, "carrier", pf->carrier);
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (overview_has_vf(pool, &pf->vfs[i]))
			json_object_array_add(vfs, json_vf(&pf->vfs[i], leases_known));
	json_add(object, "vfs", vfs);
	return object;
}

static struct json_object *json_unread_pf(const struct vfpool_unread_pf *pf)
{
	struct json_object *object = json_object_new_object();

	json_add_device(object, &pf->address);
	json_add_text(object, "netdev", pf->netdev);
	json_add_text(object, "why", pf->why);
	return object;
}

static struct json_object *json_pool(const struct vfpool_pool *pool)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "name", pool->name);
	json_add_text(object, "file", pool->file);
	json_add_text(object, "allocate", words_for_allocate(pool->allocate));
	json_add_text(object, "network", pool->network);
	json_add(object, "policy", json_settings(&pool->policy));
	json_add_known(object, "vectors", pool->vectors, pool->vectors);
	return object;
}

struct json_object *json_lease(const struct vfpool_lease *lease)
{
	static const char *const states[] = {
		[VFPOOL_LEASE_PENDING] = "pending",
		[VFPOOL_LEASE_ACTIVE] = "active",
		[VFPOOL_LEASE_RELEASING] = "releasing",
		[VFPOOL_LEASE_RELEASED] = "released",
	};
	struct json_object *object = json_object_new_object();
	const struct vfpool_pci none = { 0 };

	json_add_number(object, "lease", (int64_t)lease->id);
	json_add_text(object, "pool", lease->pool);
	json_add_text(object, "owner", lease->owner);
	json_add_number(object, "nic", lease->nic);
	json_add_mac(object, "mac", &lease->mac);
	json_add_text(object, "state", states[lease->state]);
	json_add_pci(object, "pf", lease->has_vf ? &lease->place.pf : NULL);
	json_add_known(object, "vf", lease->has_vf, lease->place.vf);
	json_add_pci(object, "address",
		     vfpool_pci_equal(&lease->address, &none) ? NULL : &lease->address);
	json_add_known(object, "vlan", lease->vlan >= 0, lease->vlan);
	json_add_text(object, "guest", lease->guest);
	json_add_text(object, "uri", lease->uri);
	json_add_bool(object, "until_stop", lease->until_stop);
	if (lease->state == VFPOOL_LEASE_RELEASED || lease->quarantined || lease->forgotten) {
		json_add_bool(object, "quarantined", lease->quarantined);
		json_add_bool(object, "forgotten", lease->forgotten);
	}
	return object;
}

struct json_object *json_leases(struct vfpool_lease *const *leases)
{
	struct json_object *array = leases ? json_object_new_array() : NULL;

	for (; leases && *leases; leases++)
		json_object_array_add(array, json_lease(*leases));
	return array;
}

static struct json_object *json_reservation(const struct vfpool_reservation *reservation)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "pool", reservation->pool);
	json_add_text(object, "owner", reservation->owner);
	json_add_number(object, "nic", reservation->nic);
	json_add_mac(object, "mac", &reservation->mac);
	json_add_bool(object, "leased", reservation->leased);
	json_add_number(object, "used", reservation->used);
	return object;
}

struct json_object *json_reservations(const struct vfpool_reservation *reservations, size_t n)
{
	return JSON_ARRAY(reservations, n, json_reservation);
}

/* Adds the PFs that have a VF of `pool` (NULL: all), with its VFs, and the leases. */
static void json_add_host(struct json_object *object, const struct vfpool_inventory *inventory,
			  const char *pool, struct vfpool_lease *const *leases)
{
	struct json_object *pfs = json_object_new_array();

	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (overview_has_pf(pool, &inventory->pfs[i]))
			json_object_array_add(pfs, json_pf(&inventory->pfs[i], pool, leases));
	json_add(object, "pfs", pfs);
	json_add(object, "unread_pfs",
		 JSON_ARRAY(inventory->unread, inventory->n_unread, json_unread_pf));
	json_add(object, "leases", json_leases(leases));
}

struct json_object *json_list(struct vfpool_pool *const *pools,
			      const struct vfpool_inventory *inventory,
			      struct vfpool_lease *const *leases)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();

	for (; *pools; pools++)
		json_object_array_add(array, json_pool(*pools));
	json_add(object, "pools", array);
	json_add_host(object, inventory, NULL, leases);
	return object;
}

struct json_object *json_show(const struct vfpool_pool *pool,
			      const struct vfpool_inventory *inventory,
			      struct vfpool_lease *const *leases,
			      const struct vfpool_reservation *reservations, size_t n)
{
	struct json_object *object = json_pool(pool);

	json_add_host(object, inventory, pool->name, leases);
	json_add(object, "reservations", leases ? json_reservations(reservations, n) : NULL);
	return object;
}

static struct json_object *json_device(const struct vfpool_device *device)
{
	struct json_object *object = json_object_new_object();
	char class[8];

	snprintf(class, sizeof(class), "%06x", device->class & 0xffffffU);
	json_add_device(object, &device->address);
	json_add_text(object, "kind", words_for_kind(device->kind));
	json_add_text(object, "class", class);
	json_add_id(object, "vendor", device->vendor);
	json_add_id(object, "device", device->device);
	json_add_text(object, "vendor_name", device->vendor_name);
	json_add_text(object, "device_name", device->device_name);
	json_add_text(object, "driver", device->driver);
	json_add_text(object, "driver_override", device->driver_override);
	json_add_text(object, "netdev", device->netdev);
	json_add_pci(object, "pf", device->is_vf ? &device->pf : NULL);
	json_add_known(object, "vf", device->is_vf, device->vf);
	json_add_text(object, "used", device->used);
	json_add_bool(object, "in_the_way", device->is_in_the_way);
	return object;
}

static struct json_object *json_group(const struct vfpool_group *group)
{
	struct json_object *object = json_object_new_object();

	json_add_known(object, "group", group->number >= 0, group->number);
	json_add_text(object, "type", group->type);
	json_add_bool(object, "viable", group->is_viable);
	json_add(object, "devices", JSON_ARRAY(group->devices, group->n_devices, json_device));
	return object;
}

struct json_object *json_groups(const struct vfpool_groups *groups)
{
	return JSON_ARRAY(groups->list, groups->n, json_group);
}

static struct json_object *json_binding(const struct vfpool_binding *binding)
{
	struct json_object *object = json_object_new_object();

	json_add_device(object, &binding->address);
	json_add_text(object, "driver_from", binding->driver_from);
	json_add_text(object, "driver", binding->driver);
	json_add_bool(object, "changed", binding->changed);
	json_add_bool(object, "persist", binding->persists);
	return object;
}

struct json_object *json_bindings(const struct vfpool_binding *bindings, size_t n)
{
	return JSON_ARRAY(bindings, n, json_binding);
}

static struct json_object *json_check(const struct vfpool_check *check)
{
	static const char *const verdicts[] = {
		[VFPOOL_SOUND] = "ok",
		[VFPOOL_WARNING] = "warning",
		[VFPOOL_FAULT] = "failed",
	};
	struct json_object *object = json_object_new_object();

	json_add_text(object, "check", check->name);
	json_add_text(object, "looked_at", check->looked_at);
	json_add_text(object, "verdict", verdicts[check->verdict]);
	json_add_text(object, "found", check->found);
	json_add_text(object, "remedy", check->remedy);
	return object;
}

struct json_object *json_diagnosis(const struct vfpool_diagnosis *diagnosis)
{
	return JSON_ARRAY(diagnosis->checks, diagnosis->n, json_check);
}

struct json_object *json_explanation(const struct vfpool_explanation *explanation)
{
	struct json_object *object = json_object_new_object(), *checks = json_object_new_array();

	json_add_text(object, "meaning", explanation->meaning);
	json_add_text(object, "remedy", explanation->remedy);
	for (size_t i = 0; explanation->checks[i]; i++)
		json_object_array_add(checks, json_object_new_string(explanation->checks[i]));
	json_add(object, "checks", checks);
	return object;
}

static struct json_object *json_event(const struct vfpool_event *event)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "at", event->at);
	json_add_text(object, "event", event->event);
	json_add_known(object, "lease", event->lease, (int64_t)event->lease);
	json_add_text(object, "pool", *event->pool ? event->pool : NULL);
	json_add_text(object, "owner", *event->owner ? event->owner : NULL);
	json_add_number(object, "nic", event->nic);
	json_add_text(object, "mac", *event->mac ? event->mac : NULL);
	json_add_text(object, "pf", *event->pf ? event->pf : NULL);
	json_add_known(object, "vf", event->has_vf, event->vf);
	json_add_text(object, "command", event->command);
	return object;
}

struct json_object *json_history(const struct vfpool_event *events, size_t n)
{
	return JSON_ARRAY(events, n, json_event);
}

static struct json_object *json_finding(const struct vfpool_finding *finding)
{
	static const char *const kinds[] = {
		[VFPOOL_FOUND_PENDING] = "pending",
		[VFPOOL_FOUND_RELEASING] = "releasing",
		[VFPOOL_FOUND_QUARANTINED] = "quarantined",
		[VFPOOL_FOUND_IDLE] = "idle",
		[VFPOOL_FOUND_GUEST] = "guest",
		[VFPOOL_FOUND_ORPHAN] = "orphan",
		[VFPOOL_FOUND_UNSEEN] = "unseen",
		[VFPOOL_FOUND_VANISHED] = "vanished",
		[VFPOOL_FOUND_ADOPTED] = "adopted",
		[VFPOOL_FOUND_HISTORY] = "history",
		[VFPOOL_FOUND_MOVED] = "moved",
		[VFPOOL_FOUND_VLAN] = "vlan",
	};
	static const char *const results[] = {
		[VFPOOL_FINDING_DONE] = "done",
		[VFPOOL_FINDING_LEFT] = "left",
		[VFPOOL_FINDING_FAILED] = "failed",
	};
	struct json_object *object = json_object_new_object();

	json_add_text(object, "kind", kinds[finding->kind]);
	json_add_text(object, "result", results[finding->result]);
	json_add(object, "lease", finding->lease ? json_lease(finding->lease) : NULL);
	json_add_text(object, "text", finding->text);
	return object;
}

struct json_object *json_findings(const struct vfpool_findings *findings)
{
	struct json_object *object = json_object_new_object();

	json_add_bool(object, "guests_known", findings->guests_known);
	json_add(object, "findings", JSON_ARRAY(findings->list, findings->n, json_finding));
	return object;
}

/* Adds the names of a set of enum vfpool_attr; nothing for the empty set. */
static void json_add_attrs(struct json_object *object, const char *key, unsigned attrs)
{
	struct json_object *array;

	if (!attrs)
		return;
	array = json_object_new_array();
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (attrs & attr)
			json_object_array_add(array,
					      json_object_new_string(vfpool_attr_name(attr)));
	json_add(object, key, array);
}

static struct json_object *json_step(const struct vfpool_step *step)
{
	static const char *const kinds[] = {
		[VFPOOL_STEP_AUTOPROBE_OFF] = "autoprobe-off",
		[VFPOOL_STEP_MAKE_VFS] = "make-vfs",
		[VFPOOL_STEP_UP] = "up",
		[VFPOOL_STEP_PROGRAM] = "program",
		[VFPOOL_STEP_BIND] = "bind",
		[VFPOOL_STEP_REFUSED] = "refused",
		[VFPOOL_STEP_UNSUPPORTED] = "unsupported",
		[VFPOOL_STEP_VECTORS] = "vectors",
	};
	static const char *const results[] = {
		[VFPOOL_STEP_PLANNED] = "planned",
		[VFPOOL_STEP_DONE] = "done",
		[VFPOOL_STEP_FAILED] = "failed",
	};
	struct json_object *object = json_object_new_object();

	json_add_text(object, "step", kinds[step->kind]);
	json_add_text(object, "result", results[step->result]);
	json_add_pci(object, "pf", &step->pf);
	json_add_text(object, "pf_name", step->pf_name);
	json_add_known(object, "vf", step->has_vf, step->vf);
	if (step->kind == VFPOOL_STEP_MAKE_VFS) {
		json_add_number(object, "count", step->count);
		json_add_number(object, "count_from", step->count_from);
	}
	if (step->kind == VFPOOL_STEP_VECTORS) {
		json_add_number(object, "count", step->count);
		json_add_known(object, "count_from", step->count_from, step->count_from);
	}
	if (step->kind == VFPOOL_STEP_PROGRAM) {
		struct vfpool_settings from = step->from;

		from.have &= step->to.have;
		json_add(object, "from", json_settings(&from));
		json_add(object, "to", json_settings(&step->to));
	}
	if (step->kind == VFPOOL_STEP_UNSUPPORTED)
		json_add(object, "to", json_settings(&step->to));
	if (step->kind == VFPOOL_STEP_BIND) {
		json_add_text(object, "from", *step->driver_from ? step->driver_from : NULL);
		json_add_text(object, "to", *step->driver ? step->driver : NULL);
	}
	json_add_attrs(object, "failed", step->failed);
	json_add_attrs(object, "deferred", step->deferred);
	json_add_attrs(object, "unsupported", step->unsupported);
	json_add_attrs(object, "unverified", step->unverified);
	if (step->text)
		json_add_text(object, "text", step->text);
	return object;
}

struct json_object *json_plan(const struct vfpool_plan *plan)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "steps", JSON_ARRAY(plan->steps, plan->n_steps, json_step));
	json_add(object, "notes", JSON_ARRAY(plan->notes, plan->n_notes, json_text));
	return object;
}
