/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the checks tell what they find, and the words that they share. */
#include "manager/doctor/report.h"

#include "util/file.h"
#include "util/name.h"

#include <stdarg.h>
#include <string.h>

int report(struct doctor *doctor, enum vfpool_verdict verdict, const char *remedy,
	   const char *format, ...)
{
	struct vfpool_diagnosis *diagnosis = doctor->diagnosis;
	struct vfpool_check *grown = reallocarray(diagnosis->checks, diagnosis->n + 1,
						  sizeof(*grown)),
			    *check;
	va_list args;
	int n;

	if (!grown)
		return -ENOMEM;
	diagnosis->checks = grown;
	check = &grown[diagnosis->n];
	*check = (struct vfpool_check){
		.name = doctor->check->name,
		.looked_at = doctor->check->looked_at,
		.verdict = verdict,
	};
	va_start(args, format);
	n = vasprintf(&check->found, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	diagnosis->n++;
	make_printable(check->found);
	if (!remedy)
		return 0;
	check->remedy = strdup(remedy);
	if (!check->remedy)
		return -ENOMEM;
	make_printable(check->remedy);
	return 0;
}

bool report_found_nothing(const struct doctor *doctor)
{
	const struct vfpool_diagnosis *diagnosis = doctor->diagnosis;

	return diagnosis->n == 0 || diagnosis->checks[diagnosis->n - 1].name != doctor->check->name;
}

/* ---- words ---- */

bool report_is_asked_for(const struct doctor *doctor, const struct vfpool_pool *pool)
{
	return !doctor->pool || strcmp(doctor->pool, pool->name) == 0;
}

const char *report_pf_text(const struct vfpool_pf *pf, char text[VFPOOL_PCI_TEXT])
{
	if (pf->netdev)
		return pf->netdev;
	vfpool_pci_format(&pf->address, text);
	return text;
}

const char *report_libvirt_unit(const struct doctor *doctor)
{
	AUTO_FREE char *path = format_text("%s/usr/sbin/virtqemud",
					   doctor->vp->dirs[VFPOOL_DIR_ROOT]);

	if (doctor->daemon.pid)
		return strcmp(doctor->daemon.name, "virtqemud") == 0 ? "virtqemud" : "libvirtd";
	return path && access(path, F_OK) == 0 ? "virtqemud" : "libvirtd";
}

char *report_cmdline_remedy(const struct doctor *doctor, bool add, const char *word)
{
	const char *put = add ? "put it into" : "take it out of";

	switch (doctor->distribution) {
	case DEBIAN:
		return format_text(
			"%s: %s GRUB_CMDLINE_LINUX in /etc/default/grub, then 'update-grub' and a reboot",
			word, put);
	case FEDORA:
		return format_text("'grubby --update-kernel=ALL --%s=%s', then a reboot",
				   add ? "args" : "remove-args", word);
	case SUSE:
		return format_text(
			"%s: %s GRUB_CMDLINE_LINUX in /etc/default/grub, then 'grub2-mkconfig -o "
			"/boot/grub2/grub.cfg' and a reboot",
			word, put);
	case ARCH:
		return format_text(
			"%s: %s GRUB_CMDLINE_LINUX in /etc/default/grub, then 'grub-mkconfig -o "
			"/boot/grub/grub.cfg' and a reboot",
			word, put);
	case OTHER_DISTRIBUTION:
		break;
	}
	return format_text(
		"%s: %s the kernel's command line in the boot loader's settings, then a reboot",
		word, put);
}
