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

/* Adds an element. libxml2 returns NULL when out of memory; each of these passes it on. */
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

/* Adds the VLAN, if there is one. Returns false when out of memory. */
static bool add_vlan(xmlNodePtr parent, unsigned vlan)
{
	return !vlan || set(add(add(parent, "vlan"), "tag"), "id", "%u", vlan);
}

/* Adds the port profile, if there is one. Returns false when out of memory. */
static bool add_virtualport(xmlNodePtr parent, const struct vfpool_virtualport *port)
{
	xmlNodePtr node, parameters;

	if (!port->type)
		return true;
	node = set(add(parent, "virtualport"), "type", "%s", port->type);
	parameters = add(node, "parameters");
	for (size_t i = 0; i < port->n_parameters; i++)
		parameters = set(parameters, port->parameters[i].name, "%s",
				 port->parameters[i].value);
	return parameters;
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

static unsigned vlan_of(const struct vfpool_pool *pool, const struct vfpool_lease *lease)
{
	return lease->vlan < 0 ? pool->policy.vlan : (unsigned)lease->vlan;
}

int guest_vlan(const struct vfpool_pool *pool, const struct vfpool_lease *lease)
{
	return lease->has_vf && !pool->virtualport.type ? (int)vlan_of(pool, lease) : -1;
}

bool guest_vlan_is_beyond_libvirt(const struct vfpool_pool *pool, const struct vfpool_lease *lease)
{
	return vlan_of(pool, lease) && (pool->policy.qos || pool->policy.vlan_proto != 0x8100);
}

static xmlNodePtr set_managed(xmlNodePtr node, const struct vfpool_pool *pool)
{
	return set(node, "managed", pool->unmanaged ? "no" : "yes");
}

/* Adds the kernel's vfio driver that libvirt is to take, if the pool says one. */
static bool add_driver(xmlNodePtr parent, const struct vfpool_pool *pool)
{
	return !pool->driver_model ||
	       set(set(add(parent, "driver"), "name", "vfio"), "model", "%s", pool->driver_model);
}

/* Fills a <hostdev>, which libvirt leaves as vfpool has programmed it. Its schema has no type='pci' here. */
static bool fill_hostdev(xmlNodePtr hostdev, const struct vfpool_pool *pool,
			 const struct vfpool_lease *lease)
{
	hostdev = set(set(hostdev, "mode", "subsystem"), "type", "pci");
	return set_managed(hostdev, pool) && add_driver(hostdev, pool) &&
	       set_address(add(add(hostdev, "source"), "address"), &lease->address);
}

static bool fill_network(xmlNodePtr interface, const struct vfpool_pool *pool,
			 const struct vfpool_lease *lease, const char *portgroup)
{
	xmlNodePtr source;

	if (!set(interface, "type", "network") || !add_mac(interface, &lease->mac))
		return false;
	source = set(add(interface, "source"), "network", "%s", pool->network);
	if (portgroup)
		source = set(source, "portgroup", "%s", portgroup);
	/* Its own VLAN only: else the network's or the portgroup's. */
	return source && add_vlan(interface, lease->vlan < 0 ? 0 : (unsigned)lease->vlan);
}

static bool fill_vf(xmlNodePtr interface, const struct vfpool_pool *pool,
		    const struct vfpool_lease *lease)
{
	return set_managed(set(interface, "type", "hostdev"), pool) &&
	       add_driver(interface, pool) && add_mac(interface, &lease->mac) &&
	       set_address(set(add(add(interface, "source"), "address"), "type", "pci"),
			   &lease->address) &&
	       (pool->virtualport.type ? add_virtualport(interface, &pool->virtualport) :
					 add_vlan(interface, vlan_of(pool, lease)));
}

/* Sets an alias. libvirt wants letters, digits, '-' and '_' after "ua-". */
static xmlNodePtr set_alias(xmlNodePtr node, const char *attribute,
			    const struct vfpool_lease *lease)
{
	const uint8_t *mac = lease->mac.byte;

	return set(node, attribute, "ua-vfpool-%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2],
		   mac[3], mac[4], mac[5]);
}

/* Fills the interface of the virtual card that carries on while the VF is away. */
static bool fill_standby(xmlNodePtr interface, const struct vfpool_pool *pool,
			 const struct vfpool_lease *lease)
{
	const char *type = pool->teaming_bridge ? "bridge" : "network";

	return set(interface, "type", "%s", type) && add_mac(interface, &lease->mac) &&
	       set(add(interface, "source"), type, "%s",
		   pool->teaming_bridge ? pool->teaming_bridge : pool->teaming_network) &&
	       set(add(interface, "model"), "type", "virtio") &&
	       set(add(interface, "teaming"), "type", "persistent") &&
	       set_alias(add(interface, "alias"), "name", lease);
}

static bool add_transient(xmlNodePtr interface, const struct vfpool_lease *lease)
{
	xmlNodePtr teaming = set(add(interface, "teaming"), "type", "transient");

	return set_alias(teaming, "persistent", lease);
}

static int standby_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		       char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	xmlNodePtr interface = new_root(doc, "interface");

	return fill_standby(interface, pool, lease) ? dump(doc, ret_xml) : -ENOMEM;
}

/* Writes two elements, for a guest's <devices>. */
static int teaming_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		       const char *portgroup, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	xmlNodePtr interface = new_root(doc, "interface");
	AUTO_FREE char *standby = NULL, *vf = NULL;

	if (!(lease->has_vf ? fill_vf(interface, pool, lease) :
			      fill_network(interface, pool, lease, portgroup)) ||
	    !add_transient(interface, lease) || dump(doc, &vf) < 0 ||
	    standby_xml(pool, lease, &standby) < 0 || asprintf(ret_xml, "%s%s", standby, vf) < 0)
		return -ENOMEM;
	return 0;
}

int guest_interface_xml(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
			enum vfpool_format format, const char *portgroup, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	bool plain = format == VFPOOL_FORMAT_HOSTDEV;
	xmlNodePtr root = new_root(doc, plain ? "hostdev" : "interface");
	bool whole;

	if (format == VFPOOL_FORMAT_TEAMING)
		return teaming_xml(pool, lease, portgroup, ret_xml);
	if (plain)
		whole = fill_hostdev(root, pool, lease);
	else if (format == VFPOOL_FORMAT_NETWORK)
		whole = fill_network(root, pool, lease, portgroup);
	else
		whole = fill_vf(root, pool, lease);
	return whole ? dump(doc, ret_xml) : -ENOMEM;
}

int guest_nic_xml(const struct guest_nic *nic, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	xmlNodePtr root = new_root(doc, nic->has_mac ? "interface" : "hostdev"), source;

	if (!nic->has_mac)
		root = set(set(root, "mode", "subsystem"), "type", "pci");
	else if (!add_mac(set(root, "type", nic->network ? "network" : "hostdev"), &nic->mac))
		return -ENOMEM;
	source = add(root, "source");
	if (nic->network)
		source = set(source, "network", "%s", nic->network);
	else if (nic->has_mac)
		source = set_address(set(add(source, "address"), "type", "pci"), &nic->address);
	else
		source = set_address(add(source, "address"), &nic->address);
	return source ? dump(doc, ret_xml) : -ENOMEM;
}

static bool add_portgroup(xmlNodePtr network, const struct vfpool_portgroup *group)
{
	xmlNodePtr node = set(add(network, "portgroup"), "name", "%s", group->name);

	if (group->is_default)
		node = set(node, "default", "yes");
	return node && add_vlan(node, group->vlan) && add_virtualport(node, &group->virtualport);
}

/* Adds the mark by which the network is known as vfpool's. */
static bool add_mark(xmlNodePtr network, const struct vfpool_pool *pool)
{
	xmlNodePtr metadata = add(network, "metadata");
	xmlNodePtr mark = metadata ? xmlNewTextChild(metadata, NULL, XML("pool"), XML(pool->name)) :
				     NULL;
	xmlNsPtr ns = mark ? xmlNewNs(mark, XML(GUEST_NETWORK_MARK), XML("vfpool")) : NULL;

	xmlSetNs(mark, ns);
	return ns;
}

int guest_network_xml(const struct vfpool_pool *pool, const char *pf_dev,
		      const struct vfpool_pci *addresses, size_t n, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xmlNewDoc(XML("1.0"));
	xmlNodePtr network = new_root(doc, "network"), forward;
	bool whole;

	/* The order of elements is libvirt's own, so that its text compares. */
	if (!network || !xmlNewTextChild(network, NULL, XML("name"), XML(pool->network)) ||
	    !add_mark(network, pool))
		return -ENOMEM;
	forward = set_managed(set(add(network, "forward"), "mode", "hostdev"), pool);
	whole = forward && add_driver(forward, pool);
	if (pf_dev)
		whole = whole && set(add(forward, "pf"), "dev", "%s", pf_dev);
	for (size_t i = 0; !pf_dev && i < n; i++)
		whole = whole &&
			set_address(set(add(forward, "address"), "type", "pci"), &addresses[i]);
	whole = whole && add_vlan(network, pool->policy.vlan) &&
		add_virtualport(network, &pool->virtualport);
	for (size_t i = 0; i < pool->n_portgroups; i++)
		whole = whole && add_portgroup(network, &pool->portgroups[i]);
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

/* Are both trees the same? The depth of what we compare is that of a network, a handful. */
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

static xmlNodePtr child(xmlNodePtr parent, const char *name)
{
	for (xmlNodePtr node = parent->children; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
			return node;
	return NULL;
}

static void drop(xmlNodePtr node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

static bool is_mark(const xmlNode *node)
{
	return node->ns && strcmp((const char *)node->ns->href, GUEST_NETWORK_MARK) == 0;
}

static void drop_marks(xmlNodePtr root)
{
	xmlNodePtr metadata = child(root, "metadata"), next;

	for (xmlNodePtr node = metadata ? metadata->children : NULL; node; node = next) {
		next = node->next;
		if (is_mark(node))
			drop(node);
	}
	if (metadata && !metadata->children)
		drop(metadata);
}

/* Returns the network without what isn't the definition's: its UUID, its mark, how many guests use it, and the VFs that
 * libvirt has found for a whole PF. */
static xmlNodePtr normal_root(xmlDocPtr doc)
{
	xmlNodePtr root = doc && !doc->intSubset ? xmlDocGetRootElement(doc) : NULL, next;
	xmlNodePtr forward = root ? child(root, "forward") : NULL;
	bool whole = forward && child(forward, "pf");

	if (!root)
		return NULL;
	xmlUnsetProp(root, XML("connections"));
	drop_marks(root);
	for (xmlNodePtr node = root->children; node; node = next) {
		next = node->next;
		if (!is_part(node))
			drop(node);
	}
	for (xmlNodePtr node = forward ? forward->children : NULL; node; node = next) {
		next = node->next;
		if (node->type != XML_ELEMENT_NODE)
			continue;
		xmlUnsetProp(node, XML("connections"));
		if (whole && strcmp((const char *)node->name, "address") == 0)
			drop(node);
	}
	return root;
}

bool guest_network_is_used(const char *xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = parse(xml);
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;

	return !root || xmlHasProp(root, XML("connections"));
}

bool guest_networks_equal(const char *a, const char *b)
{
	CLEANUP(cleanup_doc) xmlDocPtr x = parse(a);
	CLEANUP(cleanup_doc) xmlDocPtr y = parse(b);
	xmlNodePtr p = normal_root(x), q = normal_root(y);

	return p && q && same_tree(p, q);
}

int guest_network_normal(const char *xml, char **ret_text)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = parse(xml);

	return normal_root(doc) ? dump(doc, ret_text) : -EBADMSG;
}

/* ---- an admin's own ---- */

static bool same_name(xmlNodePtr a, xmlNodePtr b)
{
	return child(a, "name") && child(b, "name") &&
	       same_text(child(a, "name"), child(b, "name"));
}

/* Puts a copy of the other's element behind `after`. */
static bool put(xmlDocPtr doc, xmlNodePtr after, xmlNodePtr other)
{
	xmlNodePtr copy = xmlDocCopyNode(other, doc, 1);

	if (copy && xmlAddNextSibling(after, copy))
		return true;
	xmlFreeNode(copy);
	return false;
}

/* Puts the other's mark in, in the order of libvirt's own text. */
static bool put_mark(xmlDocPtr doc, xmlNodePtr root, xmlNodePtr other)
{
	static const char *const before[] = { "description", "title", "uuid", "name" };
	xmlNodePtr from = child(other, "metadata"), metadata, copy, after = NULL;

	drop_marks(root);
	metadata = child(root, "metadata");
	if (metadata) {
		copy = xmlDocCopyNode(from->children, doc, 1);
		return copy && xmlAddChild(metadata, copy);
	}
	for (size_t i = 0; !after; i++) /* it has a name */
		after = child(root, before[i]);
	return put(doc, after, from);
}

int guest_network_complete(const char *own, const char *made, char **ret_xml)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = parse(own);
	CLEANUP(cleanup_doc) xmlDocPtr other = parse(made);
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;
	xmlNodePtr from = other ? xmlDocGetRootElement(other) : NULL;

	if (!root || !from || doc->intSubset || strcmp((const char *)root->name, "network") != 0 ||
	    !same_name(root, from))
		return -EBADMSG;
	while (child(root, "forward"))
		drop(child(root, "forward"));
	if (!put(doc, child(root, "name"), child(from, "forward")) || !put_mark(doc, root, from))
		return -ENOMEM;
	if (!child(root, "vlan") && !child(root, "virtualport") && child(from, "vlan") &&
	    !put(doc, child(root, "forward"), child(from, "vlan")))
		return -ENOMEM;
	return dump(doc, ret_xml);
}
