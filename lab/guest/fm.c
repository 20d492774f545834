// SPDX-License-Identifier: GPL-2.0-only
/*
 * fm CCI ports
 * fm CCI PORT list
 * fm CCI PORT add|release|force EXTENT...
 *
 * A fabric manager, as far as the capacity of devices below a switch goes: it speaks to
 * the switch through the mailbox of its CCI function, CCI in sysfs, and through that to
 * the devices. "ports" prints the downstream ports that have a device, and its serial
 * number; "list" what the host has accepted: start, length, tag, sequence number.
 *
 * EXTENT is START:LENGTH[:tag=UUID][:seq=NUMBER].
 *
 * CXL r3.1 sections 7.6.7 (FM API), 8.2.8.4 (mailbox registers).
 */
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "uuid.h"

#define BAR_SIZE	0x1000
#define PAYLOAD_MAX	2048

#define IDENTIFY		0x0001
#define IDENTIFY_SWITCH		0x5100
#define TUNNEL			0x5300
#define GET_EXTENT_LIST		0x5603
#define INITIATE_ADD		0x5604
#define INITIATE_RELEASE	0x5605

#define SELECTION_PRESCRIPTIVE	2
#define REMOVAL_PRESCRIPTIVE	1
#define REMOVAL_FORCED		(1 << 4)

struct message {
	uint8_t category;
	uint8_t tag;
	uint8_t reserved;
	uint16_t opcode;
	uint8_t len[3];
	uint16_t code;
	uint16_t vendor;
	uint8_t payload[];
} __attribute__((packed));

struct tunnel {
	uint8_t port;
	uint8_t type;
	uint16_t size;
	struct message message;
} __attribute__((packed));

struct extent {
	uint64_t start;
	uint64_t len;
	uint8_t tag[16];
	uint16_t seq;
	uint8_t reserved[6];
} __attribute__((packed));

struct initiate {
	uint16_t host;
	uint8_t policy;
	uint8_t region;
	uint64_t len;
	uint8_t tag[16];
	uint32_t nr;
	struct extent extent[];
} __attribute__((packed));

struct list {
	uint16_t host;
	uint8_t reserved[2];
	uint32_t first;
	uint32_t nr;
	uint32_t total;
	uint32_t generation;
	uint8_t reserved2[4];
	struct extent extent[];
} __attribute__((packed));

static volatile uint8_t *mailbox;

static void die(const char *what, unsigned int code)
{
	fprintf(stderr, "fm: %s: %#x\n", what, code);
	exit(1);
}

static uint32_t read32(volatile uint8_t *at) { return le32toh(*(volatile uint32_t *)at); }
static uint64_t read64(volatile uint8_t *at) { return le64toh(*(volatile uint64_t *)at); }
static void write32(volatile uint8_t *at, uint32_t value) { *(volatile uint32_t *)at = htole32(value); }
static void write64(volatile uint8_t *at, uint64_t value) { *(volatile uint64_t *)at = htole64(value); }

static void find_mailbox(const char *dir)
{
	volatile uint8_t *bar;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/enable", dir);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1) {
		perror(path);
		exit(1);
	}
	close(fd);
	snprintf(path, sizeof(path), "%s/resource0", dir);
	fd = open(path, O_RDWR);
	bar = fd < 0 ? MAP_FAILED : mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	for (unsigned int i = read32(bar + 4) & 0xffff; i; i--)
		if ((read32(bar + 0x10 * i) & 0xffff) == 2)
			mailbox = bar + read32(bar + 0x10 * i + 4);
	if (!mailbox)
		die("no mailbox", 0);
}

static void ready(void)
{
	for (int i = 0; read32(mailbox + 4) & 1; i++) {
		if (i == 5000)
			die("the mailbox is busy", 0);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

static uint8_t payload[PAYLOAD_MAX + 8] __attribute__((aligned(8)));
static struct tunnel *const tunnel = (struct tunnel *)payload;
/* The tunnel's headers are of one size, there and back */
static void *const inner = ((struct tunnel *)payload)->message.payload;

/* What comes back is where what was sent is */
static unsigned int command(unsigned int opcode, size_t len)
{
	unsigned int code;

	ready();
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word;

		memcpy(&word, payload + i, 8);
		*(volatile uint64_t *)(mailbox + 0x20 + i) = word;
	}
	write64(mailbox + 8, opcode | (uint64_t)len << 16);
	write32(mailbox + 4, 1);
	ready();
	code = read64(mailbox + 0x10) >> 32 & 0xffff;
	len = read64(mailbox + 8) >> 16 & 0x1fffff;
	if (len > PAYLOAD_MAX)
		die("payload", len);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = *(volatile uint64_t *)(mailbox + 0x20 + i);

		memcpy(payload + i, &word, 8);
	}
	return code;
}

/* Returns what the device at the port says, or else the switch: 0, or why not */
static unsigned int ask(int port, unsigned int opcode, size_t len)
{
	unsigned int code;

	tunnel->port = port;
	tunnel->type = 0;
	tunnel->size = htole16(sizeof(struct message) + len);
	memset(&tunnel->message, 0, sizeof(tunnel->message));
	tunnel->message.opcode = htole16(opcode);
	tunnel->message.len[0] = len;
	tunnel->message.len[1] = len >> 8;
	code = command(TUNNEL, sizeof(*tunnel) + len);
	return code ? code : le16toh(tunnel->message.code);
}

static void ports(void)
{
	uint8_t active[32];
	unsigned int code;

	code = command(IDENTIFY_SWITCH, 0);
	if (code)
		die("refused", code);
	memcpy(active, payload + 4, sizeof(active));
	for (int port = 0; port < 256; port++) {
		uint64_t serial;

		/* One without a device refuses, and so does the one that leads up */
		if (!(active[port / 8] >> port % 8 & 1) || ask(port, IDENTIFY, 0))
			continue;
		memcpy(&serial, (uint8_t *)inner + 8, 8);
		printf("%d %llu\n", port, (unsigned long long)le64toh(serial));
	}
}

static void print(const struct extent *extent)
{
	printf("%#llx %#llx ", (unsigned long long)le64toh(extent->start),
	       (unsigned long long)le64toh(extent->len));
	for (int i = 0; i < 16; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", extent->tag[i]);
	printf(" %u\n", le16toh(extent->seq));
}

static void list(int port)
{
	struct list *out = inner;
	uint32_t done = 0, in[3];
	unsigned int code;

	do {
		in[0] = 0;
		in[1] = htole32(40);
		in[2] = htole32(done);
		memcpy(inner, in, sizeof(in));
		code = ask(port, GET_EXTENT_LIST, sizeof(in));
		if (code)
			die("refused", code);
		for (uint32_t i = 0; i < le32toh(out->nr); i++)
			print(&out->extent[i]);
		done += le32toh(out->nr);
	} while (out->nr && done < le32toh(out->total));
}

static void parse(char *spec, struct extent *extent)
{
	char *save, *start = strtok_r(spec, ":", &save), *len = strtok_r(NULL, ":", &save), *key;

	if (!len)
		exit(2);
	extent->start = htole64(strtoull(start, NULL, 0));
	extent->len = htole64(strtoull(len, NULL, 0));
	while ((key = strtok_r(NULL, ":", &save))) {
		if (!strncmp(key, "seq=", 4)) {
			extent->seq = htole16(strtoul(key + 4, NULL, 0));
			continue;
		}
		if (strncmp(key, "tag=", 4))
			exit(2);
		put_uuid(extent->tag, key + 4);
	}
}

static void initiate(int port, unsigned int opcode, int policy, int nr, char **specs)
{
	struct initiate *in = inner;
	size_t size = sizeof(*in) + nr * sizeof(in->extent[0]);
	unsigned int code;

	/* With no extent at all QEMU ends */
	if (nr < 1 || sizeof(*tunnel) + size > PAYLOAD_MAX)
		exit(2);
	memset(in, 0, size);
	in->policy = policy;
	in->nr = htole32(nr);
	for (int i = 0; i < nr; i++)
		parse(specs[i], &in->extent[i]);
	code = ask(port, opcode, size);
	if (code)
		die("refused", code);
}

int main(int argc, char **argv)
{
	int port;

	if (argc < 3)
		return 2;
	find_mailbox(argv[1]);
	if (!strcmp(argv[2], "ports")) {
		ports();
		return 0;
	}
	if (argc < 4)
		return 2;
	port = atoi(argv[2]);
	if (!strcmp(argv[3], "list"))
		list(port);
	else if (!strcmp(argv[3], "add"))
		initiate(port, INITIATE_ADD, SELECTION_PRESCRIPTIVE, argc - 4, argv + 4);
	else if (!strcmp(argv[3], "release"))
		initiate(port, INITIATE_RELEASE, REMOVAL_PRESCRIPTIVE, argc - 4, argv + 4);
	else if (!strcmp(argv[3], "force"))
		initiate(port, INITIATE_RELEASE, REMOVAL_PRESCRIPTIVE | REMOVAL_FORCED, argc - 4, argv + 4);
	else
		return 2;
	return 0;
}
