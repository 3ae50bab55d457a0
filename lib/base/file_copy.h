/*
 * file_copy.h - one file's content to another
 */
#ifndef BASE_FILE_COPY_H
#define BASE_FILE_COPY_H

#include <sys/types.h>

/* The first SIZE bytes of IN to OUT, which has no data yet and is SIZE bytes long
 * afterwards; holes stay holes. 0 or an errno: ESTALE where IN is shorter. */
int file_copy_content(int in, int out, off_t size);

#endif
