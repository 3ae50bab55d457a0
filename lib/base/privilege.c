/* Effective capabilities, asked of the kernel itself: libcap would be one more library for
 * three bits. Elsewhere than on Linux root may all, others nothing. */
#include "base/privilege.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_capget

#define VERSION_3 0x20080522u /* two words for each set */

/* As capget(2) takes them. */
struct header {
	uint32_t version;
	int pid;
};
struct words {
	uint32_t effective, permitted, inheritable;
};

#define CHOWN           0
#define DAC_OVERRIDE    1
#define DAC_READ_SEARCH 2
#define FOWNER          3

static uint32_t effective(void)
{
	struct header header = {.version = VERSION_3};
	struct words words[2] = {{0}};

	return syscall(SYS_capget, &header, words) == 0 ? words[0].effective : 0;
}

static bool has(uint32_t set, unsigned capability)
{
	return (set >> capability & 1) != 0;
}

bool privilege_read_any(void)
{
	uint32_t set = effective();

	return has(set, DAC_READ_SEARCH) || has(set, DAC_OVERRIDE);
}

bool privilege_write_any(void)
{
	uint32_t set = effective();

	return has(set, DAC_OVERRIDE) && has(set, CHOWN) && has(set, FOWNER);
}

#else

bool privilege_read_any(void)
{
	return geteuid() == 0;
}

bool privilege_write_any(void)
{
	return geteuid() == 0;
}

#endif
