/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI and Ethernet addresses as text. */
#include "vfpool.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NODEDEV_PREFIX "pci_"

void vfpool_pci_format(const struct vfpool_pci *address, char text[VFPOOL_PCI_TEXT])
{
	snprintf(text, VFPOOL_PCI_TEXT, "%04x:%02x:%02x.%u", address->domain, address->bus,
		 address->device & 0x1fU, address->function & 7U);
}

/* Reads `min` to `max` hexadecimal digits; NULL when they aren't there. */
static const char *read_hex(const char *text, int min, int max, uint32_t *ret_value)
{
	uint32_t value = 0;
	int n;

	for (n = 0; n < max && isxdigit((unsigned char)text[n]); n++) {
		int c = tolower((unsigned char)text[n]);

		value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (n < min)
		return NULL;
	*ret_value = value;
	return text + n;
}

void vfpool_pci_nodedev(const struct vfpool_pci *address, char text[VFPOOL_NODEDEV_TEXT])
{
	snprintf(text, VFPOOL_NODEDEV_TEXT, NODEDEV_PREFIX "%04x_%02x_%02x_%u", address->domain,
		 address->bus, address->device & 0x1fU, address->function & 7U);
}

int vfpool_pci_parse(const char *text, struct vfpool_pci *ret_address)
{
	const bool is_nodedev = strncmp(text, NODEDEV_PREFIX, strlen(NODEDEV_PREFIX)) == 0;
	const char colon = is_nodedev ? '_' : ':', dot = is_nodedev ? '_' : '.';
	uint32_t domain, bus, device, function;

	text = read_hex(text + (is_nodedev ? strlen(NODEDEV_PREFIX) : 0), 4, 8, &domain);
	if (!text || *text++ != colon)
		return -EINVAL;
	text = read_hex(text, 2, 2, &bus);
	if (!text || *text++ != colon)
		return -EINVAL;
	text = read_hex(text, 2, 2, &device);
	if (!text || *text++ != dot)
		return -EINVAL;
	text = read_hex(text, 1, 1, &function);
	if (!text || *text || device > 31 || function > 7)
		return -EINVAL;
	*ret_address = (struct vfpool_pci){
		.domain = domain,
		.bus = (uint8_t)bus,
		.device = (uint8_t)device,
		.function = (uint8_t)function,
	};
	return 0;
}

bool vfpool_pci_equal(const struct vfpool_pci *a, const struct vfpool_pci *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
	       a->function == b->function;
}

static uint64_t pci_key(const struct vfpool_pci *address)
{
	return (uint64_t)address->domain << 16 | (uint64_t)address->bus << 8 |
	       (uint64_t)(address->device & 0x1f) << 3 | (address->function & 7);
}

int vfpool_pci_compare(const struct vfpool_pci *a, const struct vfpool_pci *b)
{
	const uint64_t x = pci_key(a), y = pci_key(b);

	return x < y ? -1 : x > y;
}

void vfpool_mac_format(const struct vfpool_mac *mac, char text[VFPOOL_MAC_TEXT])
{
	const uint8_t *b = mac->byte;

	snprintf(text, VFPOOL_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
		 b[4], b[5]);
}

int vfpool_mac_parse(const char *text, struct vfpool_mac *ret_mac)
{
	struct vfpool_mac mac;

	for (int i = 0; i < 6; i++) {
		uint32_t value;

		text = read_hex(text, 2, 2, &value);
		if (!text || *text != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac.byte[i] = (uint8_t)value;
		text++;
	}
	*ret_mac = mac;
	return 0;
}

bool vfpool_mac_equal(const struct vfpool_mac *a, const struct vfpool_mac *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}
