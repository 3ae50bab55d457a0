#include "common/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
static atomic_int caught; /* read by any thread */

static void note(int number)
{
	int none = 0;

	atomic_compare_exchange_strong(&caught, &none, number);
}

void signals_init(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static sigset_t wanted_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	return set;
}

void signals_hold(void)
{
	sigset_t set = wanted_set();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* What the program's parent had ignored (nohup) stays ignored. */
static void catch_one(int number)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART}, old;

	sigemptyset(&action.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void signals_catch(void)
{
	sigset_t set = wanted_set();

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		catch_one(wanted[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int signals_caught(void)
{
	return caught;
}

const char *signals_name(int number)
{
	switch (number) {
	case SIGINT:
		return "SIGINT";
	case SIGTERM:
		return "SIGTERM";
	case SIGHUP:
		return "SIGHUP";
	default:
		return "a signal";
	}
}

int signals_exit_status(int status)
{
	return caught ? 128 + caught : status;
}
