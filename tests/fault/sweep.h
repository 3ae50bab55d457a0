/*
 * sweep.h - a flow in which each allocation fails in turn (memory.h)
 */
#ifndef TESTS_FAULT_SWEEP_H
#define TESTS_FAULT_SWEEP_H

#include "base/status.h"

/* FLOW works, or says that memory is short; either way it leaks neither memory nor a
 * descriptor, and works right after SETTLE has put in order what a failure left behind. */
void sweep(status (*flow)(void), void (*settle)(void));

#endif
