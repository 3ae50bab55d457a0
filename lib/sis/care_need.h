/*
 * care_need.h - which files keep which store files alive, for check and gc alike
 */
#ifndef SIS_CARE_NEED_H
#define SIS_CARE_NEED_H

#include "sis/care_stored.h"
#include "sis/care_walk.h"

/* Does FILE, whose look succeeded, need its store file? Every link does, and, whoever
 * vouches for it, every file whose only content is there, or whose restore may not have
 * been finished: to err on that side costs space and nothing else. A link that was written
 * to does not. */
bool care_needs(const struct care_file *file);

/* Might FILE, whose reparse data is damaged, be a link without data of its own? */
bool care_might_need(const struct care_run *run, const struct care_file *file);

/* Does such a FILE count? Not where neither root vouched for it nor the store's owner
 * alone could have written it: anybody may put bytes into an attribute of his own file. */
bool care_counts(const struct care_run *run, const struct care_file *file);

#endif
