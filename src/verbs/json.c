/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON forms. They are stable: fields are added, never renamed. */
#include "verbs/json.h"
#include "verbs/words.h"

#include <stdio.h>
#include <string.h>

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

/* NULL becomes null. */
static void add_text(struct json_object *object, const char *key, const char *text)
{
	add(object, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *object, const char *key, int64_t number)
{
	add(object, key, json_object_new_int64(number));
}

static void add_bool(struct json_object *object, const char *key, bool value)
{
	add(object, key, json_object_new_boolean(value));
}

static void add_pci(struct json_object *object, const char *key, const struct vfpool_pci *address)
{
	char text[VFPOOL_PCI_TEXT];

	vfpool_pci_format(address, text);
	add_text(object, key, text);
}

/* And libvirt's name of the device. */
static void add_device_address(struct json_object *object, const struct vfpool_pci *address)
{
	char text[VFPOOL_NODEDEV_TEXT];

	add_pci(object, "address", address);
	vfpool_pci_nodedev(address, text);
	add_text(object, "nodedev", text);
}

static void add_mac(struct json_object *object, const char *key, const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];

	vfpool_mac_format(mac, text);
	add_text(object, key, text);
}

static void add_hex(struct json_object *object, const char *key, unsigned number)
{
	char text[8];

	snprintf(text, sizeof(text), "%04x", number & 0xffff);
	add_text(object, key, text);
}

static struct json_object *json_settings(const struct vfpool_settings *settings)
{
	static const char *const links[] = { "auto", "on", "off" };
	struct json_object *object = json_object_new_object();

	if (settings->have & VFPOOL_ATTR_MAC)
		add_mac(object, "mac", &settings->mac);
	if (settings->have & VFPOOL_ATTR_VLAN) {
		add_number(object, "vlan", settings->vlan);
		add_number(object, "qos", settings->qos);
		add_text(object, "proto", settings->vlan_proto == 0x88a8 ? "802.1ad" : "802.1Q");
	}
	if (settings->have & VFPOOL_ATTR_RATE) {
		add_number(object, "min_rate", settings->min_rate);
		add_number(object, "max_rate", settings->max_rate);
	}
	if (settings->have & VFPOOL_ATTR_SPOOFCHK)
		add_bool(object, "spoofchk", settings->spoofchk);
	if (settings->have & VFPOOL_ATTR_LINK)
		add_text(object, "link",
			 settings->link <= VFPOOL_LINK_OFF ? links[settings->link] : "?");
	if (settings->have & VFPOOL_ATTR_TRUST)
		add_bool(object, "trust", settings->trust);
	if (settings->have & VFPOOL_ATTR_GUID) {
		char text[VFPOOL_SETTING_TEXT];

		vfpool_setting_format(settings, VFPOOL_ATTR_GUID, text);
		add_text(object, "guid", text);
	}
	if (settings->have & VFPOOL_ATTR_RSS_QUERY)
		add_bool(object, "query_rss", settings->rss_query);
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

	add_number(object, "index", vf->index);
	add_device_address(object, &vf->address);
	add_text(object, "netdev", vf->netdev);
	if (vf->has_seen_mac)
		add_mac(object, "seen_mac", &vf->seen_mac);
	else
		add(object, "seen_mac", NULL);
	add_text(object, "driver", vf->driver);
	add_text(object, "driver_override", vf->driver_override);
	add(object, "iommu_group",
	    vf->iommu_group < 0 ? NULL : json_object_new_int(vf->iommu_group));
	add_text(object, "obstacle", vf->obstacle);
	add(object, "vectors", vf->vectors ? json_object_new_int64(vf->vectors) : NULL);
	add(object, "programmed", json_settings(&vf->programmed));
	add_text(object, "state", states[vf->state]);
	add_text(object, "busy", vf->busy);
	add_text(object, "held", vf->held);
	add(object, "as_defined",
	    vf->pool && leases_known ? json_object_new_boolean(!vf->is_off) : NULL);
	add_text(object, "pool", vf->pool);
	add_text(object, "owner", vf->owner);
	add(object, "nic", vf->owner ? json_object_new_int64(vf->nic) : NULL);
	return object;
}

static bool is_shown(const struct vfpool_vf *vf, const char *pool)
{
	return !pool || (vf->pool && strcmp(vf->pool, pool) == 0);
}

static struct json_object *json_pf(const struct vfpool_pf *pf, const char *pool, bool leases_known)
{
	struct json_object *object = json_object_new_object();
	struct json_object *names = json_object_new_array(), *vfs = json_object_new_array();

	add_device_address(object, &pf->address);
	add_text(object, "netdev", pf->netdev);
	for (size_t i = 0; i < pf->n_altnames; i++)
		json_object_array_add(names, json_object_new_string(pf->altnames[i]));
	add(object, "altnames", names);
	if (pf->has_mac)
		add_mac(object, "mac", &pf->mac);
	else
		add(object, "mac", NULL);
	add_hex(object, "vendor", pf->vendor);
	add_hex(object, "device", pf->device);
	add_text(object, "vendor_name", pf->vendor_name);
	add_text(object, "device_name", pf->device_name);
	add_bool(object, "network", pf->is_network);
	add_text(object, "driver", pf->driver);
	add_text(object, "eswitch", pf->eswitch);
	add_number(object, "totalvfs", pf->totalvfs);
	add_number(object, "numvfs", (int64_t)pf->n_vfs);
	add(object, "vf_total_msix",
	    pf->vf_total_msix > 0 ? json_object_new_int(pf->vf_total_msix) : NULL);
	add_bool(object, "autoprobe", pf->autoprobe);
	add(object, "numa_node", pf->numa_node < 0 ? NULL : json_object_new_int(pf->numa_node));
	add_bool(object, "up", pf->up);
	add_bool(object, "carrier", pf->carrier);
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (is_shown(&pf->vfs[i], pool))
			json_object_array_add(vfs, json_vf(&pf->vfs[i], leases_known));
	add(object, "vfs", vfs);
	return object;
}

struct json_object *json_inventory(const struct vfpool_inventory *inventory, const char *pool,
				   bool leases_known)
{
	struct json_object *pfs = json_object_new_array();

	for (size_t i = 0; i < inventory->n_pfs; i++) {
		bool shown = !pool;

		for (size_t j = 0; j < inventory->pfs[i].n_vfs && !shown; j++)
			shown = is_shown(&inventory->pfs[i].vfs[j], pool);
		if (shown)
			json_object_array_add(pfs, json_pf(&inventory->pfs[i], pool, leases_known));
	}
	return pfs;
}

struct json_object *json_unread(const struct vfpool_inventory *inventory)
{
	struct json_object *pfs = json_object_new_array();

	for (size_t i = 0; i < inventory->n_unread; i++) {
		struct json_object *object = json_object_new_object();

		add_device_address(object, &inventory->unread[i].address);
		add_text(object, "netdev", inventory->unread[i].netdev);
		add_text(object, "why", inventory->unread[i].why);
		json_object_array_add(pfs, object);
	}
	return pfs;
}

struct json_object *json_pool(const struct vfpool_pool *pool)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "name", pool->name);
	add_text(object, "file", pool->file);
	add_text(object, "allocate", allocate_name(pool->allocate));
	add_text(object, "network", pool->network);
	add(object, "policy", json_settings(&pool->policy));
	add(object, "vectors", pool->vectors ? json_object_new_int64(pool->vectors) : NULL);
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

	add_number(object, "lease", (int64_t)lease->id);
	add_text(object, "pool", lease->pool);
	add_text(object, "owner", lease->owner);
	add_number(object, "nic", lease->nic);
	add_mac(object, "mac", &lease->mac);
	add_text(object, "state", states[lease->state]);
	if (lease->has_vf) {
		add_pci(object, "pf", &lease->pf);
		add_number(object, "vf", lease->vf);
	} else {
		add(object, "pf", NULL);
		add(object, "vf", NULL);
	}
	if (!vfpool_pci_equal(&lease->address, &none))
		add_pci(object, "address", &lease->address);
	else
		add(object, "address", NULL);
	add(object, "vlan", lease->vlan < 0 ? NULL : json_object_new_int(lease->vlan));
	add_text(object, "guest", lease->guest);
	add_text(object, "uri", lease->uri);
	add_bool(object, "until_stop", lease->until_stop);
	if (lease->state == VFPOOL_LEASE_RELEASED || lease->quarantined || lease->forgotten) {
		add_bool(object, "quarantined", lease->quarantined);
		add_bool(object, "forgotten", lease->forgotten);
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

struct json_object *json_reservations(const struct vfpool_reservation *reservations, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *object = json_object_new_object();

		add_text(object, "pool", reservations[i].pool);
		add_text(object, "owner", reservations[i].owner);
		add_number(object, "nic", reservations[i].nic);
		add_mac(object, "mac", &reservations[i].mac);
		add_bool(object, "leased", reservations[i].leased);
		add_number(object, "used", reservations[i].used);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *json_device(const struct vfpool_device *device)
{
	struct json_object *object = json_object_new_object();
	char class[8];

	snprintf(class, sizeof(class), "%06x", device->class & 0xffffffU);
	add_device_address(object, &device->address);
	add_text(object, "kind", kind_name(device->kind));
	add_text(object, "class", class);
	add_hex(object, "vendor", device->vendor);
	add_hex(object, "device", device->device);
	add_text(object, "vendor_name", device->vendor_name);
	add_text(object, "device_name", device->device_name);
	add_text(object, "driver", device->driver);
	add_text(object, "driver_override", device->driver_override);
	add_text(object, "netdev", device->netdev);
	if (device->is_vf)
		add_pci(object, "pf", &device->pf);
	else
		add(object, "pf", NULL);
	add(object, "vf", device->is_vf ? json_object_new_int64(device->vf) : NULL);
	add_text(object, "used", device->used);
	add_bool(object, "in_the_way", device->is_in_the_way);
	return object;
}

struct json_object *json_groups(const struct vfpool_groups *groups)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < groups->n; i++) {
		const struct vfpool_group *group = &groups->list[i];
		struct json_object *object = json_object_new_object(),
				   *devices = json_object_new_array();

		add(object, "group", group->number < 0 ? NULL : json_object_new_int(group->number));
		add_text(object, "type", group->type);
		add_bool(object, "viable", group->is_viable);
		for (size_t j = 0; j < group->n_devices; j++)
			json_object_array_add(devices, json_device(&group->devices[j]));
		add(object, "devices", devices);
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *json_bindings(const struct vfpool_binding *bindings, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *object = json_object_new_object();

		add_device_address(object, &bindings[i].address);
		add_text(object, "driver_from", bindings[i].driver_from);
		add_text(object, "driver", bindings[i].driver);
		add_bool(object, "changed", bindings[i].changed);
		add_bool(object, "persist", bindings[i].persists);
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *json_diagnosis(const struct vfpool_diagnosis *diagnosis)
{
	static const char *const verdicts[] = {
		[VFPOOL_SOUND] = "ok",
		[VFPOOL_WARNING] = "warning",
		[VFPOOL_FAULT] = "failed",
	};
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < diagnosis->n; i++) {
		const struct vfpool_check *check = &diagnosis->checks[i];
		struct json_object *object = json_object_new_object();

		add_text(object, "check", check->name);
		add_text(object, "looked_at", check->looked_at);
		add_text(object, "verdict", verdicts[check->verdict]);
		add_text(object, "found", check->found);
		add_text(object, "remedy", check->remedy);
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *json_explanation(const struct vfpool_explanation *explanation)
{
	struct json_object *object = json_object_new_object(), *checks = json_object_new_array();

	add_text(object, "meaning", explanation->meaning);
	add_text(object, "remedy", explanation->remedy);
	for (size_t i = 0; explanation->checks[i]; i++)
		json_object_array_add(checks, json_object_new_string(explanation->checks[i]));
	add(object, "checks", checks);
	return object;
}

static struct json_object *json_event(const struct vfpool_event *event)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "at", event->at);
	add_text(object, "event", event->event);
	add(object, "lease", event->lease ? json_object_new_int64((int64_t)event->lease) : NULL);
	add_text(object, "pool", *event->pool ? event->pool : NULL);
	add_text(object, "owner", *event->owner ? event->owner : NULL);
	add_number(object, "nic", event->nic);
	add_text(object, "mac", *event->mac ? event->mac : NULL);
	add_text(object, "pf", *event->pf ? event->pf : NULL);
	add(object, "vf", event->has_vf ? json_object_new_int64(event->vf) : NULL);
	add_text(object, "command", event->command);
	return object;
}

struct json_object *json_history(const struct vfpool_event *events, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_event(&events[i]));
	return array;
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

	add_text(object, "kind", kinds[finding->kind]);
	add_text(object, "result", results[finding->result]);
	add(object, "lease", finding->lease ? json_lease(finding->lease) : NULL);
	add_text(object, "text", finding->text);
	return object;
}

struct json_object *json_findings(const struct vfpool_findings *findings)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < findings->n; i++)
		json_object_array_add(array, json_finding(&findings->list[i]));
	add_bool(object, "guests_known", findings->guests_known);
	add(object, "findings", array);
	return object;
}

/* The names of a set of settings; nothing for the empty set. */
static void add_attrs(struct json_object *object, const char *key, unsigned attrs)
{
	struct json_object *array;

	if (!attrs)
		return;
	array = json_object_new_array();
	for (unsigned attr = 1; attr <= VFPOOL_ATTR_LAST; attr <<= 1)
		if (attrs & attr)
			json_object_array_add(array,
					      json_object_new_string(vfpool_attr_name(attr)));
	add(object, key, array);
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

	add_text(object, "step", kinds[step->kind]);
	add_text(object, "result", results[step->result]);
	add_pci(object, "pf", &step->pf);
	add_text(object, "pf_name", step->pf_name);
	add(object, "vf", step->has_vf ? json_object_new_int64(step->vf) : NULL);
	if (step->kind == VFPOOL_STEP_MAKE_VFS) {
		add_number(object, "count", step->count);
		add_number(object, "count_from", step->count_from);
	}
	if (step->kind == VFPOOL_STEP_VECTORS) {
		add_number(object, "count", step->count);
		add(object, "count_from",
		    step->count_from ? json_object_new_int64(step->count_from) : NULL);
	}
	if (step->kind == VFPOOL_STEP_PROGRAM) {
		struct vfpool_settings from = step->from;

		from.have &= step->to.have;
		add(object, "from", json_settings(&from));
		add(object, "to", json_settings(&step->to));
	}
	if (step->kind == VFPOOL_STEP_UNSUPPORTED)
		add(object, "to", json_settings(&step->to));
	if (step->kind == VFPOOL_STEP_BIND) {
		add_text(object, "from", *step->driver_from ? step->driver_from : NULL);
		add_text(object, "to", *step->driver ? step->driver : NULL);
	}
	add_attrs(object, "failed", step->failed);
	add_attrs(object, "deferred", step->deferred);
	add_attrs(object, "unsupported", step->unsupported);
	add_attrs(object, "unverified", step->unverified);
	if (step->text)
		add_text(object, "text", step->text);
	return object;
}

struct json_object *json_plan(const struct vfpool_plan *plan)
{
	struct json_object *object = json_object_new_object();
	struct json_object *steps = json_object_new_array(), *notes = json_object_new_array();

	for (size_t i = 0; i < plan->n_steps; i++)
		json_object_array_add(steps, json_step(&plan->steps[i]));
	for (size_t i = 0; i < plan->n_notes; i++)
		json_object_array_add(notes, json_object_new_string(plan->notes[i]));
	add(object, "steps", steps);
	add(object, "notes", notes);
	return object;
}
