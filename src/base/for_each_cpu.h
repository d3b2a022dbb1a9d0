// Marks a function that is to be compiled for each kind of CPU; the running one takes its own. For plain loops that the compiler
// turns into vector instructions; what such a function calls and is not inlined is compiled once. (Sanitizers are not ready yet
// when the loader asks which to take.)
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define DAGAN_FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DAGAN_FOR_EACH_CPU
#endif
