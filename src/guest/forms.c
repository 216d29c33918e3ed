/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lease as what starts a guest wants to read it. */
#include "guest/guest.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"
#include "util/siphash.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

static const char *const format_names[VFPOOL_N_FORMATS] = {
	[VFPOOL_FORMAT_LIBVIRT] = "libvirt",
	[VFPOOL_FORMAT_NETWORK] = "network",
	[VFPOOL_FORMAT_HOSTDEV] = "hostdev",
	[VFPOOL_FORMAT_TEAMING] = "teaming",
	[VFPOOL_FORMAT_QEMU] = "qemu",
	[VFPOOL_FORMAT_QMP] = "qmp",
	[VFPOOL_FORMAT_STRATOVIRT] = "stratovirt",
	[VFPOOL_FORMAT_ENV] = "env",
};

int vfpool_format_parse(const char *name, enum vfpool_format *ret_format)
{
	for (enum vfpool_format format = 0; format < VFPOOL_N_FORMATS; format++)
		if (strcmp(format_names[format], name) == 0) {
			*ret_format = format;
			return 0;
		}
	return -EINVAL;
}

/* Writes letters and digits of ASCII, '-' and '.' as they are, all else as '_' and two digits, so that no two
 * texts are alike. Returns its length, or what it would be. */
static size_t encode(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		n += (size_t)snprintf(n < size ? out + n : NULL, n < size ? size - n : 0,
				      c < 0x80 && (isalnum(c) || c == '-' || c == '.') ? "%c" :
											 "_%02x",
				      c);
	}
	return n;
}

/* Writes QEMU's id of the device: a letter, then letters, digits, '-', '.' and '_'. It is the lease's key, for in one
 * QEMU there may be VFs of several owners and pools: vfpool-POOL__OWNER-NIC. StratoVirt takes 255 bytes at most, so
 * a hash is in the place of what is too long. */
static void device_id(const struct vfpool_lease *lease, char *text, size_t size)
{
	static const uint8_t keys[2][16] = { { 0 }, { 1 } };
	char pool[152], owner[84]; /* a pool's name has 50 characters */

	encode(lease->pool, pool, sizeof(pool));
	if (encode(lease->owner, owner, sizeof(owner)) >= sizeof(owner)) {
		const size_t n = strlen(lease->owner);

		snprintf(owner, sizeof(owner), "_h%016llx%016llx",
			 (unsigned long long)siphash24(keys[0], lease->owner, n),
			 (unsigned long long)siphash24(keys[1], lease->owner, n));
	}
	snprintf(text, size, "vfpool-%s__%s-%u", pool, owner, lease->nic);
}

/* Can it be a bus or a slot? They come from the command line, and a comma would begin another property. */
static bool is_place(const char *text)
{
	return *text &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(text) &&
	       strlen(text) < 64;
}

/* ---- QEMU and StratoVirt ---- */

struct place {
	char id[256], address[VFPOOL_PCI_TEXT], root_port[24], function[80];
	const char *bus, *addr; /* NULL: QEMU chooses */
	bool multifunction;
};

/* Are several VFs functions of one slot? Each has a root port of StratoVirt, unless told otherwise. */
static bool shares_slot(enum vfpool_format format, const struct vfpool_interface_options *options)
{
	return options->number &&
	       (format == VFPOOL_FORMAT_STRATOVIRT ? options->bus : options->addr) != NULL;
}

/* Reads a slot, "0x03" or "0x03.0x0" as QEMU does, and finds its function for one of several. */
static int parse_slot(const char *addr, unsigned number, unsigned *ret_slot, unsigned *ret_function)
{
	unsigned long slot, function = 0;
	char *end;

	slot = strtoul(addr, &end, 16);
	if (end == addr || slot > 31)
		return -EINVAL;
	if (*end == '.') {
		addr = end + 1;
		function = strtoul(addr, &end, 16);
	}
	if (end == addr || *end || function > 7)
		return -EINVAL;
	if (function + number - 1 > 7)
		return -ERANGE;
	*ret_slot = (unsigned)slot;
	*ret_function = (unsigned)function + number - 1;
	return 0;
}

static void find_place(const struct vfpool_lease *lease, enum vfpool_format format,
		       const struct vfpool_interface_options *options, struct place *place)
{
	unsigned slot, function;

	device_id(lease, place->id, sizeof(place->id));
	vfpool_pci_format(&lease->address, place->address);
	place->bus = options->bus;
	place->addr = options->addr;
	place->multifunction = options->multifunction;
	if (format == VFPOOL_FORMAT_STRATOVIRT) {
		/* Its buses have to be named. */
		snprintf(place->root_port, sizeof(place->root_port), "pcie.%u",
			 options->number ? options->number : lease->nic + 1);
		place->bus = place->bus ? place->bus : place->root_port;
		place->addr = place->addr ? place->addr : "0x0";
	}
	if (!shares_slot(format, options) ||
	    parse_slot(place->addr, options->number, &slot, &function) < 0)
		return;
	snprintf(place->function, sizeof(place->function), "0x%02x.0x%x", slot, function);
	place->addr = place->function;
	place->multifunction = function ==
			       0; /* the kernel looks for others only when this one says so */
}

static char *device_option(const struct place *place)
{
	return format_text("-device vfio-pci,host=%s,id=%s%s%s%s%s%s\n", place->address, place->id,
			   place->bus ? ",bus=" : "", place->bus ? place->bus : "",
			   place->addr ? ",addr=" : "", place->addr ? place->addr : "",
			   place->multifunction ? ",multifunction=on" : "");
}

static void add(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

static struct json_object *command(const char *name, struct json_object *arguments)
{
	struct json_object *object = json_object_new_object();

	add(object, "execute", name);
	json_object_object_add(object, "arguments", arguments);
	return object;
}

static char *qmp_commands(const struct place *place)
{
	struct json_object *on = json_object_new_object(), *off = json_object_new_object();
	char *text;

	add(on, "id", place->id);
	add(on, "driver", "vfio-pci");
	add(on, "host", place->address);
	add(on, "bus", place->bus);
	add(on, "addr", place->addr);
	if (place->multifunction)
		json_object_object_add(on, "multifunction", json_object_new_boolean(true));
	add(off, "id", place->id);
	on = command("device_add", on);
	off = command("device_del", off);
	text = format_text("%s\n%s\n",
			   json_object_to_json_string_ext(on, JSON_C_TO_STRING_NOSLASHESCAPE),
			   json_object_to_json_string_ext(off, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(on);
	json_object_put(off);
	return text;
}

/* ---- a shell's variables ---- */

/* Writes the text in single quotes, out of which nothing gets: a quote ends them, comes escaped, and
 * begins them anew. */
static void quote(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputs("'\n", out);
}

static void variable(FILE *out, const char *name, const char *number, const char *value)
{
	fprintf(out, "VFPOOL_%s%s=", name, number);
	quote(out, value);
}

static char *shell_variables(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
			     unsigned of_several)
{
	char number[16] = "", text[40], mac[VFPOOL_MAC_TEXT], *all = NULL;
	unsigned vlan = lease->vlan < 0 ? pool->policy.vlan : (unsigned)lease->vlan;
	size_t size;
	FILE *out = open_memstream(&all, &size);

	if (!out)
		return NULL;
	if (of_several)
		snprintf(number, sizeof(number), "_%u", of_several - 1);
	vfpool_mac_format(&lease->mac, mac);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)lease->id);
	variable(out, "LEASE", number, text);
	variable(out, "POOL", number, lease->pool);
	variable(out, "OWNER", number, lease->owner);
	snprintf(text, sizeof(text), "%u", lease->nic);
	variable(out, "NIC", number, text);
	variable(out, "MAC", number, mac);
	snprintf(text, sizeof(text), "%u", vlan);
	variable(out, "VLAN", number, text);
	variable(out, "NETWORK", number, pool->network ? pool->network : "");
	if (lease->has_vf) {
		vfpool_pci_format(&lease->place.pf, text);
		variable(out, "PF", number, text);
		vfpool_pci_format(&lease->address, text);
		variable(out, "ADDRESS", number, text);
		snprintf(text, sizeof(text), "%u", lease->place.vf);
		variable(out, "VF", number, text);
	}
	return fclose(out) == 0 ? all : NULL;
}

/* ---- all of them ---- */

static bool has_portgroup(const struct vfpool_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->n_portgroups; i++)
		if (strcmp(pool->portgroups[i].name, name) == 0)
			return true;
	return false;
}

static bool is_device_format(enum vfpool_format format)
{
	return format == VFPOOL_FORMAT_QEMU || format == VFPOOL_FORMAT_QMP ||
	       format == VFPOOL_FORMAT_STRATOVIRT;
}

/* Checks that the VFs have a place in their slot. */
static int check_slot(enum vfpool_format format, const struct vfpool_interface_options *options,
		      struct error *err)
{
	const char *addr = options->addr ? options->addr : "0x0";
	unsigned slot, function;
	int r = shares_slot(format, options) ? parse_slot(addr, options->number, &slot, &function) :
					       0;

	if (r == -ERANGE)
		return fail(
			err, -EINVAL,
			"a slot has 8 functions: there is no place for %u VFs from %s on; give each "
			"its own by --nic and --addr",
			options->number, addr);
	return r < 0 ? fail(err, -EINVAL, "'%s' is no slot such as 0x03 or 0x03.0x0", addr) : 0;
}

/* Checks that the lease can be told so at all. */
static int check(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		 enum vfpool_format format, const struct vfpool_interface_options *options,
		 bool has_hook, struct error *err)
{
	static const struct vfpool_pci nowhere = { 0 };
	const bool by_network = format == VFPOOL_FORMAT_NETWORK;

	if (format == VFPOOL_FORMAT_TEAMING && !pool->teaming_network && !pool->teaming_bridge)
		return fail(err, -EINVAL,
			    "pool %s has no <teaming network='…'/> or bridge='…': what is the "
			    "other card of the pair plugged into?",
			    pool->name);
	if (format == VFPOOL_FORMAT_TEAMING && !has_hook &&
	    guest_vlan_is_beyond_libvirt(pool, lease))
		return fail(
			err, -EINVAL,
			"libvirt leaves the qos and protocol of a VLAN out, and vfpool's hook, which "
			"puts them back, isn't installed");
	if (by_network && lease->has_vf)
		return fail(err, -EINVAL,
			    "pool %s is allocated by vfpool, so it is no libvirt network",
			    pool->name);
	if (!lease->has_vf && !by_network && format != VFPOOL_FORMAT_TEAMING &&
	    format != VFPOOL_FORMAT_ENV)
		return fail(err, -EINVAL,
			    "libvirt picks the VF of this lease when the guest starts, so "
			    "there is no %s form",
			    format_names[format]);
	if (lease->has_vf && format != VFPOOL_FORMAT_ENV &&
	    vfpool_pci_equal(&lease->address, &nowhere))
		return fail(err, -VFPOOL_ENOTFOUND, "VF %u isn't there; 'vfpool apply' makes it",
			    lease->place.vf);
	if (options->portgroup && (lease->has_vf || !has_portgroup(pool, options->portgroup)))
		return fail(err, -EINVAL, "pool %s has no portgroup %s", pool->name,
			    options->portgroup);
	if ((options->bus && !is_place(options->bus)) ||
	    (options->addr && !is_place(options->addr)))
		return fail(err, -EINVAL, "a bus and a slot are letters, digits, '.', '_' and '-'");
	return is_device_format(format) ? check_slot(format, options, err) : 0;
}

/* Returns the format that is meant: libvirt's is one of several. */
static enum vfpool_format format_of(const struct vfpool_pool *pool,
				    const struct vfpool_lease *lease, const struct guest_form *form)
{
	if (form->format != VFPOOL_FORMAT_LIBVIRT)
		return form->format;
	if (!lease->has_vf)
		return VFPOOL_FORMAT_NETWORK;
	return !form->has_hook && guest_vlan_is_beyond_libvirt(pool, lease) ?
		       VFPOOL_FORMAT_HOSTDEV :
		       VFPOOL_FORMAT_LIBVIRT;
}

int guest_interface(const struct vfpool_pool *pool, const struct vfpool_lease *lease,
		    const struct guest_form *form, char **ret_text, struct error *err)
{
	const struct vfpool_interface_options *options = form->options;
	const enum vfpool_format format = format_of(pool, lease, form);
	char *text = NULL;
	struct place place;
	int r = check(pool, lease, format, options, form->has_hook, err);

	if (r < 0)
		return r;
	if (is_device_format(format)) {
		find_place(lease, format, options, &place);
		text = format == VFPOOL_FORMAT_QMP ? qmp_commands(&place) : device_option(&place);
	} else if (format == VFPOOL_FORMAT_ENV) {
		text = shell_variables(pool, lease, options->number);
	} else if (guest_interface_xml(pool, lease, format, options->portgroup, &text) < 0) {
		text = NULL;
	}
	if (!text)
		return fail_oom(err);
	*ret_text = text;
	return 0;
}
