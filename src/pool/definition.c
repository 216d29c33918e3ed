/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool's definition: from XML to struct vfpool_pool. */
#include "pool/pool.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/name.h"
#include "util/xml.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

extern const char pool_schema[], pool_schema_end[];

DEFINE_CLEANUP(xmlDocPtr, cleanup_doc, xmlFreeDoc);
DEFINE_CLEANUP(xmlParserCtxtPtr, cleanup_parser, xmlFreeParserCtxt);
DEFINE_CLEANUP(xmlRelaxNGPtr, cleanup_schema, xmlRelaxNGFree);
DEFINE_CLEANUP(xmlRelaxNGParserCtxtPtr, cleanup_schema_parser, xmlRelaxNGFreeParserCtxt);
DEFINE_CLEANUP(xmlRelaxNGValidCtxtPtr, cleanup_validator, xmlRelaxNGFreeValidCtxt);
DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);

/* What a parsing function needs to say where it failed. */
struct place {
	const char *file;
	struct error *err;
};

#define fail_at(place, line, format, ...) \
	fail((place)->err, -EINVAL, "%s:%ld: " format, (place)->file, (long)(line), ##__VA_ARGS__)

static void trim_newline(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

static int fail_xml(const struct place *place, const xmlError *error)
{
	char message[256] = "not well-formed XML";

	if (error && error->message)
		snprintf(message, sizeof(message), "%s", error->message);
	trim_newline(message);
	return fail_at(place, error ? error->line : 0, "%s", message);
}

/* Reads the text as a tree, with no network, no external entities and no DTD at all: a definition needs
 * none of these, an attack all. */
static int parse_xml(const char *text, size_t size, const struct place *place, xmlDocPtr *ret_doc)
{
	CLEANUP(cleanup_parser) xmlParserCtxtPtr parser = xmlNewParserCtxt();
	CLEANUP(cleanup_doc) xmlDocPtr doc = NULL;

	if (!parser)
		return fail_oom(place->err);
	doc = xmlCtxtReadMemory(parser, text, (int)size, place->file, NULL,
				XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					XML_PARSE_NOBLANKS);
	if (!doc)
		return fail_xml(place, xmlCtxtGetLastError(parser));
	if (doc->intSubset || doc->extSubset)
		return fail_at(place, 1, "a pool definition has no document type declaration");
	*ret_doc = TAKE_PTR(doc);
	return 0;
}

struct complaint {
	int line;
	char text[512];
};

/* Writes the element with its values, as ": <tag id='4095'>": libxml2 itself doesn't say which one it dislikes. */
static void quote_element(const xmlNode *node, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, ": <%s", (const char *)node->name);

	for (const xmlAttr *attr = node->properties; attr && n < size; attr = attr->next) {
		xmlChar *value = xmlGetNoNsProp((xmlNode *)node, attr->name);

		n += (size_t)snprintf(text + n, size - n, " %s='%s'", (const char *)attr->name,
				      value ? (const char *)value : "");
		xmlFree(value);
	}
	if (n < size)
		snprintf(text + n, size - n, ">");
}

/* Keeps the first complaint: the later ones only say that the element around
 * it is invalid too. */
static void keep_complaint(void *arg, xmlErrorPtr error)
{
	struct complaint *complaint = arg;
	const xmlNode *node = error->node;
	size_t n;

	if (complaint->text[0] || !error->message)
		return;
	complaint->line = error->line;
	snprintf(complaint->text, sizeof(complaint->text), "%s", error->message);
	trim_newline(complaint->text);
	n = strlen(complaint->text);
	if (node && node->type == XML_ELEMENT_NODE && n < sizeof(complaint->text) / 2)
		quote_element(node, complaint->text + n, sizeof(complaint->text) - n);
}

/* Gives the complaint its line where libxml2 names none, as for what is wrong inside an <interleave>. Often it names
 * the element: "Extra element link in interleave". */
static void find_line(const xmlNode *root, struct complaint *complaint)
{
	const xmlNode *node = root ? root->children : NULL;

	for (; complaint->line == 0 && node; node = node->next) {
		AUTO_FREE char *word = NULL;
		size_t n = strlen(complaint->text);

		if (node->type != XML_ELEMENT_NODE ||
		    asprintf(&word, "lement %s ", (const char *)node->name) < 0 ||
		    !strstr(complaint->text, word))
			continue;
		complaint->line = (int)xmlGetLineNo((xmlNode *)node);
		if (n < sizeof(complaint->text) / 2)
			quote_element(node, complaint->text + n, sizeof(complaint->text) - n);
	}
	if (complaint->line == 0 && root)
		complaint->line = (int)xmlGetLineNo((xmlNode *)root);
}

/* Finds the likeliest mistake, and says it in better words than the schema's. */
static int check_pf_attributes(const xmlNode *pf, const struct place *place)
{
	static const char *const known[] = { "dev", "address", "mac", "numvfs", "vfs", "up" };
	const long line = xmlGetLineNo((xmlNode *)pf);
	int selectors = 0;

	for (const xmlAttr *attr = pf->properties; attr; attr = attr->next) {
		size_t i = 0;

		while (i < 6 && strcmp((const char *)attr->name, known[i]) != 0)
			i++;
		if (i == 6)
			return fail_at(place, line,
				       "<pf> has no attribute %s; it takes dev, address or mac, "
				       "and numvfs, vfs, up",
				       (const char *)attr->name);
		selectors += i < 3;
	}
	if (selectors != 1)
		return fail_at(place, line,
			       "<pf> takes one of dev='NETDEV', address='0000:01:00.0' and "
			       "mac='…', not %s",
			       selectors ? "several" : "none");
	if (!xmlHasProp((xmlNode *)pf, (const xmlChar *)"numvfs"))
		return fail_at(place, line,
			       "<pf> needs numvfs='N': how many VFs the PF has in all");
	return 0;
}

static int check_pfs(xmlDocPtr doc, const struct place *place)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	int r = 0;

	for (const xmlNode *node = root ? root->children : NULL; r == 0 && node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "pf") == 0)
			r = check_pf_attributes(node, place);
	return r;
}

static int validate(xmlDocPtr doc, const struct place *place)
{
	struct complaint complaint = { 0 };
	CLEANUP(cleanup_schema_parser) xmlRelaxNGParserCtxtPtr parser = NULL;
	CLEANUP(cleanup_schema) xmlRelaxNGPtr schema = NULL;
	CLEANUP(cleanup_validator) xmlRelaxNGValidCtxtPtr validator = NULL;
	int r;

	parser = xmlRelaxNGNewMemParserCtxt(pool_schema, (int)(pool_schema_end - pool_schema));
	if (parser)
		schema = xmlRelaxNGParse(parser);
	if (schema)
		validator = xmlRelaxNGNewValidCtxt(schema);
	if (!validator)
		return fail_oom(place->err);
	xmlRelaxNGSetValidStructuredErrors(validator, keep_complaint, &complaint);
	r = xmlRelaxNGValidateDoc(validator, doc);
	if (r == 0)
		return 0;
	find_line(xmlDocGetRootElement(doc), &complaint);
	return fail_at(place, complaint.line, "%s",
		       complaint.text[0] ? complaint.text : "not a pool definition");
}

/* Checks that a reader sees all of the text as what it is. Comments too: a definition is shown to people. */
static int check_visible(const char *text, size_t size, const struct place *place)
{
	const char *const end = text + size;
	long line = 1;

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		text += 3;
	while (text < end) {
		size_t length = visible_length(text, true);

		if (length == 0)
			return fail_at(
				place, line,
				"there is a character that isn't UTF-8, or a control or invisible one");
		line += *text == '\n';
		text += length;
	}
	return 0;
}

/* ---- from elements to the struct; the schema has checked their form ---- */

static int parse_ranges(const char *text, struct vfpool_pool_pf *pf)
{
	while (*text) {
		struct vfpool_range range, *grown;
		char *end;

		range.first = range.last = (unsigned)strtoul(text, &end, 10);
		if (*end == '-')
			range.last = (unsigned)strtoul(end + 1, &end, 10);
		if (range.last < range.first)
			return -EINVAL;
		grown = realloc(pf->vfs, (pf->n_vfs + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pf->vfs = grown;
		pf->vfs[pf->n_vfs++] = range;
		text = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static int parse_pf_selector(const xmlNode *node, struct vfpool_pool_pf *pf)
{
	AUTO_FREE char *address = xml_attribute(node, "address"), *mac = xml_attribute(node, "mac");

	if (address) {
		pf->by = VFPOOL_PF_BY_ADDRESS;
		return vfpool_pci_parse(address, &pf->address);
	}
	if (mac) {
		pf->by = VFPOOL_PF_BY_MAC;
		return vfpool_mac_parse(mac, &pf->mac);
	}
	pf->by = VFPOOL_PF_BY_DEV;
	pf->dev = xml_attribute(node, "dev");
	return !pf->dev ? -ENOMEM : netdev_name_is_valid(pf->dev) ? 0 : -EINVAL;
}

static int check_ranges(const struct vfpool_pool_pf *pf, const struct place *place)
{
	for (size_t i = 0; i < pf->n_vfs; i++) {
		const struct vfpool_range *a = &pf->vfs[i];

		if (a->last >= pf->numvfs)
			return fail_at(place, pf->line,
				       "vfs has VF %u, but numvfs='%u' makes VFs 0 to %u", a->last,
				       pf->numvfs, pf->numvfs - 1);
		for (size_t j = 0; j < i; j++)
			if (a->first <= pf->vfs[j].last && pf->vfs[j].first <= a->last)
				return fail_at(place, pf->line, "vfs has VF %u twice",
					       a->first > pf->vfs[j].first ? a->first :
									     pf->vfs[j].first);
	}
	return 0;
}

static int parse_pf(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	AUTO_FREE char *vfs = xml_attribute(node, "vfs");
	struct vfpool_pool_pf *grown, *pf;

	grown = realloc(pool->pfs, (pool->n_pfs + 1) * sizeof(*grown));
	if (!grown)
		return fail_oom(place->err);
	pool->pfs = grown;
	pf = &pool->pfs[pool->n_pfs++];
	*pf = (struct vfpool_pool_pf){
		.line = (int)xmlGetLineNo((xmlNode *)node),
		.numvfs = xml_number(node, "numvfs", 0),
		.up = xml_attribute_is(node, "up", "yes"),
	};
	if (parse_pf_selector(node, pf) < 0)
		return fail_at(place, pf->line, "<pf> names no possible PF");
	if (vfs && parse_ranges(vfs, pf) < 0)
		return fail_at(place, pf->line, "vfs='%s' isn't a list of VFs such as '0-3,6'",
			       vfs);
	return check_ranges(pf, place);
}

static int parse_mac(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	AUTO_FREE char *prefix = xml_attribute(node, "prefix");
	unsigned sum = 0;

	pool->seed = xml_attribute(node, "seed");
	if (!prefix)
		return 0;
	pool->mac_prefix_len = 0;
	for (const char *p = prefix;; p += 3) {
		uint8_t byte = (uint8_t)strtoul((char[]){ p[0], p[1], '\0' }, NULL, 16);

		pool->mac_prefix[pool->mac_prefix_len++] = byte;
		sum += byte;
		if (p[2] == '\0')
			break;
	}
	if (pool->mac_prefix[0] & 1)
		return fail_at(place, xmlGetLineNo((xmlNode *)node),
			       "the MAC prefix '%s' is a multicast one (its first byte is odd)",
			       prefix);
	if (sum == 0)
		return fail_at(place, xmlGetLineNo((xmlNode *)node),
			       "the MAC prefix '%s' is all zero", prefix);
	return 0;
}

static void parse_vlan(const xmlNode *node, struct vfpool_pool *pool)
{
	pool->policy.vlan = (uint16_t)xml_number(xml_child(node, "tag"), "id", 0);
	pool->policy.qos = (uint8_t)xml_number(node, "qos", 0);
	if (xml_attribute_is(node, "proto", "802.1ad"))
		pool->policy.vlan_proto = 0x88a8;
}

/* Reads <spoofchk>. On is what a driver does by itself, and a card that doesn't know it is no reason to have no pool; but
 * who writes it down means it. */
static void parse_spoofchk(const xmlNode *node, struct vfpool_pool *pool)
{
	pool->policy.spoofchk = xml_attribute_is(node, "state", "on");
	if (pool->policy.spoofchk)
		pool->policy.must |= VFPOOL_ATTR_SPOOFCHK;
}

static void parse_driver(const xmlNode *node, struct vfpool_pool *pool)
{
	pool->driver = xml_attribute_is(node, "name", "host") ? VFPOOL_DRIVER_HOST :
		       xml_attribute_is(node, "name", "none") ? VFPOOL_DRIVER_NONE :
								VFPOOL_DRIVER_VFIO;
	pool->driver_model = xml_attribute(node, "model");
	pool->unmanaged = xml_attribute_is(node, "managed", "no");
}

static int parse_virtualport(const xmlNode *node, struct vfpool_virtualport *port)
{
	const xmlNode *parameters = xml_child(node, "parameters");

	port->type = xml_attribute(node, "type");
	for (const xmlAttr *attr = parameters->properties;
	     attr && port->n_parameters < ARRAY_SIZE(port->parameters); attr = attr->next) {
		const char *name = (const char *)attr->name;

		port->parameters[port->n_parameters].name = strdup(name);
		port->parameters[port->n_parameters].value = xml_attribute(parameters, name);
		if (!port->parameters[port->n_parameters].name ||
		    !port->parameters[port->n_parameters++].value)
			return -ENOMEM;
	}
	return port->type ? 0 : -ENOMEM;
}

static int parse_portgroup(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	struct vfpool_portgroup *grown = reallocarray(pool->portgroups, pool->n_portgroups + 1,
						      sizeof(*grown));
	const xmlNode *port = xml_child(node, "virtualport");
	struct vfpool_portgroup *group;

	if (!grown)
		return fail_oom(place->err);
	pool->portgroups = grown;
	group = &grown[pool->n_portgroups++];
	*group = (struct vfpool_portgroup){
		.name = xml_attribute(node, "name"),
		.is_default = xml_attribute_is(node, "default", "yes"),
		.vlan = (uint16_t)xml_number(xml_child(xml_child(node, "vlan"), "tag"), "id", 0),
	};
	if (!group->name || (port && parse_virtualport(port, &group->virtualport) < 0))
		return fail_oom(place->err);
	for (struct vfpool_portgroup *other = grown; other < group; other++) {
		if (strcmp(other->name, group->name) == 0)
			return fail_at(place, xmlGetLineNo((xmlNode *)node),
				       "there are two portgroups %s", group->name);
		if (other->is_default && group->is_default)
			return fail_at(place, xmlGetLineNo((xmlNode *)node),
				       "portgroups %s and %s are both the default", other->name,
				       group->name);
	}
	return 0;
}

static int parse_network(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	int r = 0;

	pool->network = xml_attribute(node, "name");
	pool->network_autostart = xml_attribute_is(node, "autostart", "yes");
	if (!pool->network)
		return fail_oom(place->err);
	for (const xmlNode *group = node->children; r == 0 && group; group = group->next)
		if (group->type == XML_ELEMENT_NODE)
			r = parse_portgroup(group, pool, place);
	return r;
}

static int parse_rate(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	pool->policy.max_rate = xml_number(node, "max", 0);
	pool->policy.min_rate = xml_number(node, "min", 0);
	if (pool->policy.max_rate && pool->policy.min_rate > pool->policy.max_rate)
		return fail_at(place, xmlGetLineNo((xmlNode *)node),
			       "rate: min='%u' is above max='%u'", pool->policy.min_rate,
			       pool->policy.max_rate);
	return 0;
}

static int parse_name(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	xmlChar *content = xmlNodeGetContent(node);

	if (content)
		pool->name = strdup((const char *)content);
	xmlFree(content);
	if (!pool->name)
		return fail_oom(place->err);
	if (!pool_name_is_valid(pool->name))
		return fail_at(place, xmlGetLineNo((xmlNode *)node), "'%s' can't be a pool's name",
			       pool->name);
	return 0;
}

static int parse_teaming(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	pool->teaming_network = xml_attribute(node, "network");
	pool->teaming_bridge = xml_attribute(node, "bridge");
	if (pool->teaming_bridge && !netdev_name_is_valid(pool->teaming_bridge))
		return fail_at(place, xmlGetLineNo((xmlNode *)node),
			       "'%s' can't be a bridge's name", pool->teaming_bridge);
	return 0;
}

static int parse_element(const xmlNode *node, struct vfpool_pool *pool, const struct place *place)
{
	const char *name = (const char *)node->name;

	if (strcmp(name, "name") == 0)
		return parse_name(node, pool, place);
	if (strcmp(name, "pf") == 0)
		return parse_pf(node, pool, place);
	if (strcmp(name, "mac") == 0)
		return parse_mac(node, pool, place);
	if (strcmp(name, "rate") == 0)
		return parse_rate(node, pool, place);
	if (strcmp(name, "network") == 0)
		return parse_network(node, pool, place);
	if (strcmp(name, "virtualport") == 0)
		return parse_virtualport(node, &pool->virtualport) < 0 ? fail_oom(place->err) : 0;
	if (strcmp(name, "vlan") == 0)
		parse_vlan(node, pool);
	else if (strcmp(name, "allocate") == 0)
		pool->allocate = xml_attribute_is(node, "by", "libvirt") ? VFPOOL_BY_LIBVIRT :
									   VFPOOL_BY_VFPOOL;
	else if (strcmp(name, "placement") == 0)
		pool->placement = xml_attribute_is(node, "policy", "spread") ? VFPOOL_SPREAD :
									       VFPOOL_PACK;
	else if (strcmp(name, "trust") == 0)
		pool->policy.trust = xml_attribute_is(node, "state", "on");
	else if (strcmp(name, "spoofchk") == 0)
		parse_spoofchk(node, pool);
	else if (strcmp(name, "rss") == 0)
		pool->policy.rss_query = xml_attribute_is(node, "query", "on");
	else if (strcmp(name, "link") == 0)
		pool->policy.link = xml_attribute_is(node, "state", "on")  ? VFPOOL_LINK_ON :
				    xml_attribute_is(node, "state", "off") ? VFPOOL_LINK_OFF :
									     VFPOOL_LINK_AUTO;
	else if (strcmp(name, "vectors") == 0)
		pool->vectors = xml_number(node, "count", 0);
	else if (strcmp(name, "driver") == 0)
		parse_driver(node, pool);
	else if (strcmp(name, "teaming") == 0)
		return parse_teaming(node, pool, place);
	return 0;
}

/* Sets what a definition without the element means. */
static void set_defaults(struct vfpool_pool *pool)
{
	/* Locally administered, and not where others draw theirs from: libvirt and QEMU
	 * 52:54:00, kubemacpool and containers 02. */
	static const uint8_t prefix[] = { 0xd2, 0x56, 0x46 };

	memcpy(pool->mac_prefix, prefix, sizeof(prefix));
	pool->mac_prefix_len = sizeof(prefix);
	pool->policy = (struct vfpool_settings){
		.have = VFPOOL_ATTR_VLAN | VFPOOL_ATTR_RATE | VFPOOL_ATTR_SPOOFCHK |
			VFPOOL_ATTR_LINK | VFPOOL_ATTR_TRUST | VFPOOL_ATTR_RSS_QUERY,
		.vlan_proto = 0x8100,
		.spoofchk = true,
		.link = VFPOOL_LINK_AUTO,
	};
}

int pool_new_default(const char *name, struct vfpool_pool **ret_pool, struct error *err)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return fail_oom(err);
	pool->name = strdup(name);
	pool->file = strdup("(no definition)");
	if (!pool->name || !pool->file)
		return fail_oom(err);
	set_defaults(pool);
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

static int check_network(struct vfpool_pool *pool, const struct place *place)
{
	if (pool->allocate == VFPOOL_BY_VFPOOL && pool->network)
		return fail_at(place, 1, "<network> goes only with <allocate by='libvirt'/>");
	if (pool->allocate == VFPOOL_BY_LIBVIRT &&
	    (pool->policy.qos || pool->policy.vlan_proto != 0x8100))
		return fail_at(place, 1,
			       "libvirt sets its networks' VLANs without qos and as 802.1Q; a "
			       "pool with qos or proto='802.1ad' can't be allocated by libvirt");
	if (pool->allocate == VFPOOL_BY_LIBVIRT && !pool->network) {
		pool->network = strdup(pool->name);
		if (!pool->network)
			return fail_oom(place->err);
	}
	return 0;
}

static unsigned count_vfs(const struct vfpool_pool *pool)
{
	unsigned n = 0;

	for (size_t i = 0; i < pool->n_pfs; i++)
		for (unsigned vf = 0; vf < pool->pfs[i].numvfs; vf++)
			n += vfpool_pool_has_vf(&pool->pfs[i], vf);
	return n;
}

/* Checks that the prefix leaves enough MACs. One of 5 bytes leaves one, a half of it for leases and one for free VFs; other prefixes leave more
 * than any host has VFs. */
static int check_prefix(const xmlNode *root, const struct vfpool_pool *pool,
			const struct place *place)
{
	unsigned n, room;

	if (pool->mac_prefix_len < 4)
		return 0;
	n = count_vfs(pool);
	room = 1U << (8 * (6 - pool->mac_prefix_len) - 1);
	if (n <= room)
		return 0;
	return fail_at(
		place, xmlGetLineNo((xmlNode *)xml_child(root, "mac")),
		"the MAC prefix leaves %u addresses for free VFs and as many for leases, but the pool has %u "
		"VFs; take a shorter one",
		room, n);
}

/* Checks what the schema can't say. The lines in messages are those of the elements that it is about. */
static int check_together(const xmlNode *root, const struct vfpool_pool *pool,
			  const struct place *place)
{
	const xmlNode *vlan = xml_child(root, "vlan"), *port = xml_child(root, "virtualport");
	const xmlNode *driver = xml_child(root, "driver");

	if (vlan && port)
		return fail_at(
			place, xmlGetLineNo((xmlNode *)port),
			"<virtualport> and the <vlan> of line %ld exclude each other: the switch's "
			"port profile says which VLAN it is",
			xmlGetLineNo((xmlNode *)vlan));
	if (pool->unmanaged && pool->driver != VFPOOL_DRIVER_VFIO)
		return fail_at(
			place, xmlGetLineNo((xmlNode *)driver),
			"managed='no' needs <driver name='vfio-pci'>: libvirt doesn't bind the VF then");
	return 0;
}

/* Reads the text as XML, and checks all that can be without knowing what it means. */
static int read_checked(const char *text, size_t size, const struct place *place,
			xmlDocPtr *ret_doc)
{
	CLEANUP(cleanup_doc) xmlDocPtr doc = NULL;
	int r = parse_xml(text, size, place, &doc);

	if (r < 0)
		return r;
	r = check_visible(text, size, place);
	if (r < 0)
		return r;
	r = check_pfs(doc, place);
	if (r < 0)
		return r;
	r = validate(doc, place);
	if (r < 0)
		return r;
	*ret_doc = TAKE_PTR(doc);
	return 0;
}

/* Checks what the pool's elements mean together. */
static int check_pool(const xmlNode *root, struct vfpool_pool *pool, const struct place *place)
{
	int r = check_network(pool, place);

	if (r < 0)
		return r;
	r = check_together(root, pool, place);
	return r < 0 ? r : check_prefix(root, pool, place);
}

int pool_parse(const char *text, size_t size, const char *file, struct vfpool_pool **ret_pool,
	       struct error *err)
{
	const struct place place = { .file = file, .err = err };
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(cleanup_doc) xmlDocPtr doc = NULL;
	int r;

	if (size > POOL_TEXT_MAX)
		return fail(err, -EFBIG, "%s is larger than any pool definition", file);
	r = read_checked(text, size, &place, &doc);
	if (r < 0)
		return r;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return fail_oom(err);
	pool->file = strdup(file);
	if (!pool->file)
		return fail_oom(err);
	set_defaults(pool);
	for (xmlNode *node = xmlDocGetRootElement(doc)->children; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		r = parse_element(node, pool, &place);
		if (r < 0)
			return r;
	}
	r = check_pool(xmlDocGetRootElement(doc), pool, &place);
	if (r < 0)
		return r;
	*ret_pool = TAKE_PTR(pool);
	return 0;
}
