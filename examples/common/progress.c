#include "common/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/report.h"
#include "common/str.h"

#define BAR_WIDTH    24
#define REDRAW_EVERY 0.1 /* seconds */
#define SHOW_RATE_AT 0.5 /* seconds: earlier ones mean nothing */

/* Work and messages may be of different threads. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
	bool active, visible, total_known;
	const char *what;
	uint64_t total, done;
	double started, drawn;
} bar;

static double now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(const char *what, uint64_t total_bytes)
{
	pthread_mutex_lock(&mutex);
	bar.active = !report_is_quiet() && isatty(STDERR_FILENO);
	bar.what = what;
	bar.total = total_bytes;
	bar.done = 0;
	bar.started = now();
	bar.drawn = 0;
	bar.total_known = total_bytes > 0;
	pthread_mutex_unlock(&mutex);
}

void progress_total(uint64_t total_bytes)
{
	pthread_mutex_lock(&mutex);
	bar.total = total_bytes > bar.done ? total_bytes : bar.done;
	bar.total_known = true;
	pthread_mutex_unlock(&mutex);
}

static void draw_rate(double elapsed)
{
	char rate[STR_BYTES_SIZE];
	double per_second = (double)bar.done / elapsed;
	unsigned left;

	if (elapsed < SHOW_RATE_AT || bar.done == 0)
		return;
	str_bytes(per_second, rate);
	fprintf(stderr, "  %s/s", rate);
	if (!bar.total_known)
		return;
	left = (unsigned)((double)(bar.total - bar.done) / per_second + 0.5);
	fprintf(stderr, "  %u:%02u:%02u left", left / 3600, left / 60 % 60, left % 60);
}

static void draw_bar(void)
{
	double part = bar.total ? (double)bar.done / (double)bar.total : 1;
	int filled = (int)(part * BAR_WIDTH);

	fputc('[', stderr);
	for (int i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fprintf(stderr, "] %3d%%  ", (int)(part * 100));
}

static void draw(double time)
{
	char done[STR_BYTES_SIZE], total[STR_BYTES_SIZE];

	str_bytes((double)bar.done, done);
	str_bytes((double)bar.total, total);
	fprintf(stderr, "\r\033[K%s ", bar.what);
	if (bar.total_known)
		draw_bar();
	fputs(done, stderr);
	if (bar.total_known)
		fprintf(stderr, " of %s", total);
	draw_rate(time - bar.started);
	fflush(stderr);
	bar.drawn = time;
	bar.visible = true;
}

static void add(uint64_t bytes)
{
	double time;

	bar.done += bytes;
	if (bar.done > bar.total)
		bar.total = bar.done;
	if (!bar.active)
		return;
	time = now();
	if (time - bar.drawn >= REDRAW_EVERY)
		draw(time);
}

void progress_add(uint64_t bytes)
{
	pthread_mutex_lock(&mutex);
	add(bytes);
	pthread_mutex_unlock(&mutex);
}

static void clear(void)
{
	if (!bar.visible)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	bar.visible = false;
	bar.drawn = 0;
}

void progress_clear(void)
{
	pthread_mutex_lock(&mutex);
	clear();
	pthread_mutex_unlock(&mutex);
}

void progress_end(void)
{
	pthread_mutex_lock(&mutex);
	clear();
	bar.active = false;
	pthread_mutex_unlock(&mutex);
}
