/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the peer's state file (PEER_STATE) as `ip link show` prints the kernel's:
 * links FILE PFS VFS */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

static void print_mac(const struct vfpool_mac *mac)
{
	const uint8_t *b = mac->byte;

	printf("link/ether %02x:%02x:%02x:%02x:%02x:%02x brd ff:ff:ff:ff:ff:ff", b[0], b[1], b[2],
	       b[3], b[4], b[5]);
}

static void print_vf(unsigned vf, const struct vfpool_settings *is)
{
	static const char *const links[] = { "auto", "enable", "disable" };

	printf("    vf %u     ", vf);
	print_mac(&is->mac);
	if (is->vlan)
		printf(", vlan %u", is->vlan);
	if (is->vlan && is->qos)
		printf(", qos %u", is->qos);
	if (is->vlan && is->vlan_proto == 0x88a8)
		printf(", vlan protocol 802.1ad");
	printf(", spoof checking %s, link-state %s, trust %s\n", is->spoofchk ? "on" : "off",
	       links[is->link % 3], is->trust ? "on" : "off");
}

static int print_pf(unsigned pf, unsigned vfs, FILE *file)
{
	const struct vfpool_mac mac = { { 0x52, 0x54, 0, 1, 0, (uint8_t)(1 + pf) } };
	struct peer_record record;

	printf("%u: pf%u: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT "
	       "group default qlen 1000\n    ",
	       PEER_IFINDEX + pf, pf);
	print_mac(&mac);
	putchar('\n');
	for (unsigned vf = 0; vf < vfs; vf++) {
		if (fread(&record, sizeof(record), 1, file) != 1)
			return -1;
		print_vf(vf, &record.settings);
	}
	return 0;
}

int main(int argc, char **argv)
{
	FILE *file;

	if (argc != 4) {
		fputs("usage: links FILE PFS VFS\n", stderr);
		return 2;
	}
	file = fopen(argv[1], "r");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	for (unsigned pf = 0; pf < (unsigned)atoi(argv[2]); pf++)
		if (print_pf(pf, (unsigned)atoi(argv[3]), file) < 0) {
			fprintf(stderr, "%s is too short\n", argv[1]);
			return 1;
		}
	return 0;
}
