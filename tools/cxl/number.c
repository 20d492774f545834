// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cxl-cli.h"

/* No octal: 010 is ten for everybody but a C compiler */
static int base_of(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
}

/**
 * parse_number - a number that a user has written
 * @text: decimal, or hexadecimal with 0x
 * @max: the largest that makes sense
 * @value: result
 *
 * Return: 0, or -EINVAL.
 */
int parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*value = strtoul(text, &end, base_of(text));
	return errno || *end || *value > max ? -EINVAL : 0;
}

/**
 * parse_size - a number of bytes that a user has written
 * @text: a number, and one of K, M, G and T, powers of 1024 as with cxl
 * @size: bytes
 *
 * Return: 0, or -EINVAL.
 */
int parse_size(const char *text, unsigned long long *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*size = strtoull(text, &end, base_of(text));
	if (errno)
		return -EINVAL;
	if (!*end)
		return 0;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || (end[1] && strcmp(end + 1, "iB") && strcmp(end + 1, "B")))
		return -EINVAL;
	for (; unit >= units; unit--)
		if (__builtin_mul_overflow(*size, 1024, size))
			return -EINVAL;
	return 0;
}

/**
 * parse_yes_no - a word, as an attribute has it
 * @text: yes or no
 * @value: "1" or "0"
 *
 * Return: 0, or -EINVAL.
 */
int parse_yes_no(const char *text, const char **value)
{
	if (strcmp(text, "yes") && strcmp(text, "no"))
		return -EINVAL;
	*value = strcmp(text, "yes") ? "0" : "1";
	return 0;
}

/**
 * format_size - bytes, for people
 * @bytes: how many
 * @text: result
 * @size: of @text
 */
void format_size(unsigned long long bytes, char *text, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = bytes / 1024.0;
	int i = 0;

	for (; value >= 1024 && i < 3; i++)
		value /= 1024;
	snprintf(text, size, "%.2f %s", value, units[i]);
}
