/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that calls libvirt. It is loaded when it is needed: linking it
 * would cost every start of vfpool 8 ms. */
#include "guest/libvirt.h"
#include "guest/network.h"

#include "util/cleanup.h"
#include "util/error.h"

#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#define FUNCTIONS(X)                    \
	X(virConnectOpen)               \
	X(virConnectClose)              \
	X(virConnectListAllDomains)     \
	X(virDomainAttachDeviceFlags)   \
	X(virDomainCreate)              \
	X(virDomainDefineXML)           \
	X(virDomainDetachDeviceFlags)   \
	X(virDomainFree)                \
	X(virDomainGetName)             \
	X(virDomainGetUUIDString)       \
	X(virDomainGetXMLDesc)          \
	X(virDomainHasManagedSaveImage) \
	X(virDomainIsActive)            \
	X(virDomainIsPersistent)        \
	X(virDomainLookupByName)        \
	X(virDomainLookupByUUIDString)  \
	X(virGetLastErrorCode)          \
	X(virGetLastErrorMessage)       \
	X(virSetErrorFunc)              \
	X(virNodeNumOfDevices)          \
	X(virNetworkCreate)             \
	X(virNetworkDefineXML)          \
	X(virNetworkDestroy)            \
	X(virNetworkFree)               \
	X(virNetworkGetUUIDString)      \
	X(virNetworkGetXMLDesc)         \
	X(virNetworkIsActive)           \
	X(virNetworkIsPersistent)       \
	X(virNetworkListAllPorts)       \
	X(virNetworkPortFree)           \
	X(virNetworkPortGetXMLDesc)     \
	X(virNetworkUndefine)           \
	X(virNetworkLookupByName)       \
	X(virNetworkGetAutostart)       \
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

static void end_domain(virDomainPtr domain)
{
	p_virDomainFree(domain);
}

DEFINE_CLEANUP(virDomainPtr, cleanup_domain, end_domain);
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
#define LOOK_UP(name)                                        \
	p_##name = (__typeof__(&name))dlsym(library, #name); \
	if (!p_##name)                                       \
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
		return fail(err, -ECONNREFUSED,
			    "connecting to libvirt at %s: %s; is libvirtd running?", uri,
			    p_virGetLastErrorMessage());
	*ret_connection = connection;
	return 0;
}

/* Returns the definition with the UUID, without which libvirt takes no new one of a network; NULL: it can't. */
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

/* Returns the network's XML as it is defined, not as it runs; NULL: there is none to be had. Not every driver of libvirt knows the difference. */
static char *definition_of(virNetworkPtr network)
{
	char *xml = p_virNetworkGetXMLDesc(network, VIR_NETWORK_XML_INACTIVE);

	return xml ? xml : p_virNetworkGetXMLDesc(network, 0);
}

/* Writes the names of the guests that use the network, "" when none does. A libvirt that can't tell counts them
 * at least. */
static int name_users(virNetworkPtr network, char *names, size_t size, struct error *err)
{
	AUTO_FREE char *xml = p_virNetworkGetXMLDesc(network, 0);
	virNetworkPortPtr *ports = NULL;
	size_t length = 0;
	int n = p_virNetworkListAllPorts(network, &ports, 0);

	if (n < 0 && p_virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
		return fail(err, -EIO, "listing its ports: %s", p_virGetLastErrorMessage());
	if (!xml)
		return fail(err, -EIO, "looking at it: %s", p_virGetLastErrorMessage());
	snprintf(names, size, "%s", n < 0 && guest_network_is_used(xml) ? "guests" : "");
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *text = p_virNetworkPortGetXMLDesc(ports[i], 0);
		struct guest_port port = { .name = "?" };

		if (text)
			guest_read_port(text, &port);
		if (length < size)
			length += (size_t)snprintf(names + length, size - length, "%s%s",
						   i ? ", " : "", port.name);
		p_virNetworkPortFree(ports[i]);
	}
	free(ports);
	return 0;
}

/* Returns 1 when the network runs, 0 when not; fails when that can't be known. */
static int is_active(virNetworkPtr network, struct error *err)
{
	int active = p_virNetworkIsActive(network);

	return active >= 0 ? active :
			     fail(err, -EIO, "is it running? %s", p_virGetLastErrorMessage());
}

/* Stops the network, but not under guests that use it. *ret_was_active: it ran. */
static int stop_network(virNetworkPtr network, bool *ret_was_active, struct error *err)
{
	char names[400];
	int r = is_active(network, err);

	*ret_was_active = r > 0;
	if (r <= 0)
		return r;
	r = name_users(network, names, sizeof(names), err);
	if (r < 0)
		return r;
	if (*names)
		return fail(err, -VFPOOL_EINUSE, "it is used by %s: nothing was changed", names);
	if (p_virNetworkDestroy(network) < 0)
		return fail(err, -EIO, "stopping it: %s", p_virGetLastErrorMessage());
	return 0;
}

static int start_network(virNetworkPtr network, bool *ret_changed, struct error *err)
{
	int r = is_active(network, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (p_virNetworkCreate(network) < 0)
		return fail(err, -EIO, "it is defined, but not running: starting it: %s",
			    p_virGetLastErrorMessage());
	*ret_changed = true;
	return 0;
}

/* Finds the network; *ret_network is NULL when libvirt says that there is none. */
static int find_network(virConnectPtr connection, const char *name, virNetworkPtr *ret_network,
			struct error *err)
{
	*ret_network = p_virNetworkLookupByName(connection, name);
	if (*ret_network || p_virGetLastErrorCode() == VIR_ERR_NO_NETWORK)
		return 0;
	return fail(err, -EIO, "looking for it: %s", p_virGetLastErrorMessage());
}

static int set_autostart(virNetworkPtr network, enum guest_autostart autostart, bool *ret_changed,
			 struct error *err)
{
	const int wanted = autostart == GUEST_AUTOSTART_ON;
	int is;

	if (autostart == GUEST_AUTOSTART_AS_IS ||
	    (p_virNetworkGetAutostart(network, &is) == 0 && is == wanted))
		return 0;
	if (p_virNetworkSetAutostart(network, wanted) < 0)
		return fail(err, -EIO, "setting its autostart: %s", p_virGetLastErrorMessage());
	*ret_changed = true;
	return 0;
}

/* Does it run as it is defined? */
static bool runs_alike(virNetworkPtr network)
{
	AUTO_FREE char *now = p_virNetworkGetXMLDesc(network, 0), *next = definition_of(network);

	return now && next && guest_networks_equal(now, next);
}

static bool is_ours(const char *xml)
{
	enum guest_network_kind kind;
	AUTO_FREE char *what = NULL;

	return guest_network_look(xml, &kind, &what) == 0 && kind == GUEST_NETWORK_OURS;
}

/* Defines the network anew. A running one takes its new definition by stopping and starting. Where guests use it the old
 * definition is put back, which has changed nothing that runs. */
static int redefine(virConnectPtr connection, const char *xml, virNetworkPtr *network,
		    bool *ret_changed, bool *ret_start, struct error *err)
{
	AUTO_FREE char *before = *network ? definition_of(*network) : NULL, *after = NULL;
	const bool is_alike = before && guest_networks_equal(before, xml);
	bool was_active = false;
	int r;

	/* Alike but for the mark: that is put in, and nothing that runs is touched. */
	if (!is_alike || !is_ours(before)) {
		r = define(connection, xml, network, err);
		if (r < 0)
			return r;
		after = p_virNetworkGetXMLDesc(*network, VIR_NETWORK_XML_INACTIVE);
		*ret_changed = !is_alike &&
			       (!before || !after || !guest_networks_equal(before, after));
	}
	if (!before || (!*ret_changed && (is_active(*network, err) != 1 || runs_alike(*network))))
		return 0;
	r = stop_network(*network, &was_active, err);
	if (r == -VFPOOL_EINUSE && *ret_changed) {
		const struct error why = *err;

		if (define(connection, before, network, err) == 0)
			*err = why;
	}
	*ret_changed = *ret_changed || was_active;
	*ret_start = *ret_start || was_active;
	return r;
}

/* Checks that the network is vfpool's: somebody else's is neither replaced nor stopped. `wanted`: one that is defined just so may be marked as
 * vfpool's; NULL: none may. What runs has the mark of its own start only. */
static int check_is_ours(virNetworkPtr network, const char *wanted, bool force, struct error *err)
{
	AUTO_FREE char *defined = definition_of(network), *now = p_virNetworkGetXMLDesc(network, 0);
	const char *const texts[] = { defined, now };

	for (size_t i = 0; i < 2; i++) {
		enum guest_network_kind kind;
		AUTO_FREE char *what = NULL;
		int r = texts[i] ? guest_network_look(texts[i], &kind, &what) : -EBADMSG;

		if (r < 0)
			return r == -ENOMEM ? fail_oom(err) :
					      fail(err, -EIO,
						   "what libvirt says of it can't be understood");
		if (kind == GUEST_NETWORK_OTHER)
			return fail(
				err, -VFPOOL_EINUSE,
				"it is somebody else's (%s), and stays as it is; " GUEST_OTHER_NAME,
				what);
		if (i == 0 && kind == GUEST_NETWORK_HOSTDEV && !force &&
		    !(wanted && guest_networks_equal(defined, wanted)))
			return fail(err, -VFPOOL_EINUSE,
				    "it isn't vfpool's (%s), and stays as it is; " GUEST_OTHER_NAME
				    ", or 'vfpool network' with --force takes this one",
				    what);
	}
	return 0;
}

/* Does it run with a VF that is none of these? */
static bool is_stale(virNetworkPtr network, const struct guest_network *is)
{
	AUTO_FREE char *xml = p_virNetworkIsActive(network) == 1 ?
				      p_virNetworkGetXMLDesc(network, 0) :
				      NULL;

	return xml && guest_network_has_other(xml, is->vfs, is->n_vfs);
}

/* Finds the network, which is ours or may be taken; NULL: there is none. */
static int find_our_network(virConnectPtr connection, const struct guest_network *is,
			    virNetworkPtr *ret_network, struct error *err)
{
	int r = find_network(connection, is->name, ret_network, err);

	return r < 0 || !*ret_network ? r : check_is_ours(*ret_network, is->xml, is->force, err);
}

/* Gives the network to libvirt. *network is for the caller to end, also after a failure, and what `result` says
 * of it was done. */
static int define_network(virConnectPtr connection, const struct guest_network *is,
			  virNetworkPtr *network, struct guest_network_result *result,
			  struct error *err)
{
	bool start = is->start, was_active, was_stale, started = false;
	int r = find_our_network(connection, is, network, err);

	if (r < 0)
		return r;
	was_active = *network && p_virNetworkIsActive(*network) == 1;
	was_stale = *network && is_stale(*network, is);
	r = redefine(connection, is->xml, network, &result->changed, &start, err);
	if (r < 0)
		return r;
	r = set_autostart(*network, is->autostart, &result->changed, err);
	if (r < 0 || !start)
		return r;
	r = start_network(*network, &started, err);
	result->changed = result->changed || started;
	result->started = started && (!was_active || was_stale);
	return r;
}

int guest_network_define(const char *uri, const struct guest_network *network,
			 struct guest_network_result *ret_result, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_network) virNetworkPtr found = NULL;
	struct guest_network_result result = { .changed = false };
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	r = define_network(connection, network, &found, &result, err);
	if (r < 0)
		return fail_while(err, r, "network %s", network->name);
	*ret_result = result;
	return 0;
}

/* Takes the network from libvirt. */
static int undefine(virNetworkPtr network, bool force, struct error *err)
{
	bool was_active;
	int r = check_is_ours(network, NULL, force, err);

	if (r < 0)
		return r;
	r = stop_network(network, &was_active, err);
	if (r < 0)
		return r;
	if (p_virNetworkIsPersistent(network) == 1 && p_virNetworkUndefine(network) < 0)
		return fail(err, -EIO, "undefining it: %s", p_virGetLastErrorMessage());
	return 0;
}

int guest_network_undefine(const char *uri, const char *name, bool force, bool *ret_changed,
			   struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_network) virNetworkPtr network = NULL;
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	r = find_network(connection, name, &network, err);
	if (r < 0)
		return fail_while(err, r, "network %s", name);
	r = network ? undefine(network, force, err) : 0;
	if (r < 0)
		return fail_while(err, r, "network %s", name);
	*ret_changed = network;
	return 0;
}

int guest_network_get(const char *uri, const char *name, char **ret_xml, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_network) virNetworkPtr network = NULL;
	char *xml = NULL;
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	r = find_network(connection, name, &network, err);
	if (r < 0)
		return r;
	xml = network ? definition_of(network) : NULL;
	if (network && !xml)
		return fail(err, -EIO, "network %s: %s", name, p_virGetLastErrorMessage());
	*ret_xml = xml;
	return 0;
}

/* ---- guests ---- */

/* All guests, or those of some flags. */
struct domains {
	virDomainPtr *list;
	size_t n;
};

static void domains_end(struct domains *domains)
{
	for (size_t i = 0; i < domains->n; i++)
		p_virDomainFree(domains->list[i]);
	free(domains->list);
}

static int list_domains(virConnectPtr connection, unsigned flags, struct domains *ret_domains,
			struct error *err)
{
	int n = p_virConnectListAllDomains(connection, &ret_domains->list, flags);

	if (n < 0)
		return fail(err, -EIO, "listing libvirt's guests: %s", p_virGetLastErrorMessage());
	ret_domains->n = (size_t)n;
	return 0;
}

/* Returns (o)ff, (r)unning or (s)aved; what can't be known counts as running. */
static char state_of(virDomainPtr domain)
{
	if (p_virDomainIsActive(domain) != 0)
		return 'r';
	return p_virDomainHasManagedSaveImage(domain, 0) != 0 ? 's' : 'o';
}

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
	if (fn(arg, uuid, name, state_of(domain), xmls, 2) < 0)
		return fail(err, -EBADMSG, "the definition of guest %s can't be understood", name);
	return 0;
}

int libvirt_each_guest(const char *uri, libvirt_guest_fn fn, void *arg, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(domains_end) struct domains domains = { 0 };
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	r = list_domains(connection, 0, &domains, err);
	for (size_t i = 0; r == 0 && i < domains.n; i++)
		r = tell_guest(domains.list[i], fn, arg, err);
	return r;
}

/* ---- one guest ---- */

static int find_domain(virConnectPtr connection, const char *name, virDomainPtr *ret_domain,
		       struct error *err)
{
	virDomainPtr domain = p_virDomainLookupByName(connection, name);

	if (!domain && p_virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		domain = p_virDomainLookupByUUIDString(connection, name);
	/* A name that is no UUID is an invalid one for the second. */
	if (!domain && (p_virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ||
			p_virGetLastErrorCode() == VIR_ERR_INVALID_ARG))
		return fail(err, -VFPOOL_ENOTFOUND,
			    "libvirt has no guest %s; 'virsh list --all' names them", name);
	if (!domain)
		return fail(err, -EIO, "looking for guest %s: %s", name,
			    p_virGetLastErrorMessage());
	*ret_domain = domain;
	return 0;
}

/* Connects to libvirt, and finds the guest by name or UUID. */
static int open_domain(const char *uri, const char *name, virConnectPtr *ret_connection,
		       virDomainPtr *ret_domain, struct error *err)
{
	int r = connect_to(uri, ret_connection, err);

	return r < 0 ? r : find_domain(*ret_connection, name, ret_domain, err);
}

static int read_definition(virDomainPtr domain, const char *name, unsigned flags,
			   struct guest *ret_guest, struct error *err)
{
	AUTO_FREE char *xml = p_virDomainGetXMLDesc(domain, flags);
	int r;

	if (!xml)
		return fail(err, -EIO, "guest %s: %s", name, p_virGetLastErrorMessage());
	r = guest_read_domain(xml, ret_guest);
	if (r == -EBADMSG)
		return fail(err, r, "what libvirt says of guest %s can't be understood", name);
	return r < 0 ? fail_oom(err) : 0;
}

void guest_state_end(struct guest_state *state)
{
	free(state->name);
	guest_end(&state->now);
	guest_end(&state->next);
	*state = (struct guest_state){ .is_running = false };
}

static int read_state(virDomainPtr domain, const char *name, struct guest_state *state,
		      struct error *err)
{
	const char *is = p_virDomainGetName(domain);
	int running, persistent, r;

	if (!is || p_virDomainGetUUIDString(domain, state->uuid) < 0)
		return fail(err, -EIO, "guest %s: %s", name, p_virGetLastErrorMessage());
	state->name = strdup(is);
	if (!state->name)
		return fail_oom(err);
	running = p_virDomainIsActive(domain);
	persistent = p_virDomainIsPersistent(domain);
	if (running < 0 || persistent < 0)
		return fail(err, -EIO, "guest %s: %s", name, p_virGetLastErrorMessage());
	state->is_running = running;
	state->is_persistent = persistent;
	r = running ? read_definition(domain, name, 0, &state->now, err) : 0;
	if (r < 0 || !persistent)
		return r;
	return read_definition(domain, name, VIR_DOMAIN_XML_INACTIVE, &state->next, err);
}

int guest_look(const char *uri, const char *name, struct guest_state *ret_state, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_domain) virDomainPtr domain = NULL;
	CLEANUP(guest_state_end) struct guest_state state = { .is_running = false };
	int r = open_domain(uri, name, &connection, &domain, err);

	if (r < 0)
		return r;
	r = read_state(domain, name, &state, err);
	if (r < 0)
		return r;
	*ret_state = state;
	state = (struct guest_state){ .is_running = false };
	return 0;
}

int guest_definition(const char *uri, const char *name, char **ret_xml, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_domain) virDomainPtr domain = NULL;
	int r = open_domain(uri, name, &connection, &domain, err);

	if (r < 0)
		return r;
	*ret_xml = p_virDomainGetXMLDesc(domain, p_virDomainIsPersistent(domain) == 1 ?
							 VIR_DOMAIN_XML_INACTIVE :
							 0);
	return *ret_xml ? 0 : fail(err, -EIO, "guest %s: %s", name, p_virGetLastErrorMessage());
}

/* Attaches the device of `xml`, or detaches it. */
static int change(const char *uri, const char *uuid, const char *xml, unsigned where, bool attach,
		  struct error *err)
{
	const unsigned flags = (where & GUEST_NOW ? VIR_DOMAIN_AFFECT_LIVE : 0) |
			       (where & GUEST_NEXT ? VIR_DOMAIN_AFFECT_CONFIG : 0);
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_domain) virDomainPtr domain = NULL;
	int r = open_domain(uri, uuid, &connection, &domain, err);

	if (r < 0)
		return r;
	if ((attach ? p_virDomainAttachDeviceFlags : p_virDomainDetachDeviceFlags)(domain, xml,
										   flags) < 0)
		return fail(err, p_virGetLastErrorCode() == VIR_ERR_DEVICE_MISSING ? -ENODEV : -EIO,
			    "libvirt refused it: %s", p_virGetLastErrorMessage());
	return 0;
}

int guest_attach(const char *uri, const char *uuid, const char *xml, unsigned where,
		 struct error *err)
{
	return change(uri, uuid, xml, where, true, err);
}

int guest_detach(const char *uri, const char *uuid, const char *xml, unsigned where,
		 struct error *err)
{
	return change(uri, uuid, xml, where, false, err);
}

int guest_move(const char *uri, const char *uuid, const struct vfpool_mac *mac,
	       const struct vfpool_pci *to, int vlan, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(cleanup_domain) virDomainPtr domain = NULL, defined = NULL;
	AUTO_FREE char *is = NULL, *xml = NULL;
	int r = open_domain(uri, uuid, &connection, &domain, err);

	if (r < 0)
		return r;
	/* With its secrets: what is left out of a definition is lost. */
	is = p_virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	if (!is)
		return fail(err, -EIO, "reading its definition: %s", p_virGetLastErrorMessage());
	r = guest_move_nic(is, mac, to, vlan, &xml);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(err) :
				      fail(err, r, "its definition can't be understood");
	defined = p_virDomainDefineXML(connection, xml);
	return defined ? 0 : fail(err, -EIO, "libvirt refused it: %s", p_virGetLastErrorMessage());
}

/* ---- guests that wait for a network ---- */

static bool is_on_network(const char *xml, const char *network)
{
	CLEANUP(guest_end) struct guest guest = { .n_nics = 0 };
	bool is = false;

	if (xml && guest_read_domain(xml, &guest) == 0)
		for (size_t i = 0; i < guest.n_nics; i++)
			is = is ||
			     (guest.nics[i].network && strcmp(guest.nics[i].network, network) == 0);
	return is;
}

int guest_each_on_network(const char *uri, const char *network, bool start, guest_on_network_fn fn,
			  void *arg, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	CLEANUP(domains_end) struct domains domains = { 0 };
	int r = connect_to(uri, &connection, err);

	if (r < 0)
		return r;
	r = list_domains(connection,
			 VIR_CONNECT_LIST_DOMAINS_INACTIVE | VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
			 &domains, err);
	for (size_t i = 0; r == 0 && i < domains.n; i++) {
		const virDomainPtr domain = domains.list[i];
		AUTO_FREE char *xml = p_virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);

		if (is_on_network(xml, network))
			r = fn(arg, p_virDomainGetName(domain),
			       start && p_virDomainCreate(domain) < 0 ? p_virGetLastErrorMessage() :
									NULL);
	}
	return r;
}

int libvirt_count_devices(const char *uri, unsigned *ret_n, struct error *err)
{
	CLEANUP(cleanup_connection) virConnectPtr connection = NULL;
	int r = connect_to(uri, &connection, err), n;

	if (r < 0)
		return r;
	n = p_virNodeNumOfDevices(connection, "pci", 0);
	if (n < 0)
		return fail(err, -EIO, "its node device driver doesn't answer: %s",
			    p_virGetLastErrorMessage());
	*ret_n = (unsigned)n;
	return 0;
}
