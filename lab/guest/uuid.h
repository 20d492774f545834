/* SPDX-License-Identifier: GPL-2.0-only */
/* A UUID as it is written, in the order of bytes that a device has it in */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void put_uuid(uint8_t *at, const char *text)
{
	for (int i = 0; i < 16; i++) {
		unsigned int byte;

		text += *text == '-';
		if (sscanf(text, "%2x", &byte) != 1)
			exit(2);
		at[i] = byte;
		text += 2;
	}
}
