/*
 * token.h - the expiry token of a Ds backup (contract: opaque to callers)
 *
 *	 0	"BKTOKEN" and a NUL
 *	 8	u32 version, 1
 *	12	u32 size of the whole token
 *	16	i64 the backup's time, seconds since 1970
 *	24	i64 the time after which its contents are too old
 *	32	u32 length of the server's configured name, which follows, without a NUL
 *	then	32 bytes: SHA-256 over all that comes before
 *
 * Little-endian. The checksum is against damage, not against forgery.
 */
#ifndef SESSION_TOKEN_H
#define SESSION_TOKEN_H

#include "base/buffer.h"
#include "server/config.h"

/* For a backup of SERVER taken at TIME. */
status token_make(const struct server *server, int64_t time, struct buffer *token);

/* At NOW, in seconds since 1970. A backup is too old once NOW is past its limit.
 *	hrUnknownExpiryTokenFormat	damaged, empty, or of an unknown version
 *	hrInvalidParam			another server's (names compare without case; the
 *					configured name counts, and its aliases)
 *	hrContentsExpired		too old */
status token_check(const struct server *server, const void *token, size_t size, int64_t now);

#endif
