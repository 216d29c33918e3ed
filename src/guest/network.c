/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose is a libvirt network, and what? Read from its XML. */
#include "guest/network.h"
#include "guest/domain.h"

#include "util/cleanup.h"
#include "util/file.h"

#include <string.h>

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);

/* Reads an attribute, "" when there is none. -ENOMEM. */
static int attribute(const xmlNode *node, const char *name, char **ret_value)
{
	char *value = xml_attribute(node, name);

	if (!value)
		value = strdup("");
	*ret_value = value;
	return value ? 0 : -ENOMEM;
}

/* Says what the network has: "forward mode hostdev, PF enp1s0", "…, 4 VFs". */
static char *describe_hostdev(const xmlNode *forward)
{
	AUTO_FREE char *dev = xml_attribute(xml_child(forward, "pf"), "dev");
	size_t n = 0;

	if (dev)
		return format_text("forward mode hostdev, PF %s", dev);
	for (const xmlNode *node = forward->children; node; node = node->next)
		n += node->type == XML_ELEMENT_NODE &&
		     strcmp((const char *)node->name, "address") == 0;
	return format_text("forward mode hostdev, %zu VF%s", n, n == 1 ? "" : "s");
}

/* Says what the network is: "forward mode nat, bridge virbr0". Without <forward> a network is isolated, without a mode it is NAT. */
static char *describe(const xmlNode *root, const xmlNode *forward, const char *mode)
{
	AUTO_FREE char *bridge = NULL;

	if (attribute(xml_child(root, "bridge"), "name", &bridge) < 0)
		return NULL;
	return format_text("%s%s%s%s", forward ? "forward mode " : "isolated",
			   forward ? *mode ? mode : "nat" : "", *bridge ? ", bridge " : "", bridge);
}

static bool has_mark(const xmlNode *root)
{
	const xmlNode *metadata = xml_child(root, "metadata");

	for (const xmlNode *node = metadata ? metadata->children : NULL; node; node = node->next)
		if (node->ns && strcmp((const char *)node->ns->href, GUEST_NETWORK_MARK) == 0)
			return true;
	return false;
}

int guest_network_look(const char *xml, enum guest_network_kind *ret_kind, char **ret_what)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *forward;
	AUTO_FREE char *mode = NULL, *what = NULL;
	bool is_hostdev;

	if (!root || strcmp((const char *)root->name, "network") != 0)
		return -EBADMSG;
	forward = xml_child(root, "forward");
	if (attribute(forward, "mode", &mode) < 0)
		return -ENOMEM;
	is_hostdev = strcmp(mode, "hostdev") == 0;
	what = is_hostdev ? describe_hostdev(forward) : describe(root, forward, mode);
	if (!what)
		return -ENOMEM;
	*ret_kind = !is_hostdev    ? GUEST_NETWORK_OTHER :
		    has_mark(root) ? GUEST_NETWORK_OURS :
				     GUEST_NETWORK_HOSTDEV;
	*ret_what = TAKE_PTR(what);
	return 0;
}

static bool is_among(const struct vfpool_pci *address, const struct vfpool_pci *vfs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (vfpool_pci_equal(&vfs[i], address))
			return true;
	return false;
}

bool guest_network_has_other(const char *xml, const struct vfpool_pci *vfs, size_t n)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = xml_read(xml);
	const xmlNode *forward = doc ? xml_child(xmlDocGetRootElement(doc), "forward") : NULL;
	struct vfpool_pci address;

	for (const xmlNode *node = forward ? forward->children : NULL; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)node->name, "address") == 0 &&
		    guest_read_pci(node, &address) && !is_among(&address, vfs, n))
			return true;
	return false;
}
