/*
 * stamp.h - was a file changed before or after a moment?
 *
 * Kernels stamp files from a coarse clock that stands still between two ticks (1 to 10 ms)
 * and lags while ticks are late, and since Linux 6.13 from the exact one where a file's
 * stamp is looked at in between: two changes within one tick may come out in either order.
 * So a moment to compare change times with is one at which the coarse clock has caught up.
 */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Waits for a tick or two. In nanoseconds since 1970: whatever changed before the call is
 * older, whatever changes after it is not. 0 where the clock does not catch up within a
 * second or was set back meanwhile: then nothing is older. */
int64_t stamp_next(void);

/* Was the inode last changed before STAMP? A file system that keeps whole seconds cannot
 * tell within the stamp's second: then it was not. */
bool stamp_is_older(const struct stat *st, int64_t stamp);

#endif
