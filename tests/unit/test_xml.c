/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libvirt reads. */
#include "unit.h"

#include "guest/guest.h"
#include "util/error.h"

#include <time.h>

static struct vfpool_pool pool = {
	.name = (char *)"p",
	.network = (char *)"p",
	.policy = { .vlan = 42, .vlan_proto = 0x8100 },
};

static struct error err;

static int interface(const struct vfpool_pool *of, const struct vfpool_lease *lease,
		     enum vfpool_format format, char **ret_text)
{
	static const struct vfpool_interface_options none = { 0 };

	return guest_interface(of, lease, &(const struct guest_form){ format, &none, false },
			       ret_text, &err);
}

static void an_interface_with_a_vf(void **state)
{
	const struct vfpool_lease lease = {
		.has_vf = true,
		.vlan = -1,
		.mac = { { 2, 0x56, 0x46, 1, 2, 3 } },
		.address = { .bus = 1, .device = 0x10, .function = 2 },
	};
	char *xml;

	(void)state;
	assert_int_equal(interface(&pool, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_string_equal(
		xml,
		"<interface type=\"hostdev\" managed=\"yes\">\n"
		"  <mac address=\"02:56:46:01:02:03\"/>\n"
		"  <source>\n"
		"    <address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" slot=\"0x10\" function=\"0x2\"/>\n"
		"  </source>\n"
		"  <vlan>\n"
		"    <tag id=\"42\"/>\n"
		"  </vlan>\n"
		"</interface>\n");
	free(xml);
}

static void a_lease_with_a_vlan_of_its_own(void **state)
{
	struct vfpool_lease lease = { .has_vf = true, .vlan = 7, .address = { .bus = 1 } };
	char *xml;

	(void)state;
	assert_int_equal(interface(&pool, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_non_null(strstr(xml, "<tag id=\"7\"/>"));
	free(xml);
	lease.vlan = 0;
	assert_int_equal(interface(&pool, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_null(strstr(xml, "<vlan>"));
	free(xml);
	lease = (struct vfpool_lease){ .vlan = 7 }; /* the network has another */
	assert_int_equal(interface(&pool, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_non_null(strstr(xml, "<tag id=\"7\"/>"));
	free(xml);
}

static void a_domain_is_read(void **state)
{
	static const char xml[] =
		"<domain type='kvm'><name>web</name><devices>"
		"<interface type='hostdev'><mac address='d2:56:46:00:00:01'/><source>"
		"<address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2'/></source>"
		"</interface><interface type='bridge'><mac address='52:54:00:00:00:02'/>"
		"<source bridge='br0'/></interface>"
		"<hostdev mode='subsystem' type='pci'><source><address bus='3' slot='31'/></source></hostdev>"
		"<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
		"<interface><mac address='evil'/><source><address bus='0x100' slot='0'/></source></interface>"
		"</devices></domain>";
	const struct vfpool_mac second = { { 0x52, 0x54, 0, 0, 0, 2 } };
	const struct vfpool_pci vf = { 0, 1, 0x10, 2 }, device = { 0, 3, 31, 0 };
	struct guest guest = { 0 };

	(void)state;
	assert_int_equal(guest_read_domain(xml, &guest), 0);
	assert_int_equal(guest_read_domain(xml, &guest), 0);
	assert_int_equal(guest.n_nics, 3);
	assert_string_equal(guest.name, "web");
	assert_true(guest_has_mac(&guest, &second));
	assert_true(guest.nics[0].has_mac && guest.nics[0].has_address);
	assert_true(vfpool_pci_equal(&guest.nics[0].address, &vf));
	assert_true(vfpool_pci_equal(&guest.nics[2].address, &device));
	assert_false(guest.nics[2].has_mac);
	assert_int_equal(guest_read_domain("<domain><devices>", &guest), -EBADMSG);
	assert_int_equal(guest_read_domain("<network/>", &guest), -EBADMSG);
	assert_int_equal(guest_read_domain("<domain/>", &guest), 0);
	guest_end(&guest);
}

/* The processor's seconds for a guest with that many devices, each twice. */
static double time_of_devices(unsigned n)
{
	struct guest guest = { 0 };
	char *xml = NULL;
	size_t size;
	FILE *out = open_memstream(&xml, &size);
	clock_t from;

	fputs("<domain><devices>", out);
	for (unsigned i = 0; i < 2 * n; i++)
		fprintf(out,
			"<hostdev><source><address domain='%u' bus='%u' slot='1' function='0'/></source></hostdev>",
			i % n / 256, i % n % 256);
	fputs("</devices></domain>", out);
	fclose(out);
	from = clock();
	assert_int_equal(guest_read_domain(xml, &guest), 0);
	assert_int_equal(guest.n_nics, n);
	assert_int_equal(guest.nics[n - 1].address.domain, (n - 1) / 256);
	guest_end(&guest);
	free(xml);
	return (double)(clock() - from) / CLOCKS_PER_SEC;
}

/* Eight times as many devices would take 64 times as long if each were compared with each. */
static void many_devices_take_linear_time(void **state)
{
	double few = time_of_devices(5000), many = time_of_devices(40000);

	(void)state;
	assert_true(many < 24 * few);
}

static void a_vlan_beyond_libvirt_is_a_plain_hostdev(void **state)
{
	const struct vfpool_pool qinq = { .policy = { .vlan = 42, .vlan_proto = 0x88a8 } };
	const struct vfpool_lease lease = { .has_vf = true, .vlan = -1, .address = { .bus = 1 } };
	char *xml;

	(void)state;
	assert_int_equal(interface(&qinq, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_string_equal(
		xml,
		"<hostdev mode=\"subsystem\" type=\"pci\" managed=\"yes\">\n"
		"  <source>\n"
		"    <address domain=\"0x0000\" bus=\"0x01\" slot=\"0x00\" function=\"0x0\"/>\n"
		"  </source>\n"
		"</hostdev>\n");
	free(xml);
}

static void an_interface_of_a_network(void **state)
{
	const struct vfpool_lease lease = { .vlan = -1, .mac = { { 2, 0x56, 0x46, 1, 2, 3 } } };
	char *xml;

	(void)state;
	assert_int_equal(interface(&pool, &lease, VFPOOL_FORMAT_LIBVIRT, &xml), 0);
	assert_string_equal(xml, "<interface type=\"network\">\n"
				 "  <mac address=\"02:56:46:01:02:03\"/>\n"
				 "  <source network=\"p\"/>\n"
				 "</interface>\n");
	free(xml);
}

static void networks_of_whole_and_of_some_vfs(void **state)
{
	const struct vfpool_pci address = { .bus = 1, .device = 0x10 };
	char *whole, *list;

	(void)state;
	assert_int_equal(guest_network_xml(&pool, "enp1s0", NULL, 0, &whole), 0);
	assert_non_null(strstr(whole, "<forward mode=\"hostdev\" managed=\"yes\">\n"
				      "    <pf dev=\"enp1s0\"/>\n"));
	assert_non_null(strstr(whole, "<tag id=\"42\"/>"));
	assert_int_equal(guest_network_xml(&pool, NULL, &address, 1, &list), 0);
	assert_non_null(strstr(list, "<address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" "
				     "slot=\"0x10\" function=\"0x0\"/>"));
	assert_false(guest_networks_equal(whole, list));
	assert_true(guest_networks_equal(whole, whole));
	free(whole);
	free(list);
}

/* What libvirt gives back has a UUID and its own quotes. */
static void a_network_as_libvirt_gives_it_back_compares(void **state)
{
	const char *ours = "<network><name>p</name><forward mode=\"hostdev\" managed=\"yes\">"
			   "<pf dev=\"e\"/></forward></network>";

	(void)state;
	assert_true(guest_networks_equal(ours, "<network>\n  <name>p</name>\n  <uuid>1</uuid>\n"
					       "  <forward managed='yes' mode='hostdev'>\n"
					       "    <pf dev='e'/>\n  </forward>\n</network>\n"));
	assert_false(guest_networks_equal(ours, "<network><name>p</name><forward mode='hostdev' "
						"managed='no'><pf dev='e'/></forward></network>"));
	assert_false(guest_networks_equal(ours, "<network><name>q</name><forward mode='hostdev' "
						"managed='yes'><pf dev='e'/></forward></network>"));
	assert_false(guest_networks_equal(ours, "<network><name>p</name></network>"));
	assert_false(guest_networks_equal(ours, "<network><na"));
}

/* proves: looked-up */
static void a_guest_whose_vf_has_moved(void **state)
{
	const struct vfpool_mac mac = { { 2, 0x56, 0x46, 1, 2, 3 } },
				other = { { 2, 0x56, 0x46, 9, 9, 9 } };
	const struct vfpool_pci to = { .domain = 1, .bus = 2, .device = 0x11, .function = 4 };
	const char *domain =
		"<domain><name>g</name><devices>"
		"<interface type='hostdev'><mac address='02:56:46:01:02:04'/><source>"
		"<address type='pci' domain='0' bus='1' slot='0' function='0'/></source></interface>"
		"<interface type='hostdev'><mac address='02:56:46:01:02:03'/><source>"
		"<address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2'/></source>"
		"<address type='pci' bus='9'/></interface></devices></domain>";
	char *xml;

	(void)state;
	assert_int_equal(guest_move_nic(domain, &mac, &to, -1, &xml), 0);
	assert_string_equal(
		xml,
		"<?xml version=\"1.0\"?>\n<domain><name>g</name><devices>"
		"<interface type=\"hostdev\"><mac address=\"02:56:46:01:02:04\"/><source>"
		"<address type=\"pci\" domain=\"0\" bus=\"1\" slot=\"0\" function=\"0\"/>"
		"</source></interface>"
		"<interface type=\"hostdev\"><mac address=\"02:56:46:01:02:03\"/><source>"
		"<address type=\"pci\" domain=\"0x0001\" bus=\"0x02\" slot=\"0x11\" function=\"0x4\"/>"
		"</source><address type=\"pci\" bus=\"9\"/></interface></devices></domain>\n");
	free(xml);
	assert_int_equal(guest_move_nic(domain, &other, &to, -1, &xml), -ENOENT);
	assert_int_equal(guest_move_nic("<domain>", &mac, &to, -1, &xml), -EBADMSG);
}

static void a_guest_whose_vlan_has_changed(void **state)
{
	const struct vfpool_mac mac = { { 2, 0x56, 0x46, 1, 2, 3 } };
	const struct vfpool_pci vf = { .bus = 1, .device = 0x10 };
	const char *begin = "<domain><devices><interface><mac address='02:56:46:01:02:03'/><source>"
			    "<address bus='1' slot='0x10'/></source>";
	const char *end = "</interface></devices></domain>";
	static const struct {
		const char *is;
		int vlan;
		const char *then;
	} cases[] = {
		{ "<vlan><tag id='42'/></vlan>", 44, "<vlan><tag id=\"44\"/></vlan>" },
		{ "<vlan trunk='yes'><tag id='42'/><tag id='43'/></vlan>", 44,
		  "<vlan><tag id=\"44\"/></vlan>" },
		{ "", 44, "<vlan><tag id=\"44\"/></vlan>" },
		{ "<vlan><tag id='42'/></vlan>", 0, "</source></interface>" },
		{ "<vlan><tag id='42'/></vlan>", -1, "<vlan><tag id=\"42\"/></vlan>" },
	};
	char text[512], *xml;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%s%s", begin, cases[i].is, end);
		assert_int_equal(guest_move_nic(text, &mac, &vf, cases[i].vlan, &xml), 0);
		assert_non_null(strstr(xml, cases[i].then));
		free(xml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_with_a_vf),
		cmocka_unit_test(a_lease_with_a_vlan_of_its_own),
		cmocka_unit_test(a_domain_is_read),
		cmocka_unit_test(many_devices_take_linear_time),
		cmocka_unit_test(a_vlan_beyond_libvirt_is_a_plain_hostdev),
		cmocka_unit_test(an_interface_of_a_network),
		cmocka_unit_test(networks_of_whole_and_of_some_vfs),
		cmocka_unit_test(a_network_as_libvirt_gives_it_back_compares),
		cmocka_unit_test(a_guest_whose_vf_has_moved),
		cmocka_unit_test(a_guest_whose_vlan_has_changed),
	};

	return run_tests(tests);
}
