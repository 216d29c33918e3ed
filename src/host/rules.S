/* SPDX-License-Identifier: LGPL-2.1-or-later */
	.section .rodata
	.global pf_rules_template
pf_rules_template:
	.incbin "udev-rules/vfpool-pf.rules.in"
	.byte 0
	.section .note.GNU-stack,"",@progbits
