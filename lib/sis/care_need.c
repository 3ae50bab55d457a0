#include "sis/care_need.h"

#include <unistd.h>

bool care_needs(const struct care_file *file)
{
	return file->state.intact || !file->state.vouched ||
	       (file->state.bare && file->st.st_size > 0);
}

bool care_might_need(const struct care_run *run, const struct care_file *file)
{
	return file->look == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA) &&
	       (run->volume->kind == VOLUME_NTFS ||
		       (file->st.st_blocks == 0 && file->st.st_size > 0));
}

/* A file that cannot be opened is taken for one that counts. */
bool care_counts(const struct care_run *run, const struct care_file *file)
{
	struct stat st;
	bool counts;
	int fd;

	if (run->volume->kind == VOLUME_NTFS ||
		failed(care_open_at(file->dirfd, file->name, &fd, &st)))
		return true;
	counts = vouch_could_be_honoured(run->store, fd, &st);
	(void)close(fd);
	return counts;
}
