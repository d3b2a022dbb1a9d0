// DAGAN_FOR_EACH_CPU before a function compiles it once per instruction set (AVX-512, AVX2,
// baseline); at run time the best one for the CPU is called. Use it for plain loops that the
// compiler vectorises. A function that it calls is compiled once, unless it is inlined.
// Not with sanitizers, which are not initialised yet when the loader selects the function.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define DAGAN_FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DAGAN_FOR_EACH_CPU
#endif
