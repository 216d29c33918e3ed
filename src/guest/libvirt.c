/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that calls libvirt. It is loaded when it is needed: linking it
 * would cost every start of vfpool 8 ms. */
#include "guest/libvirt.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#define FUNCTIONS(X)               \
	X(virConnectOpen)          \
	X(virConnectClose)         \
	X(virConnectListAllDomains) \
	X(virDomainFree)           \
	X(virDomainGetName)        \
	X(virDomainGetUUIDString)  \
	X(virDomainGetXMLDesc)     \
	X(virDomainIsPersistent)   \
	X(virGetLastErrorMessage)  \
	X(virSetErrorFunc)         \
	X(virNetworkCreate)        \
	X(virNetworkDefineXML)     \
	X(virNetworkFree)          \
	X(virNetworkGetUUIDString) \
	X(virNetworkGetXMLDesc)    \
	X(virNetworkIsActive)      \
	X(virNetworkLookupByName)  \
	X(virNetworkGetAutostart)  \
	X(virNetworkSetAutostart)

#define DECLARE(name) static __typeof__(&name) p_##name;
FUNCTIONS(DECLARE)
#undef DECLARE

static void end_connection(virConnectPtr connection)
{
	p_virConnectClose(connection);
}

static void end_network(virNetworkPtr network)
{
	p_virNetworkFree(network);
}

DEFINE_CLEANUP(virConnectPtr, cleanup_connection, end_connection);
DEFINE_CLEANUP(virNetworkPtr, cleanup_network, end_network);

static void stay_silent(void *arg, virErrorPtr error)
{
	(void)arg;
	(void)error;
}

static int load(struct error *err)
{
	static void *library; /* stays for the life of the process */

	if (library)
		return 0;
	library = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return fail(err, -ENOSYS, "libvirt isn't installed here: %s", dlerror());
#define LOOK_UP(name)                                                                \
	if (!(p_##name = (__typeof__(&name))dlsym(library, #name)))                  \
		return fail(err, -ENOSYS, "libvirt.so.0 is too old: it has no %s", #name);
	FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	p_virSetErrorFunc(NULL, stay_silent); /* it prints errors by itself otherwise */
	return 0;
}

static int connect_to(const char *uri, virConnectPtr *ret_connection, struct error *err)
{
	virConnectPtr connection;
	int r = load(err);

	if (r < 0)
		return r;
	connection = p_virConnectOpen(uri);
	if (!connection)
		return fail(err, -ECONNREFUSED, "connecting to libvirt at %s: %s; is libvirtd running?",
			    uri, p_virGetLastErrorMessage());
	*ret_connection = connection;
	return 0;
}

/* libvirt takes a new definition of a network only with its UUID. */
static char *with_uuid(const char *xml, const char *uuid)
{
	const char *at = strstr(xml, "</name>");
	char *text;

	if (!at)
		return NULL;
	at += strlen("</name>");
	if (asprintf(&text, "%.*s<uuid>%s</uuid>%s", (int)(at - xml), xml, uuid, at) < 0)
		return NULL;
	return text;
}

static int define(virConnectPtr connection, const char *xml, virNetworkPtr *network,
		  struct error *err)
{
	virNetworkPtr defined;

	if (*network) {
		char uuid[VIR_UUID_STRING_BUFLEN];
		AUTO_FREE char *text = NULL;

		if (p_virNetworkGetUUIDString(*network, uuid) == 0)
			text = with_uuid(xml, uuid);
		defined = text ? p_virNetworkDefineXML(connection, text) : NULL;
	} else {
		defined = p_virNetworkDefineXML(connection, xml);
	}
	if (!defined)
		return fail(err, -EIO, "libvirt refused it: %s", p_virGetLastErrorMessage());
	if (*network)
		p_virNetworkFree(*network);
	*network = defined;
	return 0;
}

static bool is_defined_alike(virNetworkPtr network, const char *xml)
{
	AUTO_FREE char *is = p_virNetworkGetXMLDesc(network, VIR_NETWORK_XML_INACTIVE);

	return is && guest_networks_equal(is, xml);
}

static int start_network(virNetworkPtr network, bool redefined, bool *ret_changed,
			 struct error *err)
{
	int active = p_virNetworkIsActive(network);

	if (active == 1 && redefined)
		return fail(err, -VFPOOL_EINUSE,
			    "it is defined anew, but runs with its old definition until it is "
			    "stopped (virsh net-destroy, when no guest uses it) and started again");
	if (active == 1)
		return 0;
	if (active < 0 || p_virNetworkCreate(network) < 0)
		return fail(err, -EIO, "starting it: %s", p_virGetLastErrorMessage());
	*ret_changed = true;
	return 0;
}

static int set_autostart(virNetworkPtr network, bool autostart, bool *ret_changed,
			 struct error *err)
{
	int is;

	if (p_virNetworkGetAutostart(network, &is) == 0 && (is != 0) == autostart)
		return 0;
	if (p_virNetworkSetAutostart(network, autostart) < 0)
		return fail(err, -EIO, "setting its autostart: %s", p_virGetLastErrorMessage());
	*ret_changed = true;
	return 0;
}

int guest_network_define(const char *uri, const char *name, const char *xml, bool autostart,
			 bool start, bool *ret_changed, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_network) virNetworkPtr network = NULL;
	bool redefined = false, changed = false;
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	network = p_virNetworkLookupByName(connection, name);
	if (!network || !is_defined_alike(network, xml)) {
		redefined = true;
		r = define(connection, xml, &network, err);
	}
	if (r == 0)
		r = set_autostart(network, autostart, &changed, err);
	if (r == 0 && start)
		r = start_network(network, redefined, &changed, err);
	if (r < 0)
		return fail_while(err, r, "network %s", name);
	*ret_changed = redefined || changed;
	return 0;
}

/* ---- guests ---- */

static int tell_guest(virDomainPtr domain, libvirt_guest_fn fn, void *arg, struct error *err)
{
	AUTO_FREE char *now = p_virDomainGetXMLDesc(domain, 0), *next = NULL;
	const char *name = p_virDomainGetName(domain), *xmls[2];
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (p_virDomainIsPersistent(domain) == 1)
		next = p_virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
	/* One that ended meanwhile makes the answer no complete one: ask again. */
	if ((!now && !next) || !name || p_virDomainGetUUIDString(domain, uuid) < 0)
		return fail(err, -EIO, "a guest of libvirt: %s", p_virGetLastErrorMessage());
	xmls[0] = now;
	xmls[1] = next;
	if (fn(arg, uuid, name, xmls, 2) < 0)
		return fail(err, -EBADMSG, "the definition of guest %s can't be understood", name);
	return 0;
}

int libvirt_each_guest(const char *uri, libvirt_guest_fn fn, void *arg, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	virDomainPtr *domains;
	int n, r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	n = p_virConnectListAllDomains(connection, &domains, 0);
	if (n < 0)
		return fail(err, -EIO, "listing libvirt's guests: %s", p_virGetLastErrorMessage());
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = tell_guest(domains[i], fn, arg, err);
		p_virDomainFree(domains[i]);
	}
	free(domains);
	return r;
}
