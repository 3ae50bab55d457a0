/*
 * ca_cert.h - the few facts about an X.509 certificate that tell an interrupted issue
 * from a tidied index
 */
#ifndef ENGINE_CA_CERT_H
#define ENGINE_CA_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ca_cert {
	int64_t not_after; /* seconds since 1970 */
};

/* Reads the first PEM certificate in TEXT (whatever text is around it); false where there
 * is none that can be understood. No signature is checked. */
bool ca_cert_parse(const char *text, size_t size, struct ca_cert *cert);

#endif
