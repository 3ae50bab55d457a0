#include "base/stamp.h"

#include <time.h>

#define SECOND INT64_C(1000000000)
#define TRIES  1000 /* of a millisecond each */

/* 0 on failure. */
static int64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

/* The coarse clock counts whole ticks, however late they are: that it moved is not enough. */
int64_t stamp_next(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const int64_t begin = read_clock(CLOCK_REALTIME);

	for (int i = 0; i < TRIES; i++) {
		int64_t now = read_clock(CLOCK_REALTIME_COARSE);

		if (now > begin)
			return now;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

bool stamp_is_older(const struct stat *st, int64_t stamp)
{
	if (st->st_ctim.tv_nsec == 0)
		return st->st_ctim.tv_sec < stamp / SECOND;
	return (int64_t)st->st_ctim.tv_sec * SECOND + st->st_ctim.tv_nsec < stamp;
}
