#include "sis/care_need.h"

bool care_needs(const struct care_file *file)
{
	return file->state.intact || (file->state.bare && file->st.st_size > 0);
}

bool care_might_need(const struct care_run *run, const struct care_file *file)
{
	return file->look == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA) &&
	       (run->volume->kind == VOLUME_NTFS ||
		       (file->st.st_blocks == 0 && file->st.st_size > 0));
}
