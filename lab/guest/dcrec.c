// SPDX-License-Identifier: GPL-2.0-only
/*
 * dcrec FILE RECORD... - write Dynamic Capacity Event Records, in one write
 *
 * RECORD is TYPE:START:LENGTH[:KEY=VALUE...], TYPE add, release, forced or a
 * number. Records of type add have More set but for the last one. KEYs: more,
 * tag (a UUID), seq, region, host, validity, flags (of the header), length (of
 * the record), fill (of everything reserved), uuid (of the record), repeat, and
 * step, which the start address grows by.
 *
 * CXL r3.1 section 8.2.9.2.1.6, Table 8-50.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "uuid.h"

#define RECORDS_MAX 8192

static uint8_t records[RECORDS_MAX][128];
static size_t nr;

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = value >> (8 * i);
}

static int type_of(const char *word)
{
	if (!strcmp(word, "add"))
		return 0;
	if (!strcmp(word, "release"))
		return 1;
	if (!strcmp(word, "forced"))
		return 2;
	return strtol(word, NULL, 0);
}

static void record(char *spec, int last)
{
	char *save, *type = strtok_r(spec, ":", &save), *start = strtok_r(NULL, ":", &save);
	char *len = strtok_r(NULL, ":", &save), *key;
	uint64_t at, step = 0, repeat = 1;
	uint8_t rec[128] = { 0 };
	int more = -1;

	if (!len)
		exit(2);
	at = strtoull(start, NULL, 0);
	put_uuid(&rec[0x00], "ca95afa7-f183-4018-8c2f-95268e101a2a");
	rec[0x10] = sizeof(rec);
	rec[0x30] = type_of(type);
	put(&rec[0x40], strtoull(len, NULL, 0), 8);
	while ((key = strtok_r(NULL, ":", &save))) {
		char *value = strchr(key, '=');
		uint64_t number;

		if (!value)
			exit(2);
		*value++ = 0;
		number = strtoull(value, NULL, 0);
		if (!strcmp(key, "more"))
			more = number;
		else if (!strcmp(key, "tag"))
			put_uuid(&rec[0x48], value);
		else if (!strcmp(key, "seq"))
			put(&rec[0x58], number, 2);
		else if (!strcmp(key, "region"))
			rec[0x34] = number;
		else if (!strcmp(key, "host"))
			put(&rec[0x32], number, 2);
		else if (!strcmp(key, "validity"))
			rec[0x31] = number;
		else if (!strcmp(key, "flags"))
			put(&rec[0x11], number, 3);
		else if (!strcmp(key, "length"))
			rec[0x10] = number;
		else if (!strcmp(key, "fill"))
			memset(&rec[0x36], number, 2), memset(&rec[0x5a], number, 0x1e);
		else if (!strcmp(key, "uuid"))
			put_uuid(&rec[0x00], value);
		else if (!strcmp(key, "repeat"))
			repeat = number;
		else if (!strcmp(key, "step"))
			step = number;
		else
			exit(2);
	}
	while (repeat--) {
		if (nr == RECORDS_MAX)
			exit(2);
		put(&rec[0x38], at, 8);
		if (more >= 0)
			rec[0x35] = more;
		else
			rec[0x35] = rec[0x30] == 0 && !(last && !repeat);
		memcpy(records[nr++], rec, sizeof(rec));
		at += step;
	}
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		return 2;
	for (int i = 2; i < argc; i++)
		record(argv[i], i == argc - 1);
	fd = open(argv[1], O_WRONLY);
	if (fd < 0 || write(fd, records, nr * 128) != (ssize_t)(nr * 128)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
