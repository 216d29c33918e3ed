/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's definition, read: which MACs it has, which devices of the host. */
#include "guest/domain.h"

#include "util/cleanup.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);

/* Reads an attribute such as "0x1f" or "31" into *ret. Returns false when it is no number up to `max`. */
static bool number(const xmlNode *node, const char *name, unsigned long max, unsigned long *ret)
{
	AUTO_FREE char *text = xml_attribute(node, name);
	char *end;

	if (!text || !*text)
		return false;
	*ret = strtoul(text, &end, 0);
	return !*end && *ret <= max;
}

static void read_mac(const xmlNode *interface, struct guest_nic *nic)
{
	AUTO_FREE char *text = xml_attribute(xml_child(interface, "mac"), "address");

	/* One of another form is none of ours. */
	nic->has_mac = text && vfpool_mac_parse(text, &nic->mac) == 0;
}

bool guest_read_pci(const xmlNode *address, struct vfpool_pci *ret_address)
{
	unsigned long domain, bus, slot, function;

	/* Without a domain it is 0; what isn't PCI has no bus and slot. */
	if (!address || !number(address, "bus", 0xff, &bus) ||
	    !number(address, "slot", 0x1f, &slot))
		return false;
	if (!number(address, "domain", 0xffffffff, &domain))
		domain = 0;
	if (!number(address, "function", 7, &function))
		function = 0;
	*ret_address = (struct vfpool_pci){ (uint32_t)domain, (uint8_t)bus, (uint8_t)slot,
					    (uint8_t)function };
	return true;
}

static void read_address(const xmlNode *device, struct guest_nic *nic)
{
	nic->has_address = guest_read_pci(xml_child(xml_child(device, "source"), "address"),
					  &nic->address);
}

static void read_vlan(const xmlNode *interface, struct guest_nic *nic)
{
	const xmlNode *tag = xml_child(xml_child(interface, "vlan"), "tag");
	unsigned long vlan;

	if (tag && number(tag, "id", 4095, &vlan))
		nic->vlan = (int)vlan;
}

int guest_add_nic(struct guest *guest, const struct guest_nic *nic)
{
	const size_t n = guest->n_nics;

	/* A power of two of them has filled its room. */
	if ((n & (n - 1)) == 0) {
		struct guest_nic *grown = reallocarray(guest->nics, n ? 2 * n : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		guest->nics = grown;
	}
	guest->nics[n] = *nic;
	if (nic->network) {
		guest->nics[n].network = strdup(nic->network);
		if (!guest->nics[n].network)
			return -ENOMEM;
	}
	guest->n_nics++;
	return 0;
}

static uint64_t number_of(const struct vfpool_pci *address)
{
	return (uint64_t)address->domain << 24 | (uint64_t)address->bus << 16 |
	       (uint64_t)address->device << 8 | address->function;
}

static int compare_nics(const struct guest_nic *a, const struct guest_nic *b)
{
	const uint64_t x = a->has_address ? number_of(&a->address) : 0,
		       y = b->has_address ? number_of(&b->address) : 0;
	const int macs = a->has_mac && b->has_mac ? memcmp(&a->mac, &b->mac, sizeof(a->mac)) : 0;

	if (a->has_mac != b->has_mac)
		return a->has_mac - b->has_mac;
	if (a->has_address != b->has_address)
		return a->has_address - b->has_address;
	if (macs != 0)
		return macs;
	return x < y ? -1 : x > y;
}

static int by_device_and_place(const void *a, const void *b)
{
	const struct guest_nic *const *x = a, *const *y = b;
	int r = compare_nics(*x, *y);

	return r ? r : *x < *y ? -1 : *x > *y;
}

/* Drops the guest's devices that are the same as another: the first one stays, in its place, and the last one says
 * what comes next. */
static int drop_copies(struct guest *guest)
{
	AUTO_FREE struct guest_nic **sorted = calloc(guest->n_nics + 1, sizeof(*sorted));
	AUTO_FREE bool *is_copy = calloc(guest->n_nics + 1, sizeof(*is_copy));
	struct guest_nic *first = NULL;
	size_t n = 0;

	if (!sorted || !is_copy)
		return -ENOMEM;
	for (size_t i = 0; i < guest->n_nics; i++)
		sorted[i] = &guest->nics[i];
	qsort(sorted, guest->n_nics, sizeof(*sorted), by_device_and_place);
	for (size_t i = 0; i < guest->n_nics; i++) {
		if (first && compare_nics(first, sorted[i]) == 0) {
			is_copy[sorted[i] - guest->nics] = true;
			first->next_vlan = sorted[i]->next_vlan;
		} else {
			first = sorted[i];
		}
	}
	for (size_t i = 0; i < guest->n_nics; i++)
		if (is_copy[i])
			free(guest->nics[i].network);
		else
			guest->nics[n++] = guest->nics[i];
	guest->n_nics = n;
	return 0;
}

static int read_device(const xmlNode *node, struct guest *guest)
{
	struct guest_nic nic = { .vlan = 0 };
	AUTO_FREE char *network = NULL;

	if (strcmp((const char *)node->name, "interface") == 0) {
		read_mac(node, &nic);
		read_vlan(node, &nic);
		network = xml_attribute(xml_child(node, "source"), "network");
		nic.network = network;
	} else if (strcmp((const char *)node->name, "hostdev") != 0) {
		return 0;
	}
	nic.next_vlan = nic.vlan;
	nic.is_unmanaged = !xml_attribute_is(node, "managed", "yes");
	read_address(node, &nic);
	return nic.has_mac || nic.has_address ? guest_add_nic(guest, &nic) : 0;
}

static bool is_uuid(const xmlChar *text)
{
	return text && strlen((const char *)text) == 36 &&
	       strspn((const char *)text, "0123456789abcdefABCDEF-") == 36;
}

/* Reads the guest's name and UUID. A missing one stays missing: only the hook asks. */
static int read_names(const xmlNode *root, struct guest *guest)
{
	const xmlNode *name = xml_child(root, "name"), *id = xml_child(root, "uuid");
	xmlChar *uuid = id ? xmlNodeGetContent(id) : NULL;

	if (!guest->name && name) {
		xmlChar *text = xmlNodeGetContent(name);

		guest->name = text ? strdup((const char *)text) : NULL;
		xmlFree(text);
		if (!guest->name) {
			xmlFree(uuid);
			return -ENOMEM;
		}
	}
	if (!*guest->uuid && is_uuid(uuid))
		memcpy(guest->uuid, uuid, sizeof(guest->uuid));
	xmlFree(uuid);
	return 0;
}

/* Returns an amount in KiB, as libvirt prints it; 0: it has another unit, or isn't there. */
static unsigned long long kib(const xmlNode *node)
{
	AUTO_FREE char *unit = node ? xml_attribute(node, "unit") : NULL;
	unsigned long long number;
	xmlChar *text;

	if (!node || (unit && strcmp(unit, "KiB") != 0))
		return 0;
	text = xmlNodeGetContent(node);
	number = text ? strtoull((const char *)text, NULL, 10) : 0;
	xmlFree(text);
	return number;
}

int guest_read_domain(const char *xml, struct guest *guest)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *devices;
	int r;

	if (!root || strcmp((const char *)root->name, "domain") != 0)
		return -EBADMSG;
	r = read_names(root, guest);
	guest->memory = kib(xml_child(root, "memory"));
	guest->hard_limit = kib(xml_child(xml_child(root, "memtune"), "hard_limit"));
	devices = xml_child(root, "devices");
	for (const xmlNode *node = devices ? devices->children : NULL; r == 0 && node;
	     node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			r = read_device(node, guest);
	return r < 0 ? r : drop_copies(guest);
}

int guest_read_port(const char *xml, struct guest_port *ret_port)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	const xmlNode *port = xml_child(root, "networkport"); /* of the hook, else by itself */
	const xmlNode *owner = xml_child(port ? port : root, "owner");
	const xmlNode *name = xml_child(owner, "name"), *id = xml_child(owner, "uuid");
	AUTO_FREE char *mac = xml_attribute(xml_child(port ? port : root, "mac"), "address");
	xmlChar *uuid = id ? xmlNodeGetContent(id) : NULL;
	xmlChar *text = name ? xmlNodeGetContent(name) : NULL;
	struct guest_port result = { .name = "" };
	int r = -EBADMSG;

	if (is_uuid(uuid) && mac && vfpool_mac_parse(mac, &result.mac) == 0) {
		memcpy(result.uuid, uuid, sizeof(result.uuid));
		snprintf(result.name, sizeof(result.name), "%s", text ? (const char *)text : "");
		*ret_port = result;
		r = 0;
	}
	xmlFree(uuid);
	xmlFree(text);
	return r;
}

void guest_end(struct guest *guest)
{
	free(guest->name);
	for (size_t i = 0; i < guest->n_nics; i++)
		free(guest->nics[i].network);
	free(guest->nics);
	*guest = (struct guest){ .n_nics = 0 };
}

/* ---- one of its interfaces on another VF ---- */

static xmlNode *find_interface(xmlNode *root, const struct vfpool_mac *mac)
{
	const xmlNode *devices = xml_child(root, "devices");

	for (xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
		struct guest_nic nic = { .vlan = 0 };

		if (node->type != XML_ELEMENT_NODE ||
		    strcmp((const char *)node->name, "interface") != 0)
			continue;
		read_mac(node, &nic);
		read_address(node, &nic);
		if (nic.has_mac && nic.has_address && vfpool_mac_equal(&nic.mac, mac))
			return node;
	}
	return NULL;
}

static bool set_number(xmlNode *node, const char *name, const char *format, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), format, value);
	return xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)text);
}

static bool set_vlan(xmlNode *interface, unsigned vlan)
{
	xmlNode *is = (xmlNode *)xml_child(interface, "vlan"), *tag;

	if (is) {
		xmlUnlinkNode(is);
		xmlFreeNode(is);
	}
	if (!vlan)
		return true;
	is = xmlNewChild(interface, NULL, (const xmlChar *)"vlan", NULL);
	tag = is ? xmlNewChild(is, NULL, (const xmlChar *)"tag", NULL) : NULL;
	return tag && set_number(tag, "id", "%u", vlan);
}

int guest_move_nic(const char *xml, const struct vfpool_mac *mac, const struct vfpool_pci *to,
		   int vlan, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *interface, *address;
	xmlChar *text = NULL;
	int size;

	if (!root)
		return -EBADMSG;
	interface = find_interface(root, mac);
	if (!interface)
		return -ENOENT;
	address = (xmlNode *)xml_child(xml_child(interface, "source"), "address");
	if (!set_number(address, "domain", "0x%04x", to->domain) ||
	    !set_number(address, "bus", "0x%02x", to->bus) ||
	    !set_number(address, "slot", "0x%02x", to->device) ||
	    !set_number(address, "function", "0x%x", to->function) ||
	    (vlan >= 0 && !set_vlan(interface, (unsigned)vlan)))
		return -ENOMEM;
	xmlDocDumpMemory(doc, &text, &size);
	if (!text)
		return -ENOMEM;
	*ret_xml = strdup((const char *)text);
	xmlFree(text);
	return *ret_xml ? 0 : -ENOMEM;
}

bool guest_has_device(const struct guest *guest, const struct vfpool_pci *device)
{
	for (size_t i = 0; i < guest->n_nics; i++)
		if (guest->nics[i].has_address && vfpool_pci_equal(&guest->nics[i].address, device))
			return true;
	return false;
}

static bool is_owners(const struct guest *guest, const struct vfpool_lease *lease)
{
	return guest_has_mac(guest, &lease->mac) ||
	       (lease->owner && strcmp(guest->name, lease->owner) == 0) ||
	       (lease->guest && strcmp(guest->uuid, lease->guest) == 0);
}

const struct guest *guests_stranger(const struct guests *guests, const struct vfpool_lease *lease)
{
	for (size_t i = 0; i < guests->n; i++)
		if (guest_has_device(&guests->list[i], &lease->address) &&
		    !is_owners(&guests->list[i], lease))
			return &guests->list[i];
	return NULL;
}

bool guest_has_mac(const struct guest *guest, const struct vfpool_mac *mac)
{
	for (size_t i = 0; i < guest->n_nics; i++)
		if (guest->nics[i].has_mac && vfpool_mac_equal(&guest->nics[i].mac, mac))
			return true;
	return false;
}

static bool is_the_lease(const struct guest_nic *nic, const struct vfpool_lease *lease,
			 const char *network)
{
	if (nic->has_mac && !vfpool_mac_equal(&nic->mac, &lease->mac))
		return false;
	if (lease->has_vf)
		return nic->has_address && vfpool_pci_equal(&nic->address, &lease->address);
	/* A running guest's has the VF that libvirt has picked. */
	return nic->has_mac && (nic->has_address ||
				(nic->network && network && strcmp(nic->network, network) == 0));
}

const struct guest_nic *guest_find_nic(const struct guest *guest, const struct vfpool_lease *lease,
				       const char *network)
{
	for (size_t i = 0; i < guest->n_nics; i++)
		if (is_the_lease(&guest->nics[i], lease, network))
			return &guest->nics[i];
	return NULL;
}

const struct guest_nic *guest_find_old_nic(const struct guest *guest,
					   const struct vfpool_lease *lease)
{
	for (size_t i = 0; i < guest->n_nics; i++) {
		const struct guest_nic *nic = &guest->nics[i];

		if (lease->has_vf && nic->has_mac && nic->has_address &&
		    vfpool_mac_equal(&nic->mac, &lease->mac) &&
		    !vfpool_pci_equal(&nic->address, &lease->address))
			return nic;
	}
	return NULL;
}
