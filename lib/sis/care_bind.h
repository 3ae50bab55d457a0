/*
 * care_bind.h - turning one file into a link
 */
#ifndef SIS_CARE_BIND_H
#define SIS_CARE_BIND_H

#include "sis/care_supply.h"

/* ITEM becomes the link INDEX to SUPPLY's file. A failure leaves the file as it was:
 * ERROR_SHARING_VIOLATION where somebody writes to it, or its content is another by now. */
status care_bind(const struct care_run *run, const struct supply *supply,
	const struct care_item *item, uint64_t index);

#endif
