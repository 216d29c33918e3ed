/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of udev. */
#include "host/host.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/process.h"

#include <libudev.h>

DEFINE_CLEANUP(struct udev *, cleanup_udev, udev_unref);
DEFINE_CLEANUP(struct udev_device *, cleanup_device, udev_device_unref);

bool host_udev_is_done(const struct vfpool_pf *pf)
{
	CLEANUP(cleanup_udev) struct udev *udev = udev_new();
	CLEANUP(cleanup_device)
	struct udev_device *device =
		udev ? udev_device_new_from_subsystem_sysname(udev, "net", pf->netdev) : NULL;

	return !device || udev_device_get_is_initialized(device);
}

int host_udev_reload(struct host *host)
{
	const char *const argv[] = { "udevadm", "control", "--reload", NULL };

	return run_program(argv, host->err);
}

int host_udev_verify(struct host *host, const char *file)
{
	const char *const has_it[] = { "udevadm", "verify", "--help", NULL };
	const char *const verify[] = { "udevadm", "verify", file, NULL };
	struct error ignored;

	/* systemd has it from 254 on. */
	if (run_quietly(has_it, &ignored) < 0)
		return 0;
	return run_quietly(verify, host->err);
}
