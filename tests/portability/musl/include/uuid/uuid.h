/*
 * uuid.h - as much of libuuid's interface as the library and its tests use
 */
#ifndef STANDIN_UUID_H
#define STANDIN_UUID_H

typedef unsigned char uuid_t[16];

#define UUID_STR_LEN 37

void uuid_copy(uuid_t to, const uuid_t from);
void uuid_generate(uuid_t out);
void uuid_generate_time(uuid_t out);
int uuid_parse(const char *in, uuid_t out);
void uuid_unparse_lower(const uuid_t in, char *out);

#endif
