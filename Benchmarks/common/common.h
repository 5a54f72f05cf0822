// What the benchmark's programs share: options, clocks, numbers. Everything is static inline, so there is nothing to link.
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/// Takes `--name` from the arguments and says whether it was there.
static inline int flag(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return 0;
}

/// The text behind `--name`, or the fallback; a NULL fallback makes the option compulsory.
static inline const char *option(int argc, char **argv, const char *name, const char *fallback) {
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0) return argv[i + 1];
    if (!fallback) die("%s needs %s", argv[0], name);
    return fallback;
}

static inline uint64_t number(int argc, char **argv, const char *name, const char *fallback) {
    const char *text = option(argc, argv, name, fallback);
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end || end == text || *text == '-') die("%s: '%s' is no number", name, text);
    return value;
}

static inline double real(int argc, char **argv, const char *name, const char *fallback) {
    const char *text = option(argc, argv, name, fallback);
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || value < 0) die("%s: '%s' is no number", name, text);
    return value;
}

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/// User and system seconds of this process, all its threads.
static inline double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/// Latencies in microseconds. Bounded: what comes after the last place replaces an earlier one, spread evenly.
struct latencies {
    uint32_t *values;
    uint64_t capacity, seen, state;
};

static inline void latencies_add(struct latencies *l, double seconds) {
    if (!l->values) {
        l->capacity = 1 << 20;
        l->state = 88172645463325252ull;
        l->values = malloc(l->capacity * sizeof *l->values);
        if (!l->values) die("no memory for latencies");
    }
    uint64_t place = l->seen++;
    if (place >= l->capacity) {
        l->state ^= l->state << 13, l->state ^= l->state >> 7, l->state ^= l->state << 17;
        place = l->state % l->seen;
        if (place >= l->capacity) return;
    }
    double micros = seconds * 1e6;
    l->values[place] = micros < 4e9 ? (uint32_t)micros : 4000000000u;
}

static inline int latency_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/// Milliseconds below which the share of all latencies lies; sorts at the first call, so add nothing behind it.
static inline double latencies_at(struct latencies *l, double share) {
    uint64_t n = l->seen < l->capacity ? l->seen : l->capacity;
    if (n == 0) return 0;
    if (l->state) qsort(l->values, n, sizeof *l->values, latency_order), l->state = 0;
    return l->values[(uint64_t)(share * (double)(n - 1))] / 1e3;
}
