#include <stdlib.h>

#include "engine/ca_cert.h"
#include "support.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"

/* Version 1, until 2021-02-03 04:05:06. */
#define BODY_V1                                                                          \
	"MIIBBjCBrAIBEDAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MB4XDTIwMDEw\n"             \
	"MTAwMDAwMFoXDTIxMDIwMzA0MDUwNlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqG\n"             \
	"SM49AgEGCCqGSM49AwEHA0IABAAUdx1KvbMiXqPI5gD7itJNjctqBPyMuCWD3AzU\n"             \
	"eFlrJiJGTnrFBQmbiaadad2fFgMLurcdFNMyb07dR9t+lZswCgYIKoZIzj0EAwID\n"             \
	"SQAwRgIhALpPkS8yaTV/sY+1Wd3W4Kq5whBvnJedql371Fw684bOAiEAkebQNhlS\n"             \
	"J4qO8LEAtorLdFpNQlq2d1egVmczsvX5+Xc=\n"

/* Version 3, until 2061-02-03 04:05:06, as a generalized time. */
#define BODY_V3                                                                          \
	"MIIBOzCB4aADAgECAgERMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwIBcN\n"             \
	"MjAwMTAxMDAwMDAwWhgPMjA2MTAyMDMwNDA1MDZaMA8xDTALBgNVBAMMBHRlc3Qw\n"             \
	"WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQAFHcdSr2zIl6jyOYA+4rSTY3LagT8\n"             \
	"jLglg9wM1HhZayYiRk56xQUJm4mmnWndnxYDC7q3HRTTMm9O3UfbfpWboywwKjAJ\n"             \
	"BgNVHRMEAjAAMB0GA1UdDgQWBBR7Q90X7vtraeybCFVn1dOlwnVe2jAKBggqhkjO\n"             \
	"PQQDAgNJADBGAiEA6mZrdtz5B9X/JKYG1sUYyOfIdnT/RuXm5M/BacW3DVcCIQCP\n"             \
	"qL9JRvK5bUecPK6GRkWl6q3iPRDX6BwIaBW+T9xDEA==\n"

static void expect_end(const char *text, int64_t not_after)
{
	struct ca_cert cert;

	ck_assert(ca_cert_parse(text, strlen(text), &cert));
	ck_assert_int_eq(cert.not_after, not_after);
}

static void expect_none(const char *text)
{
	struct ca_cert cert;

	ck_assert(!ca_cert_parse(text, strlen(text), &cert));
}

START_TEST(the_end_of_the_validity_is_found)
{
	expect_end(BEGIN BODY_V1 END, 1612325106);
	expect_end(BEGIN BODY_V3 END, 2874629106);
}
END_TEST

START_TEST(text_around_the_certificate_does_not_matter)
{
	expect_end("Certificate:\n    Data:\n" BEGIN BODY_V1 END
		   "more\n" BEGIN BODY_V3 END,
		1612325106);
	expect_end(BEGIN "\r\n" BODY_V1 "\r\n" END, 1612325106);
}
END_TEST

START_TEST(what_is_no_certificate_is_none)
{
	expect_none("");
	expect_none("certificate one\n");
	expect_none(BEGIN);
	expect_none(BEGIN END);
	expect_none(BEGIN BODY_V1);
	expect_none(BODY_V1 END);
	expect_none(BEGIN "MIIBBjCBrAIBEDAK\n" END);
	expect_none(BEGIN "!!!!\n" END);
}
END_TEST

/* No cut or changed byte leads outside the text (to be run under ASan). */
START_TEST(damage_is_survived)
{
	static const char good[] = BEGIN BODY_V3 END;
	size_t size = sizeof(good) - 1;
	struct ca_cert cert;

	for (size_t cut = 0; cut < size; cut++) {
		char *copy = malloc(cut + 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, good, cut);
		if (cut < size - 1)
			ck_assert(!ca_cert_parse(copy, cut, &cert));
		free(copy);
	}
	for (size_t at = 0; at < size; at++)
		for (int change = 1; change < 64; change *= 2) {
			char *copy = malloc(size);

			ck_assert_ptr_nonnull(copy);
			memcpy(copy, good, size);
			copy[at] = (char)(copy[at] ^ change);
			(void)ca_cert_parse(copy, size, &cert);
			free(copy);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ca_cert");
	TCase *tc = tcase_create("cert");

	tcase_add_test(tc, the_end_of_the_validity_is_found);
	tcase_add_test(tc, text_around_the_certificate_does_not_matter);
	tcase_add_test(tc, what_is_no_certificate_is_none);
	tcase_add_test(tc, damage_is_survived);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
