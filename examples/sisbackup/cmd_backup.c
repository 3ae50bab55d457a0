#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "sisbackup/commands.h"
#include "sisbackup/fskind.h"
#include "sisbackup/volinfo.h"
#include "sisbackup/volume.h"

static char *host_name(void)
{
	char name[256] = "";

	return gethostname(name, sizeof(name) - 1) == 0 ? xstrdup(name) : NULL;
}

static void write_info(const void *context, FILE *file)
{
	volinfo_write(context, file);
}

static void write_catalog(const void *context, FILE *file)
{
	catalog_write(context, file);
}

static bool describe(const struct volume *v, struct set_output *o, struct volinfo *info)
{
	info->volume = xstrdup(*v->root ? v->root : "/");
	info->filesystem = xstrdup(fskind_name(v->fd));
	info->host = host_name();
	info->library = xstrdup(backupapi_version());
	info->finished = (int64_t)time(NULL);
	info->skipped = v->skipped > UINT32_MAX ? UINT32_MAX : (uint32_t)v->skipped;
	return set_output_text(o, "backup.ini", write_info, info) &&
	       set_output_text(o, "MANIFEST", write_catalog, &v->catalog);
}

static bool begin(struct set_output *o)
{
	return set_output_begin(o) && set_output_directory(o, "files") &&
	       set_output_directory(o, "store");
}

/* *BYTES: what the volume's file system holds. */
static bool surely_fits(
	const struct volume *v, const struct set_room *room, uint64_t *bytes)
{
	struct statvfs fs;
	uint64_t files;

	if (fstatvfs(v->fd, &fs) != 0 || fs.f_blocks == 0 || fs.f_bfree > fs.f_blocks)
		return false;
	*bytes = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
	files = fs.f_files > fs.f_ffree ? fs.f_files - fs.f_ffree : 0;
	return set_room_fits(room, *bytes, files);
}

/* Until it is known what there is to save: all that the file system holds. */
static void estimate(const struct volume *v, uint64_t bytes)
{
	struct stat above;

	if (v->options->includes.count == 0 &&
		(!*v->root || (fstatat(v->fd, "..", &above, 0) == 0 &&
				      above.st_dev != v->device)))
		progress_total(bytes);
}

/* A set that may be below the volume is begun when all is found, lest it be saved too; one
 * that may be too large, lest it be begun at all. */
static bool find_and_copy(struct volume *v, struct set_output *o)
{
	struct set_room room;
	uint64_t bytes;
	bool beside;

	if (!set_output_room(o, &room))
		return false;
	beside = !set_output_is_on(o, v->device) && surely_fits(v, &room, &bytes);
	if (beside)
		estimate(v, bytes);
	if ((beside && !begin(o)) || !volume_find(v, beside ? o : NULL))
		return false;
	progress_total(v->bytes);
	return volume_join(v) && set_output_check_room(o, v->bytes, v->files) &&
	       (beside || begin(o)) && volume_copy(v, o);
}

static bool write_set(struct volume *v, struct set_output *o, struct volinfo *info)
{
	bool ok;

	progress_begin("backup", 0);
	ok = find_and_copy(v, o);
	volume_stop(v);
	progress_end();
	return ok && describe(v, o, info) && set_output_publish(o);
}

static void print_done(const struct volume *v, const char *target)
{
	char bytes[STR_BYTES_SIZE], *shown = str_display(target);

	str_bytes((double)v->bytes, bytes);
	report_result("%s: %llu files, %llu links to %llu common-store files, %s%s",
		shown, (unsigned long long)(v->files), (unsigned long long)v->links,
		(unsigned long long)v->store_files, bytes,
		v->skipped ? "; incomplete" : "");
	free(shown);
}

static bool save(struct volume *v, const char *target)
{
	struct volinfo info = {.started = (int64_t)time(NULL)};
	struct set_output *o = set_output_new(target, SET_SYNC_SYSTEM);
	bool ok = o && write_set(v, o, &info);

	set_output_free(o);
	volinfo_free(&info);
	if (ok)
		print_done(v, target);
	else if (signals_caught())
		report_plain("interrupted by %s; nothing was written",
			signals_name(signals_caught()));
	return ok;
}

int cmd_backup(const struct family *family, const struct options *options)
{
	struct volume v;
	bool ok;

	(void)family;
	ok = volume_open(&v, options->operands[0], options) &&
	     save(&v, options->operands[1]) && v.skipped == 0;
	ok = volume_close(&v) && ok;
	return ok ? EXIT_DONE : signals_exit_status(EXIT_FAILED);
}
