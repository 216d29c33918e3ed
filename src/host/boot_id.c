/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which boot of the host this is. */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#include <string.h>

int host_boot_id(struct host *host, char ret_id[HOST_BOOT_ID])
{
	AUTO_FREE char *path = format_text("%s/sys/kernel/random/boot_id", host->proc),
		       *text = NULL;
	size_t size;
	int r = path ? read_file(path, HOST_BOOT_ID - 1, &text, &size, host->err) :
		       fail_oom(host->err);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	strcpy(ret_id, text);
	return 0;
}
