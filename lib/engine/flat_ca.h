/*
 * flat_ca.h - does the directory of an `openssl ca` agree with itself?
 *
 * Issuing writes serial.new, index.txt.new and index.txt.attr.new, then the certificate
 * files newcerts/SERIAL.pem, and then renames, without a lock: serial, index.txt,
 * index.txt.attr (each old one becomes *.old). A run that was stopped in between and
 * whose *.new files were tidied away leaves new and old files together, each of them
 * whole; what stat says cannot tell. So, for each index (by name, index.txt, or by
 * content) and what is listed with it:
 *
 * - Every record is well-formed and no serial number is there twice (ca_index.h):
 *   else openssl could not work with it.
 * - The number in `serial`, which is the next one, is not in the index: else the index is
 *   newer. That it is above all of them is not asked: with -rand_serial it is one more
 * than the last random number, and imported records may have any number.
 * - The number before it, the last one issued, is in the index if its certificate file
 *   is listed: else `serial` is newer, and a certificate is out that the CA could not
 *   revoke. (Where `serial` itself is missing, between its two renames, serial.old has
 *   that number.) An expired certificate is let pass: its record may have been tidied
 *   away. So is a file with any other number: one that was not issued before openssl
 *   was interrupted (the next run writes it again), one with a random number, one whose
 *   record was tidied away. Missing certificate files are let pass as well:
 *   administrators delete old ones.
 * - index.txt.attr or index.txt.old without index.txt: between the index's renames.
 *
 * A certificate file is SERIAL.pem below the directory of the index, in a directory that
 * is named newcerts or certs_by_serial or has a file for some record of the index.
 */
#ifndef ENGINE_FLAT_CA_H
#define ENGINE_FLAT_CA_H

#include "base/names.h"
#include "base/status.h"

/* Where contents come from: spooled copies, or the files in place. */
struct flat_ca_source {
	void *context;
	/* Up to SIZE bytes at OFFSET of the FILE-th path, short only at its end. */
	status (*read)(void *context, size_t file, uint64_t offset, void *buffer,
		size_t size, size_t *got);
};

/* Checks what is listed in PATHS (sorted). hrDatabaseCorrupted for a file that is damaged
 * in itself, hrDatabaseInconsistent for files of different age. */
status flat_ca_check(const struct names *paths, const struct flat_ca_source *source);

/* Checks the file PATH, the source's only one, by itself. *INDEX false: it is no index, so
 * there was nothing to check. */
status flat_ca_check_file(
	const char *path, const struct flat_ca_source *source, bool *index);

#endif
