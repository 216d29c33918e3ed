/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/xml.h"

#include "util/cleanup.h"

#include <libxml/parser.h>
#include <string.h>

const xmlNode *xml_child(const xmlNode *node, const char *name)
{
	for (node = node ? node->children : NULL; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
			return node;
	return NULL;
}

char *xml_attribute(const xmlNode *node, const char *name)
{
	xmlChar *value = node ? xmlGetNoNsProp((xmlNode *)node, (const xmlChar *)name) : NULL;
	char *copy = value ? strdup((const char *)value) : NULL;

	xmlFree(value);
	return copy;
}

bool xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
	AUTO_FREE char *is = xml_attribute(node, name);

	return is && strcmp(is, value) == 0;
}

unsigned xml_number(const xmlNode *node, const char *name, unsigned missing)
{
	AUTO_FREE char *value = xml_attribute(node, name);

	return value ? (unsigned)strtoul(value, NULL, 10) : missing;
}

xmlDocPtr xml_read(const char *text)
{
	xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "libvirt.xml", NULL,
				      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

	if (doc && doc->intSubset) {
		xmlFreeDoc(doc);
		return NULL;
	}
	return doc;
}
