/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RelaxNG schema inside the program: it can't be missing, nor be another
 * version's. */
	.section .rodata
	.global pool_schema
	.global pool_schema_end
pool_schema:
	.incbin "netdefs/pool.rng"
pool_schema_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
