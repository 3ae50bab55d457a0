/*
 * A record's checksum covers bytes in front of it and behind it, as 32-bit words at their
 * places in the file; bytes of a word that are outside the range count as zero. Ranges hardly
 * overlap in a real log, so what is read is bounded: a forged chain cannot make the work grow
 * with the square of the file.
 */
#include "engine/ese_log_records.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"

#define RECORD_TYPE 42u
#define RECORD_SIZE 22u
#define SEED        0xfeedbeafu
#define SHORT_ON    0x9au
#define SHORT_OFF   0xd1u
#define PIECE       65536u /* a multiple of the size of words */
#define MOST_READ   4u     /* times the file's size */

enum {
	AT_TYPE = 0,
	AT_BACKWARDS = 1,
	AT_FORWARDS = 5,
	AT_NEXT = 9,
	AT_CHECKSUM = 13,
	AT_USE_SHORT = 21,
};

struct record {
	uint32_t backwards, forwards, next, checksum;
	uint8_t type, use_short;
};

struct body {
	int fd;
	const char *path;
	uint64_t size; /* of the file */
	uint64_t read; /* so far, ranges read twice counted twice */
	uint8_t *piece;
};

static status damaged(const struct body *body, uint64_t at)
{
	return status_fail(hrLogFileCorrupt,
		"%s: the log is damaged near its checksum record at offset %" PRIu64,
		body->path, at);
}

static uint32_t xor_words(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 4)
		sum ^= ese_u32(data + i);
	return sum;
}

/* One piece of a range, from FROM on; *NEXT is where the following one begins. */
static status xor_piece(
	struct body *body, uint64_t from, uint64_t to, uint64_t *next, uint32_t *sum)
{
	const uint64_t aligned = from & ~UINT64_C(3);
	const size_t wanted = to - aligned < PIECE ? (size_t)(to - aligned) : PIECE;
	size_t got;
	status rc = file_pread(body->fd, body->piece, wanted, aligned, &got, body->path);

	if (failed(rc))
		return rc;
	if (got < wanted)
		return status_fail(ESE_WRONG_LOG_SIZE,
			"%s: became shorter while it was read", body->path);
	memset(body->piece, 0, (size_t)(from - aligned));
	memset(body->piece + got, 0, 3);
	*sum ^= xor_words(body->piece, got);
	*next = aligned + got;
	body->read += got;
	return STATUS_OK;
}

static status xor_range(struct body *body, uint64_t from, uint64_t to, uint32_t *sum)
{
	status rc = STATUS_OK;

	while (from < to && !failed(rc))
		rc = xor_piece(body, from, to, &from, sum);
	return rc;
}

static status read_record(struct body *body, uint64_t at, struct record *record)
{
	uint8_t data[RECORD_SIZE];
	size_t got;
	status rc = file_pread(body->fd, data, sizeof(data), at, &got, body->path);

	if (failed(rc))
		return rc;
	if (got < sizeof(data))
		return damaged(body, at);
	*record = (struct record){
		.type = data[AT_TYPE],
		.backwards = ese_u32(data + AT_BACKWARDS),
		.forwards = ese_u32(data + AT_FORWARDS),
		.next = ese_u32(data + AT_NEXT),
		.checksum = ese_u32(data + AT_CHECKSUM),
		.use_short = data[AT_USE_SHORT],
	};
	body->read += got;
	return STATUS_OK;
}

static bool is_plausible(
	const struct body *body, uint64_t at, const struct record *record)
{
	const uint64_t end = at + RECORD_SIZE;

	return end <= body->size && record->type == RECORD_TYPE &&
	       (record->use_short == SHORT_ON || record->use_short == SHORT_OFF) &&
	       record->backwards <= at - ESE_LOG_HEADER_SIZE &&
	       record->forwards <= body->size - end && record->next <= body->size - end &&
	       body->read + record->backwards + record->forwards <=
		       MOST_READ * body->size;
}

static status check_record(
	struct body *body, uint64_t at, uint32_t generation, struct record *record)
{
	const uint64_t end = at + RECORD_SIZE;
	uint32_t sum;
	status rc = read_record(body, at, record);

	if (failed(rc))
		return rc;
	if (!is_plausible(body, at, record))
		return damaged(body, at);
	sum = SEED ^ record->backwards ^ record->forwards ^ record->next ^
	      record->use_short ^ generation;
	rc = xor_range(body, at - record->backwards, at, &sum);
	if (!failed(rc))
		rc = xor_range(body, end, end + record->forwards, &sum);
	if (!failed(rc) && sum != record->checksum)
		rc = damaged(body, at);
	return rc;
}

status ese_log_records_verify(int fd, const char *path, uint64_t size,
	const struct ese_tick *tick, struct ese_log *log)
{
	struct body body = {
		.fd = fd, .path = path, .size = size, .piece = malloc(PIECE + 3)};
	uint64_t at = ESE_LOG_HEADER_SIZE;
	struct record record = {.next = 1};
	status rc = body.piece ? STATUS_OK : status_no_memory();

	while (!failed(rc) && record.next) {
		rc = check_record(&body, at, log->header.generation, &record);
		if (failed(rc))
			break;
		log->records++;
		at += RECORD_SIZE + (uint64_t)record.next;
		if (tick)
			rc = tick->tick(tick->context, at < size ? at : size);
	}
	free(body.piece);
	return rc;
}
