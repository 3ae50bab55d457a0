/* A damaged header is no reason not to say whose it is: a magic number counts in either copy,
 * a file type where the checksum or the file's name agrees. */
#include "engine/ese_recognise.h"

#include <backupapi/ese.h>

#include "engine/ese_checksum.h"
#include "engine/ese_names.h"

enum {
	AT_CHECKSUM = 0,
	AT_MAGIC = 4,
	AT_KIND = 12,
	AT_LOG_MAJOR = 32,
	SOUND_SIZE = 4096,
};

static uint32_t kind_of_name(const char *name)
{
	const struct ese_name parsed = ese_name_parse(name);

	switch (parsed.kind) {
	case ESE_NAME_LOG:
	case ESE_NAME_CURRENT_LOG:
		return BACKUPAPI_ESE_KIND_LOG;
	case ESE_NAME_CHECKPOINT:
		return BACKUPAPI_ESE_KIND_CHECKPOINT;
	case ESE_NAME_TEMPORARY_LOG:
	case ESE_NAME_RESERVE_LOG:
		return BACKUPAPI_ESE_KIND_SPARE_LOG;
	default:
		return 0;
	}
}

static bool has_magic(const uint8_t *data, size_t size)
{
	if (size >= SOUND_SIZE / 2 && ese_u32(data + AT_MAGIC) == ESE_MAGIC)
		return true;
	for (size_t page = ESE_PAGE_MIN; page <= ESE_PAGE_MAX; page *= 2)
		if (size >= 2 * page && ese_u32(data + page + AT_MAGIC) == ESE_MAGIC)
			return true;
	return false;
}

static uint32_t kind_of_database(const uint8_t *data)
{
	switch (ese_u32(data + ESE_AT_FILE_TYPE)) {
	case ESE_TYPE_TEMPORARY:
		return BACKUPAPI_ESE_KIND_TEMPORARY;
	case ESE_TYPE_FLUSH_MAP:
		return BACKUPAPI_ESE_KIND_FLUSH_MAP;
	case ESE_TYPE_STREAMING:
		return BACKUPAPI_ESE_KIND_STREAMING;
	default:
		return ese_u32(data + AT_KIND) == 1 ? BACKUPAPI_ESE_KIND_STREAMING
						    : BACKUPAPI_ESE_KIND_DATABASE;
	}
}

/* Of a header of 4096 bytes without a magic number. */
static uint32_t kind_of_header(const uint8_t *header, uint32_t by_name)
{
	const bool sound =
		ese_u32(header + AT_CHECKSUM) == ese_xor_checksum(header, SOUND_SIZE);
	const uint32_t major = ese_u32(header + AT_LOG_MAJOR);

	switch (ese_u32(header + ESE_AT_FILE_TYPE)) {
	case ESE_TYPE_LOG:
		return sound ? BACKUPAPI_ESE_KIND_LOG : by_name;
	case ESE_TYPE_CHECKPOINT:
		return sound ? BACKUPAPI_ESE_KIND_CHECKPOINT : by_name;
	case ESE_TYPE_FLUSH_MAP:
		return sound ? BACKUPAPI_ESE_KIND_FLUSH_MAP : by_name;
	case ESE_TYPE_OLD:
		if (sound && major && major < 64)
			return BACKUPAPI_ESE_KIND_LOG;
		return by_name;
	default:
		return by_name;
	}
}

uint32_t ese_recognise(const uint8_t *data, size_t size, const char *name)
{
	const uint32_t by_name = kind_of_name(name);
	uint32_t kind = by_name;

	/* What such a log holds is not what it seems to be. */
	if (by_name == BACKUPAPI_ESE_KIND_SPARE_LOG)
		return by_name;
	if (has_magic(data, size))
		return kind_of_database(data);
	if (size >= SOUND_SIZE)
		kind = kind_of_header(data, by_name);
	if (!kind && size >= 2 * (size_t)SOUND_SIZE)
		kind = kind_of_header(data + SOUND_SIZE, 0) ==
				       BACKUPAPI_ESE_KIND_CHECKPOINT
			       ? BACKUPAPI_ESE_KIND_CHECKPOINT
			       : 0;
	return kind;
}
