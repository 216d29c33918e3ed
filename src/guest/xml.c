/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's <interface> and <network>, built as trees, so that no name can
 * break out of its place. */
#include "guest/guest.h"

#include "util/cleanup.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdarg.h>
#include <string.h>

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);
DEFINE_CLEANUP(xmlBufferPtr, cleanup_buffer, xmlBufferFree);

#define XML(text) ((const xmlChar *)(text))

/* libxml2 returns NULL when out of memory; each of these passes it on. */
static xmlNodePtr add(xmlNodePtr parent, const char *name)
{
	return parent ? xmlNewChild(parent, NULL, XML(name), NULL) : NULL;
}

static xmlNodePtr set(xmlNodePtr node, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static xmlNodePtr set(xmlNodePtr node, const char *name, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	return node && xmlNewProp(node, XML(name), XML(value)) ? node : NULL;
}

static xmlNodePtr set_address(xmlNodePtr node, const struct vfpool_pci *address)
{
	node = set(node, "type", "pci");
	node = set(node, "domain", "0x%04x", address->domain);
	node = set(node, "bus", "0x%02x", address->bus);
	node = set(node, "slot", "0x%02x", address->device);
	return set(node, "function", "0x%x", address->function);
}

static xmlNodePtr add_mac(xmlNodePtr parent, const struct vfpool_mac *mac)
{
	char text[VFPOOL_MAC_TEXT];

	vfpool_mac_format(mac, text);
	return set(add(parent, "mac"), "address", "%s", text);
}

/* True without a VLAN too. */
static bool add_vlan(xmlNodePtr parent, unsigned vlan)
{
	return !vlan || set(add(add(parent, "vlan"), "tag"), "id", "%u", vlan);
}

static int dump(xmlDocPtr doc, char **ret_xml)
{
	CLEANUP(cleanup_buffer) xmlBufferPtr buffer = xmlBufferCreate();
	char *xml;

	if (!buffer || xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1) < 0)
		return -ENOMEM;
	if (asprintf(&xml, "%s\n", (const char *)xmlBufferContent(buffer)) < 0)
		return -ENOMEM;
	*ret_xml = xml;
	return 0;
}

static xmlNodePtr new_root(xmlDocPtr doc, const char *name)
{
	xmlNodePtr root = doc ? xmlNewDocNode(doc, NULL, XML(name), NULL) : NULL;

	if (root)
		xmlDocSetRootElement(doc, root);
	return root;
}

bool guest_vlan_is_beyond_libvirt(const struct vfpool_pool *pool, unsigned vlan)
{
	return vlan && (pool->policy.qos || pool->policy.vlan_proto != 0x8100);
}

int guest_interface_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
			char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	unsigned vlan = lease->vlan < 0 ? pool->policy.vlan : (unsigned)lease->vlan;
	bool plain = lease->has_vf && guest_vlan_is_beyond_libvirt(pool, vlan);
	xmlNodePtr interface = new_root(doc, plain ? "hostdev" : "interface");
	bool whole;

	if (plain) { /* which libvirt leaves as vfpool has programmed it */
		whole = set(interface, "mode", "subsystem") && set(interface, "type", "pci") &&
			set(interface, "managed", "yes") &&
			set_address(add(add(interface, "source"), "address"), &lease->address);
	} else if (!lease->has_vf) {
		whole = set(interface, "type", "network") && add_mac(interface, &lease->mac) &&
			set(add(interface, "source"), "network", "%s", pool->network) &&
			add_vlan(interface, lease->vlan < 0 ? 0 : vlan); /* else the network's */
	} else {
		whole = set(set(interface, "type", "hostdev"), "managed", "yes") &&
			add_mac(interface, &lease->mac) &&
			set_address(add(add(interface, "source"), "address"), &lease->address) &&
			add_vlan(interface, vlan);
	}
	return whole ? dump(doc, ret_xml) : -ENOMEM;
}

int guest_network_xml(const struct vfpool_pool *pool, const char *pf_dev,
		      const struct vfpool_pci *addresses, size_t n, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	xmlNodePtr network = new_root(doc, "network"), forward;
	bool whole;

	/* The order of elements is libvirt's own, so that its text compares. */
	if (!network || !xmlNewTextChild(network, NULL, XML("name"), XML(pool->network)))
		return -ENOMEM;
	forward = set(set(add(network, "forward"), "mode", "hostdev"), "managed", "yes");
	whole = forward;
	if (pf_dev)
		whole = whole && set(add(forward, "pf"), "dev", "%s", pf_dev);
	for (size_t i = 0; !pf_dev && i < n; i++)
		whole = whole && set_address(add(forward, "address"), &addresses[i]);
	whole = whole && add_vlan(network, pool->policy.vlan);
	return whole ? dump(doc, ret_xml) : -ENOMEM;
}

/* ---- comparing ---- */

static bool is_part(const xmlNode *node)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "uuid") != 0;
}

static const xmlNode *next_part(const xmlNode *node)
{
	while (node && !is_part(node))
		node = node->next;
	return node;
}

static size_t count_attributes(const xmlNode *node)
{
	size_t n = 0;

	for (const xmlAttr *attr = node->properties; attr; attr = attr->next)
		n++;
	return n;
}

static bool same_attributes(const xmlNode *a, const xmlNode *b)
{
	if (count_attributes(a) != count_attributes(b))
		return false;
	for (const xmlAttr *attr = a->properties; attr; attr = attr->next) {
		xmlChar *x = xmlGetNoNsProp((xmlNode *)a, attr->name);
		xmlChar *y = xmlGetNoNsProp((xmlNode *)b, attr->name);
		bool same = x && y && xmlStrEqual(x, y);

		xmlFree(x);
		xmlFree(y);
		if (!same)
			return false;
	}
	return true;
}

static bool same_text(const xmlNode *a, const xmlNode *b)
{
	xmlChar *x = xmlNodeGetContent((xmlNode *)a), *y = xmlNodeGetContent((xmlNode *)b);
	bool same = x && y && xmlStrEqual(x, y);

	xmlFree(x);
	xmlFree(y);
	return same;
}

/* The depth of what we compare is that of a network, a handful. */
static bool same_tree(const xmlNode *a, const xmlNode *b)
{
	const xmlNode *x = next_part(a->children), *y = next_part(b->children);

	if (!xmlStrEqual(a->name, b->name) || !same_attributes(a, b))
		return false;
	if (!x && !y)
		return same_text(a, b);
	for (; x && y; x = next_part(x->next), y = next_part(y->next))
		if (!same_tree(x, y))
			return false;
	return !x && !y;
}

static xmlDocPtr parse(const char *text)
{
	return xmlReadMemory(text, (int)strlen(text), "network.xml", NULL,
			     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
				     XML_PARSE_NOBLANKS);
}

bool guest_networks_equal(const char *a, const char *b)
{
	CLEANUP(cleanup_doc) xmlDocPtr x = parse(a);
	CLEANUP(cleanup_doc) xmlDocPtr y = parse(b);

	return x && y && xmlDocGetRootElement(x) && xmlDocGetRootElement(y) &&
	       same_tree(xmlDocGetRootElement(x), xmlDocGetRootElement(y));
}
