/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's definition, read: which MACs it has, which devices of the host. */
#include "guest/guest.h"

#include "util/cleanup.h"
#include "util/xml.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);

/* "0x1f" or "31"; false: no number up to `max`. */
static bool number(const xmlNode *node, const char *name, unsigned long max, unsigned long *ret)
{
	AUTO_FREE char *text = xml_attribute(node, name);
	char *end;

	if (!text || !*text)
		return false;
	*ret = strtoul(text, &end, 0);
	return !*end && *ret <= max;
}

static int read_mac(const xmlNode *interface, struct guest *guest)
{
	AUTO_FREE char *text = xml_attribute(xml_child(interface, "mac"), "address");
	struct vfpool_mac *grown, mac;

	if (!text || vfpool_mac_parse(text, &mac) < 0)
		return 0; /* of another form: not one of ours */
	grown = reallocarray(guest->macs, guest->n_macs + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	guest->macs = grown;
	grown[guest->n_macs++] = mac;
	return 0;
}

static int read_device(const xmlNode *device, struct guest *guest)
{
	const xmlNode *address = xml_child(xml_child(device, "source"), "address");
	unsigned long domain, bus, slot, function;
	struct vfpool_pci *grown;

	/* Without a domain it is 0; what isn't PCI has no bus and slot. */
	if (!address || !number(address, "bus", 0xff, &bus) || !number(address, "slot", 0x1f, &slot))
		return 0;
	if (!number(address, "domain", 0xffffffff, &domain))
		domain = 0;
	if (!number(address, "function", 7, &function))
		function = 0;
	grown = reallocarray(guest->devices, guest->n_devices + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	guest->devices = grown;
	grown[guest->n_devices++] = (struct vfpool_pci){ (uint32_t)domain, (uint8_t)bus, (uint8_t)slot,
							 (uint8_t)function };
	return 0;
}

int guest_read_domain(const char *xml, struct guest *guest)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlReadMemory(
		xml, (int)strlen(xml), "domain.xml", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *devices;
	int r = 0;

	if (!root || strcmp((const char *)root->name, "domain") != 0)
		return -EBADMSG;
	devices = xml_child(root, "devices");
	for (const xmlNode *node = devices ? devices->children : NULL; r == 0 && node;
	     node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp((const char *)node->name, "interface") == 0) {
			r = read_mac(node, guest);
			if (r == 0)
				r = read_device(node, guest);
		} else if (strcmp((const char *)node->name, "hostdev") == 0) {
			r = read_device(node, guest);
		}
	}
	return r;
}
