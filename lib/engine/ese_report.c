#include "engine/ese_report.h"

static struct backupapi_ese_time report_time(struct ese_time time)
{
	bool utc;
	const int64_t seconds = ese_time_seconds(time, &utc);

	return (struct backupapi_ese_time){.seconds = seconds, .utc = utc};
}

static struct backupapi_ese_position report_position(struct ese_position position)
{
	return (struct backupapi_ese_position){
		position.generation, position.sector, position.offset};
}

static struct backupapi_ese_signature report_signature(
	const struct ese_signature *signature)
{
	struct backupapi_ese_signature out = {
		.random = signature->random,
		.created = report_time(signature->created),
	};

	_Static_assert(sizeof(out.computer) > sizeof(signature->computer), "NUL");
	memcpy(out.computer, signature->computer, sizeof(signature->computer));
	return out;
}

static struct backupapi_ese_backup report_backup(const struct ese_backup_mark *mark)
{
	return (struct backupapi_ese_backup){
		.position = report_position(mark->position),
		.time = report_time(mark->time),
		.low = mark->low,
		.high = mark->high,
	};
}

static void report_places(
	const struct ese_header *header, struct backupapi_ese_database *database)
{
	database->consistent = report_position(header->consistent);
	database->attached = report_position(header->attached);
	database->detached = report_position(header->detached);
	database->consistent_time = report_time(header->consistent_time);
	database->attach_time = report_time(header->attach_time);
	database->detach_time = report_time(header->detach_time);
	database->required_low = header->min_required;
	database->required_high = header->max_required;
	database->committed = header->committed;
}

void ese_report_database(
	const struct ese_header *header, struct backupapi_ese_database *database)
{
	database->page_size = header->page_size;
	database->version = header->version;
	database->revision = header->revision;
	database->state = header->state;
	database->transaction_time = header->dbtime;
	database->signature = report_signature(&header->signature);
	database->log_signature = report_signature(&header->log_signature);
	report_places(header, database);
	database->os_major = header->os[0];
	database->os_minor = header->os[1];
	database->os_build = header->os[2];
	database->os_service_pack = header->os[3];
	database->full_previous = report_backup(&header->full_previous);
	database->incremental_previous = report_backup(&header->incremental_previous);
	database->full_current = report_backup(&header->full_current);
	database->snapshot_current = report_backup(&header->snapshot_current);
	database->copy_previous = report_backup(&header->copy_previous);
	database->differential_previous = report_backup(&header->differential_previous);
}

void ese_report_log(const struct ese_log *log, struct backupapi_ese_log *out)
{
	const struct ese_log_header *header = &log->header;

	*out = (struct backupapi_ese_log){
		.generation = header->generation,
		.version_major = header->major,
		.version_minor = header->minor,
		.version_update = header->update,
		.version_update_minor = header->update_minor,
		.sector_size = header->sector_size,
		.file_sectors = header->file_sectors,
		.page_size = header->page_size,
		.flags = header->flags,
		.created = report_time(header->created),
		.previous_created = report_time(header->previous_created),
		.signature = report_signature(&header->signature),
		.segments = log->segments,
		.segments_unused = log->unused,
		.segments_shadow = log->shadows,
		.records = log->records,
	};
}

void ese_report_checkpoint(
	const struct ese_checkpoint *checkpoint, struct backupapi_ese_checkpoint *out)
{
	*out = (struct backupapi_ese_checkpoint){
		.checkpoint = report_position(checkpoint->checkpoint),
		.full_backup_checkpoint = report_position(checkpoint->backup_checkpoint),
		.full_backup = report_position(checkpoint->full_backup),
		.incremental_backup = report_position(checkpoint->incremental_backup),
		.full_backup_time = report_time(checkpoint->full_backup_time),
		.incremental_backup_time =
			report_time(checkpoint->incremental_backup_time),
		.log_signature = report_signature(&checkpoint->log_signature),
	};
}
