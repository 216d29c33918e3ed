/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxml2's trees, read. A NULL node has no child and no attribute. */
#ifndef VFPOOL_XML_H
#define VFPOOL_XML_H

#include <libxml/tree.h>
#include <stdbool.h>

/* Reads a text as a tree, without anything from outside it. NULL: it isn't XML, it declares entities, or out
 * of memory. xmlFreeDoc() it. */
xmlDocPtr xml_read(const char *text);

/* Returns the first child element of that name, NULL: there is none. */
const xmlNode *xml_child(const xmlNode *node, const char *name);

/* Returns an attribute's value, NULL: it isn't there, or out of memory; free() it. */
char *xml_attribute(const xmlNode *node, const char *name);
bool xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* Returns an attribute that a schema has found to be a decimal number, or `missing`. */
unsigned xml_number(const xmlNode *node, const char *name, unsigned missing);

#endif
